"""Rows that come after those of an estimate."""

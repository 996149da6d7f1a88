"""Redundant cross-correlation."""

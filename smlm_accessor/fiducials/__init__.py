"""Beads in a table."""

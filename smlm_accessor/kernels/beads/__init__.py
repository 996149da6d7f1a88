"""Beads: found, followed over time, and what they move together."""

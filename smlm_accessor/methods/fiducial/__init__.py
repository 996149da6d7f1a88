"""Drift from beads."""

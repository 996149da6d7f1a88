"""Iterative closest point."""

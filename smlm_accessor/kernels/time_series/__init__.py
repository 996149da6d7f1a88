"""Curves through noisy values in time."""

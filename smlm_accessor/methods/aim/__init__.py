"""Adaptive intersection maximization."""

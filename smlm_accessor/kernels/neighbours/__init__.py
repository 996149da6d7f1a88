"""Nearest neighbours, and what the distances to them tell."""

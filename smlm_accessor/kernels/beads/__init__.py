"""Beads followed through a movie."""

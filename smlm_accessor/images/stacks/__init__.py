"""Stacks of images: their drift, and their correction."""

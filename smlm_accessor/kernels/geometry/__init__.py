"""Transformations of space, and fits of them to paired points."""

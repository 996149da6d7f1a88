"""Solvers: redundant shifts by least squares, fixed points."""

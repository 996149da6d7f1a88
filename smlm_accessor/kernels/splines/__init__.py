"""The smoothing spline."""

"""Correlations of images: where their maxima are, and how precise these are."""

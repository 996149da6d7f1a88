"""Numerics of stacks of images: spectra, the shifts at which they agree, standard errors."""

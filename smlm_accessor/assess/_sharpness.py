"""How sharp an image is: Fourier ring correlation of parts of the field."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.frc import fourier_ring_correlation, resolution, time_halves

_PIXELS = 512  # of a part of the field, along each axis
_PARTS = 16
_PER_PRECISION = 1.5  # pixels


def ring_resolution(
    versions: list[FloatArray], frames: IntArray, precision: float
) -> tuple[float, ...]:
    """Return the resolution of each version of the positions in x and y, from the same parts.

    Parameters
    ----------
    versions : list of ndarray, shape (n, d)
        Of the same localizations.
    frames : ndarray, shape (n,)
    precision : float
        Tells how fine the pixels have to be.

    Returns
    -------
    tuple of float
        NaN where the halves do not agree at all.
    """
    pixel = precision / _PER_PRECISION
    size = _PIXELS * pixel
    second = time_halves(frames)
    first = versions[0][:, :2]
    corner = first.min(axis=0)
    cell = np.floor((first - corner) / size).astype(np.int64)
    key = cell @ np.array([1 << 31, 1])
    keys, counts = np.unique(key, return_counts=True)
    fullest = keys[np.argsort(-counts, kind="stable")[:_PARTS]]
    found = []
    for version in versions:
        # A constant is free: parts should show the same sample.
        moved = version[:, :2] - np.median(version[:, :2] - first, axis=0) - corner
        images = np.zeros((2, len(fullest), _PIXELS, _PIXELS))
        for k, part in enumerate(fullest.tolist()):
            lower = np.array([part >> 31, part & ((1 << 31) - 1)]) * size
            at = np.floor((moved - lower) / pixel).astype(np.int64)
            inside = ((at >= 0) & (at < _PIXELS)).all(axis=1)
            for half in (0, 1):
                rows = inside & (second == half)
                flat = at[rows] @ np.array([_PIXELS, 1])
                images[half, k] = np.bincount(flat, minlength=_PIXELS**2).reshape(_PIXELS, _PIXELS)
        found.append(resolution(fourier_ring_correlation(images[0], images[1])) * pixel)
    return tuple(found)

"""How sharp an image is: Fourier ring correlation of parts of the field."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.correlation.frc import (
    fourier_ring_correlation,
    resolution,
    smoothed,
    time_halves,
)
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows

_PIXELS = 512  # of a part of the field, along each axis: a power of two
_PARTS = 16
_PER_PRECISION = 1.5  # pixels
_ENOUGH = 20_000  # localizations, for the usual shift: spread over all frames


@dataclass(frozen=True, eq=False)
class RingCorrelation:
    """Fourier ring correlation before and after a correction.

    The frequency is in cycles per length unit. Both are averaged over a few neighbouring rings, as
    the resolution is read off.
    """

    frequency: FloatArray
    before: FloatArray
    after: FloatArray


def ring_correlation(
    versions: tuple[FloatArray, FloatArray], frames: IntArray, precision: float
) -> tuple[RingCorrelation, tuple[float, float]]:
    """Return how well halves of the localizations agree in x and y, before and after.

    Both ``versions`` of the localizations are seen in the same parts of the field. The
    ``precision`` tells how fine the pixels have to be. Also returned are both resolutions; NaN
    where the halves do not agree at all.
    """
    pixel = precision / _PER_PRECISION
    second = time_halves(frames)
    corner = by_column.lowest(versions[0][:, :2])
    some = slice(None, None, len(frames) // _ENOUGH + 1)
    found, fullest = [], np.zeros(0, np.int64)
    for version in versions:
        # A constant is free: parts should show the same sample.
        moved = version[some, :2] - versions[0][some, :2]
        key, inside = _key(version[:, :2], corner + np.median(moved, axis=0), pixel)
        if not len(fullest):
            begins, counts = equal_runs(ordered := sorted_rows(key)[1])
            fullest = np.sort(ordered[begins][np.argsort(-counts, kind="stable")[:_PARTS]])
        part = np.minimum(np.searchsorted(fullest, key), len(fullest) - 1)
        seen = np.flatnonzero(fullest[part] == key)
        order, ordered = sorted_rows(2 * part[seen] + second[seen])
        cuts = np.searchsorted(ordered, np.arange(2 * len(fullest) + 1))
        rows = [seen[order[a:b]] for a, b in pairwise(cuts)]
        images = (_image(inside[one]) for one in rows)  # the halves of a part after each other
        found.append(fourier_ring_correlation(zip(images, images, strict=True), _PIXELS))
    frequency = np.arange(1, _PIXELS // 2) / (_PIXELS * pixel)
    curves = RingCorrelation(frequency, *map(smoothed, found))
    before, after = (resolution(correlation) * pixel for correlation in found)
    return curves, (before, after)


def _image(inside: IntArray) -> IntArray:
    return np.bincount(inside, minlength=_PIXELS**2).reshape(_PIXELS, _PIXELS)


def _key(positions: FloatArray, corner: FloatArray, pixel: float) -> tuple[IntArray, IntArray]:
    """Return a number for the part of the field, and the pixel within it."""
    x, y = (
        np.floor((column - low) / pixel).astype(np.int64)
        for column, low in zip(positions.T, corner, strict=True)
    )
    bits, last = _PIXELS.bit_length() - 1, _PIXELS - 1
    part = ((x >> bits) << 31) + (y >> bits)
    x &= last
    y &= last
    x <<= bits
    x |= y
    return part, x

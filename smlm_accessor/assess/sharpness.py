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
    _, ordered = sorted_rows(_key(versions[0][:, :2] - corner, pixel)[0])
    begins, counts = equal_runs(ordered)
    fullest = np.sort(ordered[begins][np.argsort(-counts, kind="stable")[:_PARTS]])
    found = []
    for version in versions:
        # A constant is free: parts should show the same sample.
        constant = np.median(version[:, :2] - versions[0][:, :2], axis=0)
        key, inside = _key(version[:, :2] - constant - corner, pixel)
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


def _key(positions: FloatArray, pixel: float) -> tuple[IntArray, IntArray]:
    """Return a number for the part of the field, and the pixel within it."""
    x, y = (np.floor(column / pixel).astype(np.int64) for column in positions.T)
    bits, last = _PIXELS.bit_length() - 1, _PIXELS - 1
    part = ((x >> bits) << 31) + (y >> bits)
    return part, ((x & last) << bits) | (y & last)

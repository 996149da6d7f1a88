"""Which localizations are looked at, in which segments, at which scale."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods._registry import ChunkedPoints

_SCALE_SAMPLE = 4_000
_CLEAR = 8.0  # standard deviations of chance, for clusters to be there at all
_MOST_SEGMENTS = 4000


def sampled(points: ChunkedPoints, size: int) -> tuple[FloatArray, IntArray]:
    """Return positions and frames of about so many localizations, whatever the order of rows."""
    positions, frames = points.positions, points.frames
    n = len(positions)
    if n > size:
        h = frames.astype(np.uint64)
        for axis in range(positions.shape[1]):
            h ^= np.ascontiguousarray(positions[:, axis]).view(np.uint64) << np.uint64(12)
            h *= np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(29)
        keep = h * np.uint64(0xBF58476D1CE4E5B9) < np.uint64(size / n * 2.0**64)
        positions, frames = positions[keep], frames[keep]
    order = np.lexsort((positions[:, 1], positions[:, 0], frames))
    return positions[order], frames[order]


def or_scale(points: ChunkedPoints, precision: FloatArray) -> FloatArray:
    """Return the precision; where it is not known, one from the size of the clusters."""
    if np.isfinite(precision[:2]).all():
        return precision
    from scipy.spatial import cKDTree

    some, _ = sampled(points, _SCALE_SAMPLE)
    extent = np.ptp(some[:, :2], axis=0) if len(some) > 1 else np.zeros(2)
    if len(some) < 20 or not (extent > 0).all():
        return precision
    tree = cKDTree(some[:, :2])
    radii = np.sqrt(extent.prod()) * 2.0 ** np.arange(-14, -2, 0.5)
    pairs = tree.count_neighbors(tree, radii) - len(some)
    expected = len(some) ** 2 * np.pi * radii**2 / extent.prod()
    clear = (pairs - expected) / np.sqrt(expected + 1)
    if clear.max() < _CLEAR:
        return precision
    scale = float(radii[np.argmax(clear)]) / 2.2
    return np.where(np.isfinite(precision), precision, scale)


def cut(frames: IntArray, per_segment: float, most: int = _MOST_SEGMENTS) -> IntArray:
    """Return edges of segments of equal length that hold so many localizations on average."""
    first, last = int(frames[0]), int(frames[-1]) + 1
    k = int(np.clip(len(frames) // per_segment, 1, most))
    present = np.count_nonzero(np.diff(frames)) + 1
    length = max(1, -(-present // k))
    edges = np.append(np.arange(first, last, length), last)
    # An empty segment becomes part of the one before.
    filled = np.diff(np.searchsorted(frames, edges)) > 0
    return np.append(edges[:-1][filled], last)

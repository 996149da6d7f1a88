"""Which localizations are looked at, and in which segments."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.hashing import FIRST, GOLDEN
from smlm_accessor.methods.api import ChunkedLocalizations

_MOST_SEGMENTS = 4000


def sampled(localizations: ChunkedLocalizations, size: int) -> tuple[FloatArray, IntArray]:
    """Return positions and frames of about so many localizations, whatever the order of rows."""
    positions, frames = localizations.positions, localizations.frames
    n = len(positions)
    if n > size:
        h = frames.astype(np.uint64)
        for axis in range(positions.shape[1]):
            h ^= np.ascontiguousarray(positions[:, axis]).view(np.uint64) << np.uint64(12)
            h *= GOLDEN
            h ^= h >> np.uint64(29)
        keep = h * FIRST < np.uint64(size / n * 2.0**64)
        positions, frames = positions[keep], frames[keep]
    order = np.lexsort((positions[:, 1], positions[:, 0], frames))
    return positions[order], frames[order]


def cut(
    frames: IntArray,
    per_segment: float,
    most: int = _MOST_SEGMENTS,
    jumps: IntArray | None = None,
) -> IntArray:
    """Return edges of segments of equal length that hold so many localizations on average.

    There are edges at ``jumps``, too, if they are given and there are localizations after them.
    """
    first, last = int(frames[0]), int(frames[-1]) + 1
    k = int(np.clip(len(frames) // per_segment, 1, most))
    present = np.count_nonzero(np.diff(frames)) + 1
    length = max(1, -(-int(present) // k))
    edges = np.append(np.arange(first, last, length), last)
    if jumps is not None:
        edges = np.union1d(edges, jumps[(jumps > first) & (jumps < last)])
    # An empty segment becomes part of the one before.
    filled = np.diff(np.searchsorted(frames, edges)) > 0
    return np.append(edges[:-1][filled], last)

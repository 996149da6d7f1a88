"""Which localizations are looked at, of many."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.frames.order import in_order
from smlm_accessor.kernels.hashing import FIRST, GOLDEN
from smlm_accessor.methods.api import ChunkedLocalizations


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
        keep = np.flatnonzero(h * FIRST < np.uint64(size / n * 2.0**64))
        positions, frames = positions.take(keep, axis=0), frames[keep]
    order = in_order(frames, positions)
    if (order[1:] > order[:-1]).all():  # they are, of a table: no copy
        return positions, frames
    return positions.take(order, axis=0), frames[order]

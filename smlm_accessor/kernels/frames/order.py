"""The order of localizations in time, whatever the order of the rows of the table."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import constant, inlined, kernel
from smlm_accessor.kernels.sorting import sorted_rows


def in_order(frames: IntArray, positions: FloatArray) -> IntArray:
    """Return the rows in the order of frames, and within a frame of coordinates, which are finite.

    Sums over rows in this order, and so the last digits of every result, do not depend on the order
    in the table.

    Examples
    --------
    >>> in_order(np.array([1, 0, 1]), np.array([[5.0, 0.0], [9.0, 0.0], [2.0, 0.0]]))
    array([1, 2, 0])
    """
    order = np.arange(len(frames))
    if (frames[1:] < frames[:-1]).any():
        order, _ = sorted_rows(frames)
    _sort_within(constant(frames), constant(positions), order)
    return order


@inlined
def _after(positions, a, b):  # type: ignore[no-untyped-def]
    for c in range(positions.shape[1]):
        if positions[a, c] != positions[b, c]:
            return positions[a, c] > positions[b, c]
    return False


@kernel
def _sort_within(frames, positions, order):  # type: ignore[no-untyped-def]
    """Sort the rows of each frame; by insertion at shrinking distances, as frames are short."""
    n, start = len(order), 0
    while start < n:
        stop = start + 1
        while stop < n and frames[order[stop]] == frames[order[start]]:
            stop += 1
        gap = 1
        while 3 * gap + 1 < stop - start:
            gap = 3 * gap + 1
        while gap > 0:
            for i in range(start + gap, stop):
                row, j = order[i], i
                while j - gap >= start and _after(positions, order[j - gap], row):
                    order[j] = order[j - gap]
                    j -= gap
                order[j] = row
            gap //= 3
        start = stop

"""How many localizations of other times lie near a position.

Own code: a k-d tree of scipy returns all pairs, of which there may be billions, before they can be
weighted and chosen by group and time. The cells are as wide as the kernel reaches, and only those
that are not empty are kept: a grid as that of `nearest` has one cell for four localizations, and
around dense structures far more pairs to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from smlm_accessor._typing import FloatArray, IntArray

_BLOCKS = 8  # of positions, for threads; the same for any number of threads
_CELLS = 2**60  # along all axes; cells grow where there would be more


def neighbour_counts(
    points: FloatArray,
    frames: IntArray,
    group: IntArray,
    *,
    gap: int,
    at: FloatArray | None = None,
    run: Callable[[Callable[[int], Any], range], list[Any]] = lambda f, items: list(map(f, items)),
) -> FloatArray:
    """Sum a kernel over the points of the same group that are seen at other times.

    The kernel is ``(1 - r^2)^4`` up to ``r = 1``: nearly a Gaussian, with a standard deviation of
    ``8 ** -0.5``. One at the same place counts one. Points, (n, d), are in units of its reach;
    those at most ``gap`` frames apart do not count. Counts are taken at the points, or ``at`` other
    places, one for each. ``run`` maps a function over blocks, in threads perhaps.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [0.5, 0.0], [0.1, 0.0], [0.0, 0.0]])
    >>> frames, group = np.array([0, 90, 1, 90]), np.array([0, 0, 0, 1])
    >>> neighbour_counts(points, frames, group, gap=5).round(3)
    array([0.316, 0.814, 0.498, 0.   ])
    >>> neighbour_counts(points, frames, group, gap=5, at=points + [0.5, 0.0]).round(3)
    array([1.   , 0.001, 0.961, 0.   ])
    """
    n, d = points.shape
    found = np.zeros(n)
    if not n:
        return found
    at_all = points if at is None else at
    lower = np.minimum(points.min(axis=0), at_all.min(axis=0))
    extent = np.maximum(points.max(axis=0), at_all.max(axis=0)) - lower
    size = 1.0
    while float(np.prod(extent / size + 4)) > _CELLS:
        size *= 2.0
    counts = np.ones(3, dtype=np.int64)
    counts[:d] = (extent / size).astype(np.int64) + 3

    def sort(x: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
        key = np.zeros(n, dtype=np.int64)
        for c in range(d):
            # A rim of empty cells: neighbours need no check.
            key = key * counts[c] + ((x[:, c] - lower[c]) / size).astype(np.int64) + 1
        order = np.argsort(key, kind="stable")
        three = np.zeros((n, 3))
        three[:, :d] = x[order]
        return order, key[order], three

    order, keys, sources = sort(points)
    asked, asked_keys, targets = (order, keys, sources) if at is None else sort(at_all)
    stride = np.array([counts[1] * (counts[2] if d == 3 else 1), counts[2] if d == 3 else 1])
    of_points, of_asked = (frames[order], group[order]), (frames[asked], group[asked])
    cuts = np.linspace(0, n, _BLOCKS + 1).astype(np.int64)

    def one(block: int) -> None:
        _sum_kernel(
            *(sources, keys, *of_points, targets, asked_keys, *of_asked),
            *(stride, cuts[block], cuts[block + 1], d, gap, asked, found),
        )

    run(one, range(_BLOCKS))
    return found


@numba.njit(cache=True, nogil=True)
def _sum_kernel(  # type: ignore[no-untyped-def]
    points, keys, frames, group, at, at_keys, at_frames, at_group,
    stride, first, last, d, gap, row, found,
):  # fmt: skip
    n = len(keys)
    lines = 3 if d == 2 else 9
    # Ranges of neighbours move forward with the cell: no search.
    low, high = np.zeros(lines, np.int64), np.zeros(lines, np.int64)
    shift = np.zeros(lines, np.int64)
    for line in range(lines):
        if d == 2:
            shift[line] = (line - 1) * stride[0]
        else:
            shift[line] = (line // 3 - 1) * stride[0] + (line % 3 - 1) * stride[1]
        if first < last:
            low[line] = np.searchsorted(keys, at_keys[first] + shift[line] - 1)
            high[line] = low[line]
    for a in range(first, last):
        total = 0.0
        for line in range(lines):
            cell = at_keys[a] + shift[line]
            while low[line] < n and keys[low[line]] < cell - 1:
                low[line] += 1
            if high[line] < low[line]:
                high[line] = low[line]
            while high[line] < n and keys[high[line]] <= cell + 1:
                high[line] += 1
            for b in range(low[line], high[line]):
                if at_group[a] != group[b] or abs(at_frames[a] - frames[b]) <= gap:
                    continue
                u = at[a, 0] - points[b, 0]
                v = at[a, 1] - points[b, 1]
                w = at[a, 2] - points[b, 2]
                t = 1.0 - (u * u + v * v + w * w)
                if t > 0.0:
                    total += t * t * t * t
        found[row[a]] = total

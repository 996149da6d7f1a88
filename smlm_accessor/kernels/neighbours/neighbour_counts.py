"""How many localizations of other times lie near each one, by the time between them.

Own code: a k-d tree of scipy returns all pairs, of which there may be billions, before they can be
weighted and chosen by group and time. The cells are as wide as the kernel reaches, and only those
that are not empty are kept: a grid as that of `nearest` has one cell for four localizations, and
around dense structures far more pairs to look at.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.sorting import sorted_rows

_BLOCKS = 8  # of positions, for threads; the same for any number of threads
_CELLS = 2**60  # along all axes; cells grow where there would be more


def neighbour_counts(
    points: FloatArray,
    frames: IntArray,
    group: IntArray,
    lags: IntArray,
    *,
    chosen: BoolArray | None = None,
    run: Callable[[Callable[[int], Any], range], list[Any]] = lambda f, items: list(map(f, items)),
) -> FloatArray:
    """Sum a kernel over the points of the same group that are seen at other times, by lag.

    The kernel is ``(1 - r^2)^4`` up to ``r = 1``: nearly a Gaussian, with a standard deviation of
    ``8 ** -0.5``. One at the same place counts one. Points, (n, d), are in units of its reach. The
    result, (n, k), has in column ``j`` the points that are more than ``lags[j]`` and at most
    ``lags[j + 1]`` frames apart, in the last one all later ones. Of points that are not ``chosen``,
    (n,), they are 0. ``run`` maps a function over blocks, in threads perhaps.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [0.5, 0.0], [0.1, 0.0], [0.0, 0.0]])
    >>> frames, group = np.array([0, 90, 1, 90]), np.array([0, 0, 0, 1])
    >>> neighbour_counts(points, frames, group, np.array([5])).round(3).T
    array([[0.316, 0.814, 0.498, 0.   ]])
    """
    n, d = points.shape
    found = np.zeros((n, len(lags)))
    if not n:
        return found
    lower = by_column.lowest(points)
    extent = by_column.highest(points) - lower
    size = 1.0
    while float(np.prod(extent / size + 4)) > _CELLS:
        size *= 2.0
    counts = np.ones(3, dtype=np.int64)
    counts[:d] = (extent / size).astype(np.int64) + 3

    key = np.zeros(n, dtype=np.int64)
    for c in range(d):
        # A rim of empty cells: neighbours need no check.
        key = key * counts[c] + ((points[:, c] - lower[c]) / size).astype(np.int64) + 1
    order, key = sorted_rows(key)
    sources = np.zeros((n, 3))
    sources[:, :d] = points[order]
    wanted = np.ones(n, dtype=np.bool_) if chosen is None else chosen[order]
    sorted_by_cell = (sources, key, frames[order], group[order], wanted)
    # From a cell to the middles of the rows around it.
    strides = [counts[1] * (counts[2] if d == 3 else 1), counts[2]][: d - 1]
    shift = np.array([sum(step) for step in product(*[(-s, 0, s) for s in strides])], np.int64)
    cuts = np.linspace(0, n, _BLOCKS + 1).astype(np.int64)

    def one(block: int) -> None:
        first, last = cuts[block], cuts[block + 1]
        if first < last:
            low = np.searchsorted(sorted_by_cell[1], sorted_by_cell[1][first] + shift - 1)
            _sum_kernel(*sorted_by_cell, shift, low, low.copy(), lags, first, last, order, found)

    run(one, range(_BLOCKS))
    return found


def partner_counts(frames: IntArray, group: IntArray, lags: IntArray) -> IntArray:
    """Return how many points each could have in `neighbour_counts`, wherever they lie: (n, k).

    Examples
    --------
    >>> frames, lags = np.array([0, 90, 1, 90]), np.array([5, 89])
    >>> partner_counts(frames, np.zeros(4, dtype=int), lags).T
    array([[0, 1, 2, 1],
           [2, 1, 0, 1]])
    """
    found = np.zeros((len(frames), len(lags)), dtype=np.int64)
    for number in np.unique(group):
        rows = group == number
        at = frames[rows]
        ordered = np.sort(at)
        within = [
            np.searchsorted(ordered, at + lag, "right") - np.searchsorted(ordered, at - lag)
            for lag in lags
        ]
        found[rows] = np.diff([*within, np.full(len(at), len(at))], axis=0).T
    return found


@kernel
def _sum_kernel(  # type: ignore[no-untyped-def]
    points, keys, frames, group, wanted, shift, low, high, lags, first, last, row, found,
):  # fmt: skip
    """Add up the kernel over the neighbours of a run of points; they are in rows of cells.

    The ranges of neighbours, from ``low`` to ``high`` in each row of cells, move forward with the
    cell: no search.
    """
    n, last_lag = len(keys), len(lags) - 1
    for a in range(first, last):
        if not wanted[a]:
            continue
        for line in range(len(shift)):
            cell = keys[a] + shift[line]
            while low[line] < n and keys[low[line]] < cell - 1:
                low[line] += 1
            if high[line] < low[line]:
                high[line] = low[line]
            while high[line] < n and keys[high[line]] <= cell + 1:
                high[line] += 1
            for b in range(low[line], high[line]):
                lag = abs(frames[a] - frames[b])
                if group[a] != group[b] or lag <= lags[0]:
                    continue
                u = points[a, 0] - points[b, 0]
                v = points[a, 1] - points[b, 1]
                w = points[a, 2] - points[b, 2]
                t = 1.0 - (u * u + v * v + w * w)
                if t > 0.0:
                    j = 0
                    while j < last_lag and lag > lags[j + 1]:
                        j += 1
                    found[row[a], j] += t * t * t * t

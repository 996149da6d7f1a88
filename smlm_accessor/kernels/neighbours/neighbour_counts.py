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
from smlm_accessor.kernels.compilation import any_order, kernel
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows

_BLOCKS = 8  # of positions, for threads; the same for any number of threads
_CELLS = 2**60  # along all axes, of all groups; cells grow where there would be more


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
    n_groups = int(group.max()) + 1
    while n_groups * float(np.prod(extent / size + 4)) > _CELLS:
        size *= 2.0
    counts = np.ones(3, dtype=np.int64)
    counts[:d] = (extent / size).astype(np.int64) + 3

    key = group.astype(np.int64)  # a group has cells of its own
    for c in range(d):
        # A rim of empty cells: neighbours need no check.
        key = key * counts[c] + ((points[:, c] - lower[c]) / size).astype(np.int64) + 1
    order, key = sorted_rows(key)
    sources = np.zeros((4, n))
    for c, column in enumerate((*points.T, frames)):
        sources[c if c < d else 3] = column[order]
    wanted = np.ones(n, dtype=np.bool_) if chosen is None else chosen[order]
    # From a cell to the middles of the rows around it.
    strides = [counts[1] * (counts[2] if d == 3 else 1), counts[2]][: d - 1]
    shift = np.array([sum(step) for step in product(*[(-s, 0, s) for s in strides])], np.int64)
    most = 3 * len(shift) * int(equal_runs(key)[1].max())  # around a cell
    ends = np.append(lags, np.inf)
    cuts = np.linspace(0, n, _BLOCKS + 1).astype(np.int64)

    def one(block: int) -> None:
        first, last = cuts[block], cuts[block + 1]
        if first < last:
            low = np.searchsorted(key, key[first] + shift - 1)
            lines, room = (shift, low, low.copy()), (np.empty((4, most)), np.empty((2, most)))
            _sum_kernel(sources, key, wanted, *lines, ends, first, last, order, *room, found)

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


@any_order
def _of_one(n, x, y, z, frame, around, ends, room, found):  # type: ignore[no-untyped-def]
    """Write the sums of the kernel over ``n`` points around one, by lag."""
    # Slices: an index that could be negative keeps the loops from taking several points at once.
    xs, ys, zs, frames = around[0, :n], around[1, :n], around[2, :n], around[3, :n]
    value, lag = room[0, :n], room[1, :n]
    for j in range(n):
        u, v, w = xs[j] - x, ys[j] - y, zs[j] - z
        t = max(1.0 - (u * u + v * v + w * w), 0.0)
        t *= t
        value[j], lag[j] = t * t, abs(frames[j] - frame)
    for k in range(len(found)):
        low, high = ends[k], ends[k + 1]
        total = 0.0
        for j in range(n):
            total += value[j] * np.float64((lag[j] > low) & (lag[j] <= high))
        found[k] = total


@kernel
def _sum_kernel(  # type: ignore[no-untyped-def]
    points, keys, wanted, shift, low, high, ends, first, last, row, around, room, found,
):  # fmt: skip
    """Add up the kernel over the neighbours of a run of points; they are in rows of cells.

    What lies around a cell is copied for that, row after row. The ranges of neighbours, from
    ``low`` to ``high`` in each row of cells, move forward with the cell: no search.
    """
    n, m, at = len(keys), 0, -1
    for a in range(first, last):
        if not wanted[a]:
            continue
        if keys[a] != at:
            at, m = keys[a], 0
            for line in range(len(shift)):
                cell = at + shift[line]
                while low[line] < n and keys[low[line]] < cell - 1:
                    low[line] += 1
                if high[line] < low[line]:
                    high[line] = low[line]
                while high[line] < n and keys[high[line]] <= cell + 1:
                    high[line] += 1
                for b in range(low[line], high[line]):
                    for c in range(4):
                        around[c, m] = points[c, b]
                    m += 1
        x, y, z, frame = points[0, a], points[1, a], points[2, a], points[3, a]
        _of_one(m, x, y, z, frame, around, ends, room, found[row[a]])

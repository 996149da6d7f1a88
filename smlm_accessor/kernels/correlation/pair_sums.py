"""Correlations of all pairs of windows next to no shift, as sums over pairs of localizations.

The correlation of two images, smoothed with a kernel, is the sum of the kernel over all pairs of
one localization from each. Near its maximum only close pairs matter: then the sum needs no image,
whatever the field, and costs the same for any number of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, Int32Array, IntArray
from smlm_accessor.kernels.compilation import allocating
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.sorting import sorted_rows

#: A kernel (1 - r^2)^4 that ends at r = 1 is close to a Gaussian of this standard deviation.
WIDTH = 8**-0.5
# Parts into which cells are cut, whatever the number of threads: each has sums of its own.
_PARTS = 2
# Cells, at most, for each localization: cells grow where localizations are few in a large field.
_CELLS = 8
# Cells along an axis of a region in which all localizations have equally many partners.
_REGION = 16


class PairSums(NamedTuple):
    """Sums over pairs, lengths in units of the reach.

    ``overlap``, shape (k, k), is the sum of the kernel over the pairs of two windows, symmetric;
    ``slope``, shape (d, k, k), its derivative if the first window moves, antisymmetric; None if it
    is not asked for. The following, of shape (k, d), add up over the localizations of a window:
    ``curvature``, minus the second derivatives; ``squares``, the squared slope of a localization,
    all its pairs together; ``pair_squares``, that of each pair; and, (k, n_blocks, d), the slope
    ``by_block``.
    """

    overlap: FloatArray
    slope: FloatArray | None
    curvature: FloatArray
    squares: FloatArray
    pair_squares: FloatArray
    by_block: FloatArray


class Layers(NamedTuple):
    """Localizations sorted by cell. Only those of one layer are paired with each other."""

    order: IntArray
    starts: IntArray
    cells: IntArray
    shape: tuple[int, int, int]


def split_mix(number: IntArray) -> IntArray:
    """Return 62 bits for each number, as good as random."""
    return np.asarray((split_mix64(number) >> np.uint64(2)).astype(np.int64))


def sort_into_layers(positions: FloatArray, group: IntArray, partners: float) -> Layers:
    """Sort localizations into cells as wide as the reach, thinned to so many partners.

    Where a localization would have more, those around are dealt out to 2, 4, 8 .. layers.
    Positions, (n, d), are in units of the reach; localizations with the same random bits ``group``
    share their layer.
    """
    n, d = positions.shape
    if not n:
        return Layers(np.zeros(0, int), np.zeros(1, int), np.zeros(0, int), (1, 1, 1))
    # One axis at a time is several times faster than axis=0.
    lower = np.array([column.min() for column in positions.T])
    extent = np.array([column.max() for column in positions.T]) - lower
    size = 1.0
    while np.prod(np.floor(extent / size) + 3) > max(_CELLS * n, 1000):
        size *= 1.25
    # A rim of empty cells: neighbours need no check.
    counts = np.array([1] * (3 - d) + [int(e / size) + 3 for e in extent])
    key, region = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for axis, column in enumerate(positions.T):
        cell = ((column - lower[axis]) / size).astype(np.int64)
        cell += 1
        key *= counts[3 - d + axis]
        key += cell
        cell //= _REGION
        region *= (counts[3 - d + axis] - 1) // _REGION + 1
        region += cell
    level = _levels(key, region, size, d, partners)
    del region
    if level.any():
        # Layers of one level follow each other; a layer without localizations costs nothing.
        layer = (1 << level) - 1 + (group & ((1 << level) - 1))
        key += layer * int(counts.prod())
    order, key = sorted_rows(key)
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    shape = (int(counts[0]), int(counts[1]), int(counts[2]))
    return Layers(order, np.append(first, n).astype(np.int64), key[first], shape)


def _levels(cell: IntArray, region: IntArray, size: float, d: int, partners: float) -> IntArray:
    """Return the logarithm, to the base of two, of the number of layers around localizations.

    ``cell`` and ``region`` are the numbers of the cell, and of the region, that each lies in.
    """
    present = np.bincount(region)
    # A cell's mean number of neighbours, over localizations: within reach is part of the 3 cells.
    ball = {1: 2.0, 2: np.pi, 3: 4 * np.pi / 3}[d] / size**d
    each = np.bincount(cell)[cell]
    usual = np.bincount(region, weights=each) / np.maximum(present, 1) * ball
    level = np.ceil(np.log2(np.maximum(usual / partners, 1.0))).astype(np.int64)
    return np.asarray(level[region])


def pair_sums(
    positions: FloatArray,
    window: IntArray | Int32Array,
    n_windows: int,
    layers: Layers,
    *,
    blocks: IntArray | None = None,
    slopes: bool = True,
    run: Callable[[Callable[[int], Any], range], list[Any]] = lambda f, items: list(map(f, items)),
) -> PairSums:
    """Sum over all pairs of localizations of different windows that are closer than 1.

    Positions, (n, d), are aligned and in units of the reach, as the layers are. Localizations whose
    ``window`` is negative are left out. ``run`` maps a function over parts, in threads perhaps.
    Each pair is looked at once, and counts for both.
    Without the ``slopes`` of pairs it is quicker where windows are many.
    """
    n, d = positions.shape
    ordered = np.zeros((n, 3))
    for axis, column in enumerate(positions.T):
        ordered[:, axis] = column[layers.order]
    of = window[layers.order].astype(np.int32)
    ends = np.searchsorted(layers.starts, np.linspace(0, n, _PARTS + 1)).tolist()
    # Rows of the upper triangle of all pairs of windows, one after the other.
    lengths = np.arange(n_windows, 0, -1)
    row = np.cumsum(lengths) - lengths - np.arange(n_windows)

    def one(part: int) -> tuple[FloatArray, ...]:
        pairs = np.zeros((int(lengths.sum()), 1 + d * slopes))
        own, slope = np.zeros((n_windows, 2, d)), np.zeros((n - int(layers.starts[ends[part]]), d))
        _sum_pairs(
            ordered, of, layers.starts, layers.cells, layers.shape[1], layers.shape[2],
            ends[part], ends[part + 1], row, pairs, own, slope,
        )  # fmt: skip
        return pairs, own, slope

    (pairs, own, slope), *others = run(one, range(_PARTS))
    while others:
        more = others.pop()
        pairs += more[0]
        own += more[1]
        slope[n - len(more[2]) :] += more[2]
    of = np.maximum(of, 0)  # those that are left out have no pairs
    n_blocks = 1 if blocks is None else int(blocks.max(initial=0)) + 1
    of_block = of if blocks is None else of * n_blocks + blocks[layers.order].astype(np.int32)
    by_block, squares = np.empty((n_windows, n_blocks, d)), np.empty((n_windows, d))
    for axis, x in enumerate(slope.T):
        squares[:, axis] = np.bincount(of, x**2, n_windows)
        found = np.bincount(of_block, x, n_windows * n_blocks)
        by_block[:, :, axis] = found.reshape(n_windows, n_blocks)
    every = _of_all_pairs(pairs, row)
    return PairSums(
        overlap=every[-1],
        slope=every[:d] if slopes else None,
        curvature=own[:, 0],
        squares=squares,
        pair_squares=own[:, 1],
        by_block=by_block,
    )


def _of_all_pairs(pairs: FloatArray, row: IntArray) -> FloatArray:
    """Return the upper triangle of the last column as a symmetric matrix, of others antisymmetric.

    The shape is (n_columns, k, k).
    """
    k, n_columns = len(row), pairs.shape[1]
    every = np.empty((n_columns, k, k))
    sign = np.where(np.arange(n_columns) < n_columns - 1, -1.0, 1.0)[:, None]
    for i in range(k):
        of_window = pairs[row[i] + i : row[i] + k].T
        every[:, i:, i] = sign * of_window
        every[:, i, i:] = of_window
    return every


@allocating
def _sum_pairs(  # type: ignore[no-untyped-def]
    positions, window, starts, cells, columns, depth, first, stop, row, pairs, own, slope
):
    """Add up the pairs of localizations in a range of cells with those that come later."""
    origin = positions.shape[0] - slope.shape[0]
    d, n_cells, last = own.shape[2], cells.size, pairs.shape[1] - 1
    # Lines of cells: the rest of its own, the next, and three of the next plane.
    lines = (1, 2, 5)[d - 1]
    # Ranges of neighbours move forward with the cell: no search.
    shift, low, high = np.zeros(5, np.int64), np.zeros(5, np.int64), np.zeros(5, np.int64)
    for line in range(lines):
        shift[line] = line * depth if line < 2 else (columns + line - 3) * depth
        if first < stop:
            low[line] = np.searchsorted(cells, cells[first] + shift[line] - 1)
            high[line] = low[line]
    for c in range(first, stop):
        for line in range(lines):
            at = cells[c] + shift[line]
            while low[line] < n_cells and cells[low[line]] < at - 1:
                low[line] += 1
            if high[line] < low[line]:
                high[line] = low[line]
            while high[line] < n_cells and cells[high[line]] <= at + 1:
                high[line] += 1
        for a in range(starts[c], starts[c + 1]):
            i = window[a]
            if i < 0:
                continue
            x, y, z = positions[a, 0], positions[a, 1], positions[a, 2]
            sx = sy = sz = cx = cy = cz = qx = qy = qz = 0.0
            for line in range(lines):
                begin = starts[low[line]] if line > 0 else a + 1
                for b in range(begin, starts[high[line]]):
                    j = window[b]
                    if j == i or j < 0:
                        continue
                    u = x - positions[b, 0]
                    v = y - positions[b, 1]
                    w = z - positions[b, 2]
                    t = 1.0 - (u * u + v * v + w * w)
                    if t <= 0.0:
                        continue
                    t2 = t * t
                    g = -8.0 * t2 * t
                    h = 48.0 * t2
                    gx, gy, gz = g * u, g * v, g * w
                    hx, hy, hz = -g - h * u * u, -g - h * v * v, -g - h * w * w
                    px, py, pz = gx * gx, gy * gy, gz * gz
                    sx, sy, sz = sx + gx, sy + gy, sz + gz
                    cx, cy, cz = cx + hx, cy + hy, cz + hz
                    qx, qy, qz = qx + px, qy + py, qz + pz
                    slope[b - origin, 0] -= gx
                    own[j, 0, 0] += hx
                    own[j, 1, 0] += px
                    if d > 1:
                        slope[b - origin, 1] -= gy
                        own[j, 0, 1] += hy
                        own[j, 1, 1] += py
                    if d > 2:
                        slope[b - origin, 2] -= gz
                        own[j, 0, 2] += hz
                        own[j, 1, 2] += pz
                    of_pair = pairs[row[min(i, j)] + max(i, j)]
                    sign = 1.0 if i < j else -1.0
                    if last > 0:
                        of_pair[0] += sign * gx
                    if last > 1:
                        of_pair[1] += sign * gy
                    if last > 2:
                        of_pair[2] += sign * gz
                    of_pair[last] += t2 * t2
            pulls, curvature, squares = (sx, sy, sz), (cx, cy, cz), (qx, qy, qz)
            for axis in range(d):
                slope[a - origin, axis] += pulls[axis]
                own[i, 0, axis] += curvature[axis]
                own[i, 1, axis] += squares[axis]

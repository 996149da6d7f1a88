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
#: Parts into which windows are dealt, whatever the number of threads: each adds to rows of its own.
PARTS = 2
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
    Without the ``slopes`` of pairs it is quicker where windows are many.
    """
    n, d = positions.shape
    ordered = np.zeros((n, 3))
    for axis, column in enumerate(positions.T):
        ordered[:, axis] = column[layers.order]
    of = window[layers.order].astype(np.int32)
    block = np.zeros(n, np.int32) if blocks is None else blocks[layers.order].astype(np.int32)
    pairs = np.zeros((n_windows, n_windows, 1 + d * slopes))
    own = np.zeros((n_windows, 4 + block.max(initial=0), d))

    def one(part: int) -> None:
        _sum_pairs(
            ordered, of, block, layers.starts, layers.cells, layers.shape[1], layers.shape[2],
            part, d, pairs, own,
        )  # fmt: skip

    run(one, range(PARTS))
    return PairSums(
        overlap=pairs[:, :, -1],
        slope=np.moveaxis(pairs[:, :, :d], 2, 0) if slopes else None,
        curvature=own[:, 0],
        squares=own[:, 1],
        pair_squares=own[:, 2],
        by_block=own[:, 3:],
    )


@allocating
def _sum_pairs(  # type: ignore[no-untyped-def]
    positions, window, block, starts, cells, columns, depth, part, d, pairs, own
):
    rows, lines = 1 if d < 3 else 3, 1 if d < 2 else 3
    n_cells, last = cells.size, pairs.shape[2] - 1
    begin, end = np.zeros(9, np.int64), np.zeros(9, np.int64)
    # Ranges of neighbours move forward with the cell: no search.
    low, high = np.zeros(9, np.int64), np.zeros(9, np.int64)
    for line in range(rows * lines):
        shift = ((line // lines - rows // 2) * columns + line % lines - lines // 2) * depth
        if n_cells > 0:
            low[line] = np.searchsorted(cells, cells[0] + shift - 1)
            high[line] = low[line]
    for c in range(n_cells):
        for line in range(rows * lines):
            shift = ((line // lines - rows // 2) * columns + line % lines - lines // 2) * depth
            at = cells[c] + shift
            while low[line] < n_cells and cells[low[line]] < at - 1:
                low[line] += 1
            if high[line] < low[line]:
                high[line] = low[line]
            while high[line] < n_cells and cells[high[line]] <= at + 1:
                high[line] += 1
            begin[line] = starts[low[line]]
            end[line] = starts[high[line]]
        for a in range(starts[c], starts[c + 1]):
            i = window[a]
            if i < 0 or i % PARTS != part:
                continue
            x, y, z = positions[a, 0], positions[a, 1], positions[a, 2]
            sx = sy = sz = cx = cy = cz = qx = qy = qz = 0.0
            for line in range(rows * lines):
                for b in range(begin[line], end[line]):
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
                    sx, sy, sz = sx + gx, sy + gy, sz + gz
                    cx -= g + h * u * u
                    cy -= g + h * v * v
                    cz -= g + h * w * w
                    qx += gx * gx
                    qy += gy * gy
                    qz += gz * gz
                    if last > 0:
                        pairs[i, j, 0] += gx
                    if last > 1:
                        pairs[i, j, 1] += gy
                    if last > 2:
                        pairs[i, j, 2] += gz
                    pairs[i, j, last] += t2 * t2
            curvature, slope, pair = (cx, cy, cz), (sx, sy, sz), (qx, qy, qz)
            for axis in range(d):
                own[i, 0, axis] += curvature[axis]
                own[i, 1, axis] += slope[axis] * slope[axis]
                own[i, 2, axis] += pair[axis]
                own[i, 3 + block[a], axis] += slope[axis]

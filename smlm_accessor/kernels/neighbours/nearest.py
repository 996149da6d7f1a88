"""Nearest neighbours of points that move a little at a time: a grid, and searches left out.

A closest-point iteration asks for the same neighbours again and again while the points hardly move.
Each search therefore also notes a lower bound of the distance to every *other* target; as long as
the point has moved less than that bound allows, its neighbour cannot have changed and no search is
made (after Greenspan & Godin 2001, DOI 10.1109/IM.2001.924426). The result is exact. Own code:
`scipy.spatial.cKDTree` takes ten times as long for the twenty searches of a registration.

Two dimensions are three with a single layer: axes are padded in front, so that the last axis, along
which cells are contiguous in memory, is always a real one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.neighbours import nearest_loops

_CELLS_PER_POINT = 4


@dataclass(frozen=True)
class NeighbourGrid:
    """Points sorted into cells of width ``cell``, in an order that depends on the points only.

    Points, (n, 3), are padded in front with zeros to three axes, ``n_axes`` of which are not
    padding. Cell ``c`` holds the rows ``starts[c]:starts[c + 1]``. ``low`` is the corner of the
    grid, ``inverse_cell`` one over the width of a cell, 0 of an axis without extent, and ``counts``
    are the cells along each axis. Points outside belong to the cells at the border.
    """

    points: FloatArray
    n_axes: int
    starts: IntArray
    low: FloatArray
    inverse_cell: FloatArray
    counts: IntArray
    cell: float

    @property
    def positions(self) -> FloatArray:
        """The points without padding, shape (n, n_axes)."""
        return self.points[:, 3 - self.n_axes :]


def build(points: FloatArray) -> NeighbourGrid:
    """Sort finite points, (n, d), into cells of equal width, about four for each point."""
    padded = _padded(points)
    low, extent = _box(padded)
    # Axes thinner than a cell get one layer, and the others are divided as if it were not there.
    active = extent > 0
    cell = math.inf
    while active.any():
        n_active = int(active.sum())
        share = _CELLS_PER_POINT * len(padded)
        cell = float(np.prod((extent[active] / share ** (1 / n_active)) ** (1 / n_active)))
        thin = active & (extent < cell)
        if not thin.any():
            break
        active &= ~thin
    counts = np.ones(3, dtype=np.int64)
    inverse_cell = np.zeros(3)
    if active.any():
        counts[active] = np.ceil(extent[active] / cell).astype(np.int64)
        inverse_cell[active] = 1 / cell
    ordered, starts = nearest_loops.sort_into_cells(padded, low, inverse_cell, counts)
    return NeighbourGrid(ordered, points.shape[1], starts, low, inverse_cell, counts, cell)


def _padded(points: FloatArray) -> FloatArray:
    """Return an own copy, shape (n, 3), of points of shape (n, d), with zeros in front."""
    padded = np.zeros((len(points), 3))
    padded[:, 3 - points.shape[1] :] = points
    return padded


def _box(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corner and extent of the bulk: a few far outliers must not put all the rest in one cell."""
    n = len(points)
    tail = n // 20
    low, extent = np.zeros(3), np.zeros(3)
    for axis in range(3):
        ordered = np.partition(points[:, axis], (0, tail, n - 1 - tail, n - 1))
        first, lower, upper, last = ordered[[0, tail, n - 1 - tail, n - 1]]
        margin = (upper - lower) / 4
        if margin > 0:
            first, last = max(first, lower - margin), min(last, upper + margin)
        low[axis], extent[axis] = first, last - first
    return low, extent


class Moments(NamedTuple):
    """Sums over points ``s``, less their centroid, and vectors ``r`` from them to their targets.

    ``n`` (n_blocks,), ``r`` (n_blocks, d) and ``rs`` (n_blocks, d, d), the sum of ``r s^T``, are by
    block; ``s`` (d,) and ``ss`` (d, d), the sum of ``s s^T``, of all.
    """

    n: IntArray
    r: FloatArray
    rs: FloatArray
    s: FloatArray
    ss: FloatArray


class Matcher:
    """The nearest targets of a source that moves: exact, and quick where it moves little.

    The source is kept relative to its `centroid`.
    """

    def __init__(self, grid: NeighbourGrid, source: FloatArray) -> None:
        self.grid = grid
        self.n_axes = source.shape[1]
        self.centroid: FloatArray = by_column.mean(source)
        self._source = _padded(source - self.centroid)
        n = len(source)
        self.nearest: IntArray = np.full(n, -1)
        self.distance: FloatArray = np.full(n, np.inf)
        self._others = np.full(n, -1.0)
        self._asked = np.zeros((n, 3))
        self._matrix, self._shift, self._reach = np.eye(3), np.zeros(3), 0.0

    def match(
        self, matrix: FloatArray | None, shift: FloatArray, reach: float
    ) -> tuple[int, float, FloatArray]:
        """Find the targets nearest to ``matrix @ (source - centroid) + shift``, within ``reach``.

        Returns the number of points that have one, and the sums of their squared distances and of
        the vectors to their targets.
        """
        first = 3 - self.n_axes
        self._shift[first:] = shift
        if matrix is not None:
            self._matrix[first:, first:] = matrix
        self._reach = reach
        g = self.grid
        n, square_sum, *residual_sum = nearest_loops.match(
            *(g.points, g.starts, g.low, g.inverse_cell, g.counts, g.cell),
            *(self._source, self._matrix, self._shift, reach),
            *(self.nearest, self.distance, self._others, self._asked),
        )
        return n, square_sum, np.array(residual_sum[first:])

    def residuals(self) -> FloatArray:
        """Return the vectors, shape (n, d), from the points of the last `match` to their targets.

        Only for a match without limit of reach, where every point has a target.
        """
        moved = self._source @ self._matrix.T + self._shift
        return (self.grid.points[self.nearest] - moved)[:, 3 - self.n_axes :]

    def moments(self, blocks: IntArray | None = None, n_blocks: int = 1) -> Moments:
        """Return sums, by block, over the points of the last `match` that have a target."""
        blocks = np.zeros(len(self.nearest), np.int64) if blocks is None else blocks
        n, r, rs, s, ss = nearest_loops.moments(
            *(self.grid.points, self._source, self._matrix, self._shift, self._reach),
            *(self.nearest, self.distance, blocks, n_blocks),
        )
        real = slice(3 - self.n_axes, 3)
        return Moments(n, r[:, real], rs[:, real, real], s[real], ss[real, real])

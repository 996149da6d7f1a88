"""Positions sorted into cells, so that what lies near each of them stands in a few ranges."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray

_MOST_CELLS = 2**20  # along an axis: keys are int64
_SHALLOW = 12.0  # cells: a volume with fewer along z is one layer, for long rows are quicker


class Grid(NamedTuple):
    """Numbers of cells; those of a row along x follow each other.

    Parameters
    ----------
    low, edge : ndarray, shape (d,)
    """

    low: FloatArray
    edge: FloatArray

    @classmethod
    def over(cls, positions: FloatArray, edge: float) -> Grid:
        """Cover positions, shape (n, d), with cells of at least that edge."""
        low, extent = positions.min(axis=0), np.ptp(positions, axis=0)
        edges = np.maximum(edge, extent / (_MOST_CELLS - 5))
        if len(low) == 3 and extent[2] < _SHALLOW * edge:
            edges[2] = 2 * extent[2] + edge
        return cls(low, edges)

    @property
    def layers(self) -> float:
        """How many times as many lie around a cell as if it were a cube; 1 but for one layer."""
        return float(max(self.edge[-1] / (6 * self.edge[0]), 1.0))

    @property
    def strides(self) -> IntArray:
        """Difference of the numbers of neighbours along each axis."""
        return np.array([1, _MOST_CELLS, _MOST_CELLS**2][: len(self.low)], dtype=np.int64)

    def number(self, positions: FloatArray) -> IntArray:
        """Return the number of the cell of each position, far below 0 if it lies outside."""
        index = np.floor((positions - self.low) / self.edge).astype(np.int64) + 1
        inside = ((index >= 0) & (index < _MOST_CELLS - 1)).all(axis=1)
        return np.asarray(np.where(inside, index @ self.strides, -(2**62)))

    @property
    def rows(self) -> IntArray:
        """Differences of the numbers from a cell to the middles of the rows around it."""
        rows = np.zeros(1, dtype=np.int64)
        for stride in self.strides[1:]:
            rows = (rows[:, None] + np.array([-1, 0, 1]) * stride).ravel()
        return rows


class Cells(NamedTuple):
    """Positions in the order of cells, and which of them stand for what lies around each cell.

    Parameters
    ----------
    grid : Grid
    order : ndarray, shape (n,)
        The positions in the order of cells.
    start : ndarray, shape (n_cells + 1,)
        Cell ``c`` holds ``order[start[c]:start[c + 1]]``.
    kept : ndarray, shape (m,)
        Places in that order: of many positions around a cell, some.
    stands_for : ndarray, shape (m,)
        For how many each of them stands.
    number : ndarray, shape (m,)
        Of the cells of those kept.
    first, stop : ndarray, shape (n_cells, n_rows)
        ``kept[first:stop]`` lie in the cell or those around it.
    """

    grid: Grid
    order: IntArray
    start: IntArray
    kept: IntArray
    stands_for: FloatArray
    number: IntArray
    first: IntArray
    stop: IntArray

    def blocks(self, n: int) -> list[tuple[int, int]]:
        """Return ``n`` ranges of positions, in the order of cells, of about the same size."""
        return list(pairwise(np.linspace(0, len(self.order), n + 1).astype(np.int64).tolist()))

    @property
    def cell(self) -> IntArray:
        """Cell of each position, in the order of cells."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


def sort_into_cells(positions: FloatArray, edge: float, most: int) -> Cells:
    """Sort positions, shape (n, d), into cells of at least that edge.

    Where more than about ``most`` lie around a cell, only every so many of them is kept. A cell
    keeps one at least, and those kept stand for all of its positions.

    Examples
    --------
    >>> cells = sort_into_cells(np.array([[0.0, 0], [9, 0], [1, 1], [5, 0]]), 5.0, 100)
    >>> cells.order.tolist(), cells.start.tolist()
    ([0, 2, 1, 3], [0, 2, 4])
    >>> cells.first[:, 1].tolist(), cells.stop[:, 1].tolist()
    ([0, 0], [4, 4])
    """
    grid = Grid.over(positions, edge)
    number = grid.number(positions)
    order = np.argsort(number, kind="stable")
    number = number[order]
    start = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1], [True]]))
    counts = np.diff(start)
    rows = number[start[:-1]][:, None] + grid.rows
    first = np.searchsorted(number, rows - 1)
    stop = np.searchsorted(number, rows + 1, side="right")
    every = -(-(stop - first).sum(axis=1) // round(most * grid.layers))
    rank = np.arange(len(order)) - np.repeat(start[:-1], counts)
    keep = rank % np.repeat(every, counts) == 0
    kept = np.flatnonzero(keep)
    stands_for = np.repeat(counts / -(-counts // every), counts)[kept]
    before = np.concatenate([[0], np.cumsum(keep)])
    return Cells(grid, order, start, kept, stands_for, number[kept], before[first], before[stop])

"""Positions sorted into cells, so that what lies near each of them stands in a few ranges."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, Int32Array, IntArray
from smlm_accessor.kernels.by_column import AT_ONCE
from smlm_accessor.kernels.sorting import sorted_rows

#: Cells along an axis, at most: keys are int64, and more would be empty nearly everywhere.
MOST_CELLS = 2**20
# Cells to a reach along x, y and z. Finer ones hold fewer that are out of reach (6.25 instead of 9
# squares of the reach in a plane), coarser ones have longer rows, which are quicker.
_SPAN = np.array([2, 2, 1])
_SHALLOW = 12.0  # times the reach: a volume with less along z is one layer, for the same reason


class Grid(NamedTuple):
    """Numbers of cells; those of a row along x follow each other.

    Parameters
    ----------
    low, edge : ndarray, shape (d,)
    span : ndarray, shape (d,)
        What lies within reach is at most so many cells away.
    """

    low: FloatArray
    edge: FloatArray
    span: IntArray

    @classmethod
    def over(cls, positions: FloatArray, reach: FloatArray | float) -> Grid:
        """Cover positions, shape (n, d); the reach may be another one along each axis."""
        reach = np.broadcast_to(reach, positions.shape[1:])
        low = np.array([x.min() for x in positions.T])
        extent = np.array([x.max() for x in positions.T]) - low
        span = _SPAN[: len(low)].copy()
        edge = np.maximum(reach / span, extent / (MOST_CELLS - 4 * _SPAN.max()))
        if len(low) == 3 and extent[2] < _SHALLOW * reach[2]:
            span[2], edge[2] = 0, 2 * extent[2] + reach[2]
            low[2] -= (extent[2] + reach[2]) / 2
        return cls(low, edge, span)

    @property
    def layers(self) -> float:
        """How many times as many lie around a cell as if three layers were; 1 but for one layer."""
        deep = len(self.span) == 3 and self.span[2] == 0
        return max(float(self.edge[2] / (6 * self.span[0] * self.edge[0])), 1.0) if deep else 1.0

    @property
    def strides(self) -> IntArray:
        """Difference of the numbers of neighbours along each axis."""
        return np.array([1, MOST_CELLS, MOST_CELLS**2][: len(self.low)], dtype=np.int64)

    def number(self, positions: FloatArray) -> IntArray:
        """Return the number of the cell of each position, far below 0 if it lies outside."""
        number = np.zeros(len(positions), np.int64)
        for start in range(0, len(positions), AT_ONCE):
            at = number[start : start + AT_ONCE]
            inside = np.ones(len(at), np.bool_)
            some = positions[start : start + AT_ONCE].T
            for x, low, edge, span, stride in zip(some, *self, self.strides, strict=True):
                index = np.floor((x - low) / edge).astype(np.int64) + span
                inside &= (index >= 0) & (index < MOST_CELLS - span)
                at += index * stride
            at[~inside] = -(2**62)
        return number

    @property
    def rows(self) -> IntArray:
        """Differences of the numbers from a cell to the middles of the rows around it."""
        rows = np.zeros(1, dtype=np.int64)
        for stride, span in zip(self.strides[1:], self.span[1:], strict=True):
            rows = (rows[:, None] + np.arange(-span, span + 1) * stride).ravel()
        return rows

    def ranges(self, number: IntArray, ordered: IntArray) -> tuple[Int32Array, Int32Array]:
        """Return which of ordered numbers are those of the rows around cells: (n, n_rows).

        The first of each row, and the one after the last.
        """
        first, stop = np.empty((2, len(number), len(self.rows)), np.int32)
        for k, row in enumerate(self.rows):
            first[:, k] = np.searchsorted(ordered, number + (row - self.span[0]))
            stop[:, k] = np.searchsorted(ordered, number + (row + self.span[0]), side="right")
        return first, stop


class Cells(NamedTuple):
    """Positions in the order of cells, and which of them stand for what lies around each cell.

    Parameters
    ----------
    grid : Grid
    order : ndarray, shape (n,)
        The positions in the order of cells.
    start : ndarray, shape (n_cells + 1,)
        Cell ``c`` holds ``order[start[c]:start[c + 1]]``.
    numbers : ndarray, shape (n_cells,)
        Of the cells, increasing.
    kept : ndarray, shape (m,)
        Places in that order: of many positions around a cell, some.
    begins : ndarray, shape (n_cells + 1,)
        ``kept[begins[c]:begins[c + 1]]`` lie in cell ``c``.
    first, stop : ndarray, shape (n_cells, n_rows)
        ``kept[first:stop]`` lie in the cell, or within reach of it.
    """

    grid: Grid
    order: Int32Array
    start: IntArray
    numbers: IntArray
    kept: Int32Array
    begins: Int32Array
    first: Int32Array
    stop: Int32Array

    @property
    def number(self) -> IntArray:
        """Number of the cell of each position that is kept."""
        return np.repeat(self.numbers, np.diff(self.begins))

    @property
    def stands_for(self) -> FloatArray:
        """For how many each position that is kept stands."""
        kept = np.diff(self.begins)
        return np.repeat(np.diff(self.start) / kept, kept)

    def around(self, number: IntArray) -> tuple[Int32Array, Int32Array]:
        """Return ``first`` and ``stop`` of cells with any numbers."""
        first, stop = self.grid.ranges(number, self.numbers)
        return self.begins[first], self.begins[stop]

    def blocks(self, n: int) -> list[tuple[int, int]]:
        """Return ``n`` ranges of positions, in the order of cells, of about the same size."""
        return list(pairwise(np.linspace(0, len(self.order), n + 1).astype(np.int64).tolist()))

    @property
    def cell(self) -> Int32Array:
        """Cell of each position, in the order of cells."""
        return self.cell_of(slice(0, len(self.order)))

    def cell_of(self, rows: slice | IntArray | Int32Array) -> Int32Array:
        """Return the same of some of the positions."""
        if not isinstance(rows, slice):
            return np.searchsorted(self.start, rows, side="right").astype(np.int32) - 1
        first = int(np.searchsorted(self.start, rows.start, side="right")) - 1
        stop = int(np.searchsorted(self.start, rows.stop))
        bounds = np.clip(self.start[first : stop + 1], rows.start, rows.stop)
        return np.repeat(np.arange(first, stop, dtype=np.int32), np.diff(bounds))


def sort_into_cells(positions: FloatArray, reach: FloatArray | float, most: int) -> Cells:
    """Sort positions, shape (n, d), into cells, so that what is within reach is in those around.

    Where more than about ``most`` lie around a cell, only every so many of them is kept. A cell
    keeps one at least, and those kept stand for all of its positions.

    Examples
    --------
    >>> cells = sort_into_cells(np.array([[0.0, 0], [9, 0], [1, 1], [5, 0]]), 5.0, 100)
    >>> cells.order.tolist(), cells.start.tolist()
    ([0, 2, 3, 1], [0, 2, 3, 4])
    >>> cells.first[:, 2].tolist(), cells.stop[:, 2].tolist()  # those of the row itself
    ([0, 0, 2], [3, 4, 4])
    """
    grid = Grid.over(positions, reach)
    rows, number = sorted_rows(grid.number(positions))
    order, n = rows.astype(np.int32), len(rows)
    del rows
    start = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1], [True]]))
    number, counts = number[start[:-1]], np.diff(start)
    first, stop = grid.ranges(number, number)
    around = np.zeros_like(number)
    for a, b in zip(first.T, stop.T, strict=True):
        around += start[b] - start[a]
    every = -(-around // round(most * grid.layers))
    begins = np.concatenate([[0], np.cumsum(-(-counts // every))]).astype(np.int32)
    rank = np.arange(n, dtype=np.int32) - np.repeat(start[:-1].astype(np.int32), counts)
    kept = np.flatnonzero(rank % np.repeat(every.astype(np.int32), counts) == 0).astype(np.int32)
    return Cells(grid, order, start, number, kept, begins, begins[first], begins[stop])

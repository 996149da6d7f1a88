"""Places in the field: cells, and the one that tells most with those around it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray


class Places(NamedTuple):
    """Cells of the field that hold something.

    Parameters
    ----------
    at : ndarray of int, shape (c, 2)
        Their coordinates, in widths.
    of_row : ndarray of int, shape (n,)
        The cell of each position.

    Examples
    --------
    >>> places = Places.of(np.array([[0.5, 0.5], [5.5, 0.1], [1.2, 0.3]]), 1.0)
    >>> places.at[places.highest(np.array([1.0, 2.0, 4.0]))]
    array([1, 0])
    """

    at: IntArray
    of_row: IntArray

    @classmethod
    def of(cls, positions: FloatArray, width: FloatArray | float) -> Places:
        """Return the cells of positions, shape (n, 2) or more, in x and y."""
        cell = np.floor(positions[:, :2] / width).astype(np.int64)
        if not len(cell):
            return cls(cell, np.empty(0, np.int64))
        corner = cell.min(axis=0)
        x, y = (cell - corner).T
        rows = int(y.max()) + 1
        key, of_row = np.unique(x * rows + y, return_inverse=True)
        return cls(np.column_stack(np.divmod(key, rows)) + corner, of_row)

    def some(self, chosen: BoolArray) -> Places:
        """Return the same of chosen positions."""
        return self._replace(of_row=self.of_row[chosen])

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sum of values, shape (n,), in each cell."""
        return np.asarray(np.bincount(self.of_row, values, len(self.at)), dtype=np.float64)

    def highest(self, values: FloatArray) -> int:
        """Return the cell in which values, shape (n,), have the highest sum."""
        return int(self.sums(values).argmax())

    def around(self, cell: int) -> BoolArray:
        """Tell which cells are a cell, or beside it, shape (c,)."""
        return np.asarray((np.abs(self.at - self.at[cell]) <= 1).all(axis=1))

"""Neighbours in x and y among the localizations of a layer, which is a run of frames.

Own code: trees of scipy, with layers as a third axis, take ten times as long.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.frames.order import in_order


class LayerNeighbours(NamedTuple):
    """Localizations in the order of layers, and within a layer of x.

    Parameters
    ----------
    order : ndarray, shape (n,)
        The rows in this order.
    where : ndarray, shape (2, n)
        x and y in this order.
    start : ndarray, shape (n_layers + 1,)
        Layer ``k`` holds ``order[start[k]:start[k + 1]]``.
    number : ndarray, shape (n_layers,)
        The layers that are not empty.
    """

    order: IntArray
    where: FloatArray
    start: IntArray
    number: IntArray

    @classmethod
    def of(cls, positions: FloatArray, layer: IntArray) -> LayerNeighbours:
        """Sort positions, shape (n, 2) or (n, 3), into layers."""
        order = in_order(layer, positions)
        where = np.stack([positions[:, 0][order], positions[:, 1][order]])
        number = layer[order]
        start = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1], [True]]))
        return cls(order, where, start, number[start[:-1]])

    def nearest(
        self, ahead: int, reach: float = 0.0, *, every: int = 1
    ) -> tuple[IntArray, FloatArray, IntArray]:
        """Return the nearest other localization so many layers later: row and squared distance.

        The row is -1, and the distance infinite, where there is none. And how many lie within
        ``reach``. Of other rows than one in ``every``, nothing is told.

        Examples
        --------
        >>> x = np.array([[0.0, 0.0], [3.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
        >>> row, square, n = LayerNeighbours.of(x, np.array([0, 0, 1, 1])).nearest(1, 8.5)
        >>> row, square, n
        (array([ 2,  2, -1, -1]), array([ 1.,  4., inf, inf]), array([1, 2, 0, 0]))
        """
        n = len(self.order)
        found = np.full(n, -1), np.full(n, np.inf), np.zeros(n, np.int64)
        to = np.searchsorted(self.number, self.number + ahead)
        to[self.number[np.minimum(to, len(to) - 1)] != self.number + ahead] = len(to)
        _nearest(*self.where, self.order, self.start, to, reach**2, every, *found)
        return found

    def pairs(self, radii: FloatArray) -> IntArray:
        """Return how many pairs of the same layer lie within each of increasing radii.

        Examples
        --------
        >>> x = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 0.0], [9.0, 0.0]])
        >>> LayerNeighbours.of(x, np.array([0, 0, 0, 1])).pairs(np.array([1.0, 4.0, 5.0]))
        array([1, 1, 3])
        """
        counts = np.zeros(len(radii), np.int64)
        _pairs(*self.where, self.start, radii**2, counts)
        return np.cumsum(counts)


@kernel
def _nearest(x, y, order, start, to, reach, every, row, square, within):  # type: ignore[no-untyped-def]
    """Find the nearest others, by their x from that of each on: first to one side, then back."""
    for k in range(len(to)):
        if to[k] == len(to):
            continue
        first, last = start[to[k]], start[to[k] + 1]
        begin = first
        for i in range(start[k], start[k + 1]):
            while begin < last and x[begin] < x[i]:
                begin += 1
            if order[i] % every:
                continue
            best, found, n = np.inf, -1, 0
            for step in (1, -1):
                j = begin if step > 0 else begin - 1
                while first <= j < last:
                    dx, dy = x[j] - x[i], y[j] - y[i]
                    if dx * dx > reach and dx * dx >= best:
                        break
                    r = dx * dx + dy * dy
                    if i != j:
                        n += r <= reach
                        if r < best:
                            best, found = r, j
                    j += step
            if found >= 0:
                row[order[i]], square[order[i]], within[order[i]] = order[found], best, n


@kernel
def _pairs(x, y, start, squares, counts):  # type: ignore[no-untyped-def]
    """Count the pairs beyond each squared radius but the last, and within the next one."""
    last = len(squares) - 1
    for k in range(len(start) - 1):
        for i in range(start[k], start[k + 1]):
            for j in range(i + 1, start[k + 1]):
                dx, dy = x[j] - x[i], y[j] - y[i]
                if dx * dx > squares[last]:
                    break
                r = dx * dx + dy * dy
                if r <= squares[last]:
                    b = last
                    while b > 0 and r <= squares[b - 1]:
                        b -= 1
                    counts[b] += 1

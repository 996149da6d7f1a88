"""Sums over the pairs of events that lie near each other, each pair with a kernel of its own width.

An event that is the mean of many localizations is more precise than one that is a single one, so
the kernel of a pair is as wide as the events of the pair are imprecise. Both loops are serial and
release the GIL.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray

Float32Array = npt.NDArray[np.float32]

#: Columns of `pair_sums`: weight; gradient, curvature and squared gradient along x, y and z.
N_PAIR_SUMS = 10
_MOST_CELLS = 2**20  # along an axis: keys are int64


class Grid(NamedTuple):
    """Numbers of square cells: a row of cells along the last axis has successive ones."""

    low: FloatArray
    edge: float

    @classmethod
    def over(cls, positions: FloatArray, edge: float) -> Grid:
        low, high = positions.min(axis=0), positions.max(axis=0)
        return cls(low, max(edge, float((high - low).max()) / (_MOST_CELLS - 5)))

    def _strides(self) -> IntArray:
        d = len(self.low)
        return np.array([_MOST_CELLS ** (d - 1 - axis) for axis in range(d)], dtype=np.int64)

    def key(self, positions: FloatArray) -> IntArray:
        """Return the number of the cell of each position; -1 or less for those far outside."""
        index = np.floor((positions - self.low) / self.edge).astype(np.int64) + 1
        inside = ((index >= 0) & (index < _MOST_CELLS - 1)).all(axis=1)
        return np.asarray(np.where(inside, index @ self._strides(), -(2**62)))

    def rows(self) -> IntArray:
        """Return the differences of the numbers of the middles of the rows around a cell."""
        d = len(self.low)
        around = np.stack(np.meshgrid(*[(-1, 0, 1)] * (d - 1), indexing="ij"), axis=-1)
        return np.asarray(around.reshape(-1, d - 1) @ self._strides()[:-1])


class Cells(NamedTuple):
    """Events sorted into square cells of the field.

    Parameters
    ----------
    order : ndarray, shape (n,)
        The events in the order of their cells.
    start : ndarray, shape (n_cells + 1,)
        Cell ``c`` holds ``order[start[c]:start[c + 1]]``.
    first, stop : ndarray, shape (n_cells, n_rows)
        Ranges in that order which hold all events of the cell and of those around it.
    """

    order: IntArray
    start: IntArray
    first: IntArray
    stop: IntArray

    def blocks(self, n: int) -> list[tuple[int, int]]:
        """Return ranges of cells that hold about as many events each."""
        at = np.searchsorted(self.start, np.linspace(0, self.start[-1], n + 1)[1:-1])
        edges = np.concatenate([[0], at, [len(self.start) - 1]])
        return [(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def sort_into_cells(positions: FloatArray, edge: float) -> Cells:
    """Sort positions, shape (n, d), into cells of at least that edge.

    Examples
    --------
    >>> cells = sort_into_cells(np.array([[0.0, 0], [9, 0], [1, 1], [5, 0]]), 5.0)
    >>> cells.order.tolist(), cells.start.tolist()
    ([0, 2, 1, 3], [0, 2, 4])
    >>> cells.first[:, 1].tolist(), cells.stop[:, 1].tolist()
    ([0, 2], [2, 4])
    """
    grid = Grid.over(positions, edge)
    key = grid.key(positions)
    order = np.argsort(key, kind="stable")
    key = key[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1], [True]]))
    occupied = key[start[:-1]][:, None] + grid.rows()
    first = np.searchsorted(key, occupied - 1)
    stop = np.searchsorted(key, occupied + 1, side="right")
    return Cells(order, start, first, stop)


@numba.njit(cache=True, nogil=True)
def pair_sums(  # type: ignore[no-untyped-def]
    first_cell, stop_cell, start, first, stop, where, variance, frame, weight, window, left_out,
    factor, extra, floor, reach, sums,
):  # fmt: skip
    """Add up, by window, gradient and curvature of the log-density of other times.

    The density at event ``i`` is ``f = sum_j prod_a exp(-d_a**2 / (2 S_a)) / sqrt(S_a)`` over the
    events ``j`` of other times within reach, with ``S = factor * (v_i + v_j) + extra``. The
    logarithm of ``floor + f`` has the gradient ``g = sum_j r d / S`` and the curvature
    ``sum_j r (1 / S - d**2 / S**2) + g**2``, with ``r`` the share of a pair in ``floor + f``.

    Parameters
    ----------
    first_cell, stop_cell : int
        The cells whose events are gone through.
    start, first, stop
        As in `Cells`.
    where, variance : ndarray of float32, shape (n, d)
        Of the events in the order of cells, in precisions.
    frame : ndarray of int32, shape (n,)
        Index of the frame.
    weight : ndarray, shape (n,)
        With which the gradient of an event counts.
    window : ndarray, shape (n,)
        The row of ``sums`` that each event is added to.
    left_out : ndarray, shape (n_frames, 2)
        Events of these frames (half open) are not in the density.
    sums : ndarray, shape (n_windows, N_PAIR_SUMS)
        Added to: the sum of ``r / S`` along x and y, gradient, curvature, squared gradient.
    """
    d = where.shape[1]
    n_rows = first.shape[1]
    limit = np.float32(reach * reach)
    half = np.float32(0.5)
    one = np.float32(1.0)
    s = np.zeros(3, np.float32)
    x = np.zeros(3, np.float32)
    dx = np.zeros(3, np.float32)
    inverse = np.zeros(3, np.float32)
    g = np.zeros(3)
    c = np.zeros(3)
    factor, extra = np.float32(factor), np.float32(extra)
    for cell in range(first_cell, stop_cell):
        for i in range(start[cell], start[cell + 1]):
            for a in range(d):
                x[a] = where[i, a]
                s[a] = variance[i, a] * factor + extra
            low, high = left_out[frame[i], 0], left_out[frame[i], 1]
            total = 0.0
            near = 0.0
            g[:] = 0.0
            c[:] = 0.0
            for row in range(n_rows):
                for j in range(first[cell, row], stop[cell, row]):
                    r2 = np.float32(0.0)
                    for a in range(d):
                        dx[a] = where[j, a] - x[a]
                        r2 += dx[a] * dx[a]
                    if r2 > limit or (low <= frame[j] < high):
                        continue
                    exponent = np.float32(0.0)
                    product = one
                    for a in range(d):
                        inverse[a] = one / (s[a] + factor * variance[j, a])
                        exponent += dx[a] * dx[a] * inverse[a]
                        product *= inverse[a]
                    if exponent > np.float32(10.0):
                        continue
                    k = np.exp(-half * exponent) * np.sqrt(product)
                    total += k
                    for a in range(d):
                        u = k * inverse[a]
                        g[a] += u * dx[a]
                        c[a] += u * (one - dx[a] * dx[a] * inverse[a])
                    near += k * (inverse[0] + inverse[1])
            if total <= 0:
                continue
            q = 1.0 / (floor + total)
            out = sums[window[i]]
            w = weight[i]
            out[0] += w * 0.5 * near * q
            for a in range(d):
                m = g[a] * q
                out[1 + a] += w * m
                out[4 + a] += w * (c[a] * q + m * m)
                out[7 + a] += w * w * m * m


@numba.njit(cache=True, nogil=True)
def densities(key, where, variance, asked, asked_key, rows, factor, extra, result):  # type: ignore[no-untyped-def]
    """Write the density of events at positions, each of which has the variance 1.

    Parameters
    ----------
    key : ndarray, shape (n,)
        Cell of each event, increasing.
    where, variance : ndarray, shape (n, d)
        Of the events.
    asked, asked_key : ndarray, shapes (m, d) and (m,)
        Positions and their cells.
    rows : ndarray, shape (n_rows,)
        Differences to the cells around, along the axes but the last.
    result : ndarray, shape (m,)
        Written.
    """
    d = where.shape[1]
    for i in range(len(asked)):
        total = 0.0
        for row in rows:
            j = np.searchsorted(key, asked_key[i] + row - 1)
            while j < len(key) and key[j] <= asked_key[i] + row + 1:
                exponent, product = 0.0, 1.0
                for a in range(d):
                    inverse = 1.0 / (factor * (1.0 + variance[j, a]) + extra)
                    exponent += (where[j, a] - asked[i, a]) ** 2 * inverse
                    product *= inverse
                if exponent < 10.0:
                    total += np.exp(-0.5 * exponent) * np.sqrt(product)
                j += 1
        result[i] = total

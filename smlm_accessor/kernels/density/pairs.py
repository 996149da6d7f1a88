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
_SHALLOW = 12.0  # cells: with fewer, they are one layer


class Grid(NamedTuple):
    """Numbers of cells: a row of cells along the last axis has successive ones.

    In three dimensions the last axis is x, and a volume that is not deep has one layer of cells:
    long rows are gone through faster than many short ones.
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

    def _strides(self) -> IntArray:
        d = len(self.low)
        return np.array([1, _MOST_CELLS, _MOST_CELLS**2][:d], dtype=np.int64)

    def key(self, positions: FloatArray) -> IntArray:
        """Return the number of the cell of each position; -1 or less for those far outside."""
        index = np.floor((positions - self.low) / self.edge).astype(np.int64) + 1
        inside = ((index >= 0) & (index < _MOST_CELLS - 1)).all(axis=1)
        return np.asarray(np.where(inside, index @ self._strides(), -(2**62)))

    def rows(self) -> IntArray:
        """Return the differences of the numbers of the middles of the rows around a cell."""
        d = len(self.low)
        around = np.stack(np.meshgrid(*[(-1, 0, 1)] * (d - 1), indexing="ij"), axis=-1)
        return np.asarray(around.reshape(-1, d - 1) @ self._strides()[1:])


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

    def thinned(self, most: int) -> tuple[IntArray, FloatArray, Cells]:
        """Keep so many events at most around a cell, about; each stands for several.

        Returns the places in the order of the events that are kept, for how many each stands, and
        the cells with ranges of the kept ones.
        """
        around = (self.stop - self.first).sum(axis=1)
        each = -(-around // most)
        factor = np.repeat(each, np.diff(self.start))
        rank = np.arange(len(self.order)) - np.repeat(self.start[:-1], np.diff(self.start))
        kept = np.flatnonzero(rank % factor == 0)
        # As many in a cell as there were, all told.
        counts = np.diff(self.start)
        weight = np.repeat(counts / -(-counts // each), counts)[kept]
        before = np.concatenate([[0], np.cumsum(rank % factor == 0)])
        return kept, weight, self._replace(first=before[self.first], stop=before[self.stop])

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


_FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums in any order: then several pairs go at once
_POWER = 16  # of the kernel: near the Gaussian, and quicker
_CUT = 10.0  # squared distance over variance, where the kernel ends; it is 0.0025 there


@numba.njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _along_2(first, stop, p, s, low, high, x, y, v, frame, weight, found):  # type: ignore[no-untyped-def]
    px, py, variance = p[0], p[1], s[0]
    one, zero, part = np.float32(1.0), np.float32(0.0), np.float32(0.5 / _POWER)
    bend, cut = np.float32((_POWER - 1) / _POWER), np.float32(_CUT)
    total = gx = gy = cx = cy = near = zero
    # Slices: an index that could be negative keeps the loop from taking several pairs at once.
    x, y, v = x[first:stop], y[first:stop], v[first:stop]
    frame, weight = frame[first:stop], weight[first:stop]
    for j in range(stop - first):
        dx, dy = x[j] - px, y[j] - py
        inverse = one / (variance + v[j])
        ax, ay = dx * inverse, dy * inverse
        e = dx * ax + dy * ay
        keep = (e < cut) & ((frame[j] < low) | (frame[j] >= high))
        u = one - e * part
        w = np.float32(keep) * weight[j] * inverse
        u2 = u * u
        u4 = u2 * u2
        k2 = w * u4 * u4 * u4 * u2
        k1 = k2 * u
        k2 *= bend
        total += k1 * u
        gx += k1 * ax
        gy += k1 * ay
        cx += k1 * inverse - k2 * ax * ax
        cy += k1 * inverse - k2 * ay * ay
        near += k1 * inverse
    found[0] += total
    found[1] += gx
    found[2] += gy
    found[4] += cx
    found[5] += cy
    found[7] += 2 * near


@numba.njit(cache=True, nogil=True, fastmath=_FAST, error_model="numpy")
def _along_3(first, stop, p, s, low, high, x, y, z, vx, vz, frame, weight, found):  # type: ignore[no-untyped-def]
    px, py, pz, sx, sz = p[0], p[1], p[2], s[0], s[2]
    one, zero, part = np.float32(1.0), np.float32(0.0), np.float32(0.5 / _POWER)
    bend, cut = np.float32((_POWER - 1) / _POWER), np.float32(_CUT)
    total = gx = gy = gz = cx = cy = cz = near = zero
    x, y, z = x[first:stop], y[first:stop], z[first:stop]
    vx, vz = vx[first:stop], vz[first:stop]
    frame, weight = frame[first:stop], weight[first:stop]
    for j in range(stop - first):
        dx, dy, dz = x[j] - px, y[j] - py, z[j] - pz
        ix, iz = one / (sx + vx[j]), one / (sz + vz[j])
        ax, ay, az = dx * ix, dy * ix, dz * iz
        e = dx * ax + dy * ay + dz * az
        keep = (e < cut) & ((frame[j] < low) | (frame[j] >= high))
        u = one - e * part
        w = np.float32(keep) * weight[j] * ix * np.sqrt(iz)
        u2 = u * u
        u4 = u2 * u2
        k2 = w * u4 * u4 * u4 * u2
        k1 = k2 * u
        k2 *= bend
        total += k1 * u
        gx += k1 * ax
        gy += k1 * ay
        gz += k1 * az
        cx += k1 * ix - k2 * ax * ax
        cy += k1 * ix - k2 * ay * ay
        cz += k1 * iz - k2 * az * az
        near += k1 * ix
    found[0] += total
    found[1] += gx
    found[2] += gy
    found[3] += gz
    found[4] += cx
    found[5] += cy
    found[6] += cz
    found[7] += 2 * near


@numba.njit(cache=True, nogil=True, error_model="numpy")
def pair_sums(  # type: ignore[no-untyped-def]
    first_cell, stop_cell, start, first, stop, where, variance, frame, weight, row,
    left_out, other_where, other_variance, other_frame, other_weight, floor, sums,
):  # fmt: skip
    """Add up gradient and curvature of the log-density of other times.

    The density at event ``i`` is ``f = sum_j w_j K(E) / sqrt(prod S)`` over the events ``j`` of
    other times, with ``E = sum_a d_a**2 / S_a`` and ``S = v_i + v_j``. The kernel
    ``K = (1 - E / 32)**16`` is near ``exp(-E / 2)``. The logarithm of ``floor + f`` has the
    gradient ``g = sum_j r d / S`` and the curvature ``sum_j (r / S - r' d**2 / S**2) + g**2``, with
    the shares ``r`` and ``r'`` of a pair, by the first and second derivative of ``K``.

    Parameters
    ----------
    first_cell, stop_cell : int
        The cells whose events are gone through.
    start, first, stop
        As in `Cells`.
    where, variance : ndarray of float32, shape (d, n)
        Of the events in the order of cells, in precisions.
    frame : ndarray of int32, shape (n,)
        Index of the frame.
    weight : ndarray, shape (n,)
        With which the gradient of an event counts.
    row : ndarray, shape (n,)
        The row of ``sums`` that each event is added to.
    left_out : ndarray of int32, shape (n_frames, 2)
        Events of these frames (half open) are not in the density.
    other_where, other_variance, other_frame, other_weight
        Of the events that make the density.
    sums : ndarray, shape (n_rows, N_PAIR_SUMS)
        Added to: the mean of the sums of ``r / S`` along x and y, gradient, curvature, squared
        gradient.
    """
    d = where.shape[0]
    x, y, z = other_where[0], other_where[1], other_where[d - 1]
    vx, vz = other_variance[0], other_variance[d - 1]
    p, s, found = np.zeros(3, np.float32), np.zeros(3, np.float32), np.zeros(8)
    for cell in range(first_cell, stop_cell):
        for i in range(start[cell], start[cell + 1]):
            for a in range(d):
                p[a], s[a] = where[a, i], variance[a, i]
            low, high = left_out[frame[i], 0], left_out[frame[i], 1]
            found[:] = 0.0
            for k in range(first.shape[1]):
                if d == 2:
                    _along_2(
                        first[cell, k], stop[cell, k], p, s, low, high,
                        x, y, vx, other_frame, other_weight, found,
                    )  # fmt: skip
                else:
                    _along_3(
                        first[cell, k], stop[cell, k], p, s, low, high,
                        x, y, z, vx, vz, other_frame, other_weight, found,
                    )  # fmt: skip
            if found[0] <= 0:
                continue
            q = 1.0 / (floor + found[0])
            w = weight[i]
            out = sums[row[i]]
            out[0] += w * 0.5 * found[7] * q
            for a in range(d):
                m = found[1 + a] * q
                out[1 + a] += w * m
                out[4 + a] += w * (found[4 + a] * q + m * m)
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

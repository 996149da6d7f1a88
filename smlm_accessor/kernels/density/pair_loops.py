"""Sums over the pairs of events that lie near each other, each pair with a kernel of its own width.

An event that is the mean of many localizations is more precise than a single one, so the kernel of
a pair is as wide as the two events of it are imprecise. With the squared distance ``E`` in units of
the variance ``S`` of the pair, and ``u = 1 - E / 32``, it is ``K = u**16`` less its tangent in
``u`` at ``E = 10``, where it ends smoothly: the curvature of a density that is the same everywhere
would not be 0 on average if it did not. It is near ``exp(-E / 2)``, and has no branches: many
pairs are taken at once, and what lies around a cell is copied for that, row after row. All loops
are serial and release the GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import Int32Array
from smlm_accessor.kernels.compilation import any_order, kernel, part

#: Columns of `pair_sums`: weight; gradient, curvature and squared gradient along x, y and z.
N_PAIR_SUMS = 10
#: Squared distance over the variance of a pair where the kernel ends.
CUT = 10.0
_POWER = 16
_END = 1 - CUT / (2 * _POWER)
_AT_ONCE = 32  # pairs, at most: two times 16 numbers of 32 bits


def space(most: int) -> tuple[npt.NDArray[Any], ...]:
    """Return room for an event: position, variance, and sums over its pairs.

    And for so many around it: position, variance along x and z, and weight; and their frames.
    """
    one, around = np.empty((2, 3), np.float32), np.zeros((6, most + _AT_ONCE), np.float32)
    return one[0], one[1], np.empty(8), around, np.zeros(most + _AT_ONCE, np.int32)


def most_around(first: Int32Array, stop: Int32Array) -> int:
    """Return the most events that lie around a cell."""
    return int((stop - first).sum(axis=1).max(initial=0))


@any_order
def _along_2(n, p, s, low, high, around, frame, found):  # type: ignore[no-untyped-def]
    px, py, variance = p[0], p[1], s[0]
    one, zero, part = np.float32(1.0), np.float32(0.0), np.float32(0.5 / _POWER)
    bend, cut = np.float32((_POWER - 1) / _POWER), np.float32(CUT)
    # Slope and value at 0 of the tangent of u**16 at the end, and u**15 there.
    end, tilt = np.float32(_END ** (_POWER - 1)), np.float32(_POWER * _END ** (_POWER - 1))
    rise = np.float32((_POWER - 1) * _END**_POWER)
    total = gx = gy = cx = cy = near = zero
    # Slices: an index that could be negative keeps the loop from taking several pairs at once.
    x, y, v, weight, frame = around[0, :n], around[1, :n], around[3, :n], around[5, :n], frame[:n]
    for j in range(n):
        dx, dy = x[j] - px, y[j] - py
        inverse = one / (variance + v[j])
        ax, ay = dx * inverse, dy * inverse
        e = min(dx * ax + dy * ay, cut)
        keep = (e < cut) & ((frame[j] < low) | (frame[j] >= high))
        u = one - e * part
        w = np.float32(keep) * weight[j] * inverse
        u2 = u * u
        u4 = u2 * u2
        u14 = u4 * u4 * u4 * u2
        u15 = u14 * u
        k1, k2 = w * (u15 - end), w * u14 * bend
        total += w * (u * (u15 - tilt) + rise)
        gx += k1 * ax
        gy += k1 * ay
        cx += k1 * inverse - k2 * ax * ax
        cy += k1 * inverse - k2 * ay * ay
        near += k1 * inverse
    found[0] = total
    found[1] = gx
    found[2] = gy
    found[4] = cx
    found[5] = cy
    found[7] = near


@any_order
def _along_3(n, p, s, low, high, around, frame, found):  # type: ignore[no-untyped-def]
    px, py, pz, sx, sz = p[0], p[1], p[2], s[0], s[2]
    one, zero, part = np.float32(1.0), np.float32(0.0), np.float32(0.5 / _POWER)
    bend, cut = np.float32((_POWER - 1) / _POWER), np.float32(CUT)
    # Slope and value at 0 of the tangent of u**16 at the end, and u**15 there.
    end, tilt = np.float32(_END ** (_POWER - 1)), np.float32(_POWER * _END ** (_POWER - 1))
    rise = np.float32((_POWER - 1) * _END**_POWER)
    total = gx = gy = gz = cx = cy = cz = near = zero
    x, y, z = around[0, :n], around[1, :n], around[2, :n]
    vx, vz, weight, frame = around[3, :n], around[4, :n], around[5, :n], frame[:n]
    for j in range(n):
        dx, dy, dz = x[j] - px, y[j] - py, z[j] - pz
        ix, iz = one / (sx + vx[j]), one / (sz + vz[j])
        ax, ay, az = dx * ix, dy * ix, dz * iz
        e = min(dx * ax + dy * ay + dz * az, cut)
        keep = (e < cut) & ((frame[j] < low) | (frame[j] >= high))
        u = one - e * part
        w = np.float32(keep) * weight[j] * ix * np.sqrt(iz)
        u2 = u * u
        u4 = u2 * u2
        u14 = u4 * u4 * u4 * u2
        u15 = u14 * u
        k1, k2 = w * (u15 - end), w * u14 * bend
        total += w * (u * (u15 - tilt) + rise)
        gx += k1 * ax
        gy += k1 * ay
        gz += k1 * az
        cx += k1 * ix - k2 * ax * ax
        cy += k1 * ix - k2 * ay * ay
        cz += k1 * iz - k2 * az * az
        near += k1 * ix
    found[0] = total
    found[1] = gx
    found[2] = gy
    found[3] = gz
    found[4] = cx
    found[5] = cy
    found[6] = cz
    found[7] = near


@part
def gathered(first, stop, where, variance, frame, weight, around, when):  # type: ignore[no-untyped-def]
    """Copy the events of some ranges into the room for those around; return how many they are.

    Up to the next number of those taken at once, events without weight follow.
    """
    n, d = 0, where.shape[0]
    for k in range(len(first)):
        for j in range(first[k], stop[k]):
            for a in range(d):
                around[a, n] = where[a, j]
            around[3, n], around[4, n] = variance[0, j], variance[variance.shape[0] - 1, j]
            around[5, n], when[n] = weight[j], frame[j]
            n += 1
    around[5, n : n + _AT_ONCE] = 0.0
    return n


@part
def sums_at(n, p, s, low, high, around, when, deep, found):  # type: ignore[no-untyped-def]
    """Write the sums over the pairs of an event with ``n`` events, that were `gathered`."""
    m = (n + _AT_ONCE - 1) // _AT_ONCE * _AT_ONCE
    if deep is None:
        _along_2(m, p, s, low, high, around, when, found)
    else:
        _along_3(m, p, s, low, high, around, when, found)


@kernel
def pair_sums(  # type: ignore[no-untyped-def]
    begin, end, cell, first, stop, where, variance, frame, weight, row,
    left_out, other_where, other_variance, other_frame, other_weight, deep, floors, room, sums,
):  # fmt: skip
    """Add up gradient and curvature of the log-density of other times.

    The density at event ``i`` is ``f = sum_j w_j K(E) / sqrt(prod S)`` over the events ``j`` of
    other times, with ``E = sum_a d_a**2 / S_a`` and ``S = v_i + v_j``. The kernel
    ``K`` is near ``exp(-E / 2)``, see above. The logarithm of ``floor + f`` has the
    gradient ``g = sum_j r d / S`` and the curvature ``sum_j (r / S - r' d**2 / S**2) + g**2``, with
    the shares ``r`` and ``r'`` of a pair, by the first and second derivative of ``K``.

    Parameters
    ----------
    begin, end : int
        The events that are gone through, in the order of cells.
    cell : ndarray, shape (n,)
        Cell of each event.
    first, stop
        As in `Cells`.
    where, variance : ndarray of float32, shape (d, n)
        Of the events in the order of cells, in precisions.
    frame : ndarray of int32, shape (n,)
        Index of the frame.
    weight : ndarray, shape (n,)
        With which the gradient of an event counts.
    row : ndarray, shape (n,)
        The row of ``sums``, for the first floor, that each event is added to.
    left_out : ndarray of int32, shape (n_frames, 2)
        Events of these frames (half open) are not in the density.
    other_where, other_variance, other_frame, other_weight
        Of the events that make the density; the first variance is along x and y, the last along z.
    deep : None or True
        None in the plane, for which no loop along z is compiled then.
    floors : ndarray, shape (n_floors,)
        For each there are sums: those of pairs are the same.
    room : tuple of ndarray
        That of `space`, which makes it: allocated here, it would be code that is compiled.
    sums : ndarray, shape (n_rows * n_floors, N_PAIR_SUMS)
        Added to, those of floors after each other: ``sum(r / S)`` along x, gradient, curvature,
        squared gradient.
    """
    d, c, n = where.shape[0], -1, 0
    p, s, found, around, when = room
    for i in range(begin, end):
        if cell[i] != c:
            c = cell[i]
            n = gathered(
                first[c], stop[c], other_where, other_variance, other_frame, other_weight,
                around, when,
            )  # fmt: skip
        for a in range(d):
            p[a], s[a] = where[a, i], variance[a, i]
        low, high = left_out[frame[i], 0], left_out[frame[i], 1]
        sums_at(n, p, s, low, high, around, when, deep, found)
        if found[0] <= 0:
            continue
        w = weight[i]
        for k in range(len(floors)):
            q = 1.0 / (floors[k] + found[0])
            out = sums[row[i] * len(floors) + k]
            out[0] += w * found[7] * q
            for a in range(d):
                m = found[1 + a] * q
                out[1 + a] += w * m
                out[4 + a] += w * (found[4 + a] * q + m * m)
                out[7 + a] += w * w * m * m


@kernel
def densities(  # type: ignore[no-untyped-def]
    position, variance, cell, first, stop, left_out,
    other_where, other_variance, other_frame, other_weight, deep, room, found,
):  # fmt: skip
    """Write the density ``f`` of `pair_sums` at single positions.

    Parameters
    ----------
    position, variance : ndarray of float32, shape (d, m)
    cell : ndarray, shape (m,)
        Cell of each; those of a cell follow each other.
    first, stop : ndarray, shape (n_cells, n_rows)
        What lies around each cell, as in `Cells`.
    left_out : ndarray of int32, shape (m, 2)
        Events of these frames (half open) are not in the density.
    deep, room
        As in `pair_sums`.
    found : ndarray, shape (m,)
        Written.
    """
    c, n = -1, 0
    p, s, sums, around, when = room
    for i in range(position.shape[1]):
        if cell[i] != c:
            c = cell[i]
            n = gathered(
                first[c], stop[c], other_where, other_variance, other_frame, other_weight,
                around, when,
            )  # fmt: skip
        for a in range(position.shape[0]):
            p[a], s[a] = position[a, i], variance[a, i]
        sums_at(n, p, s, left_out[i, 0], left_out[i, 1], around, when, deep, sums)
        found[i] = sums[0]

"""Sums over pairs of windows: how much the events of one owe to those of another."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.compilation import any_order, kernel
from smlm_accessor.kernels.density.pair_loops import _END, _POWER, CUT, gathered, sums_at


@any_order
def _of_pairs(n, p, s, low, high, around, frame, deep, of_event, values):  # type: ignore[no-untyped-def]
    """Write what each pair of an event adds: 0 if it is out of reach, or of the same time."""
    one, half, part = np.float32(1.0), np.float32(0.5), np.float32(0.5 / _POWER)
    end, bend = np.float32(_END ** (_POWER - 1)), np.float32((_POWER - 1) / _POWER)
    px, py, vx, cut = p[0], p[1], s[0], np.float32(CUT)
    scale, gx, gy = np.float32(of_event[0]), np.float32(of_event[1]), np.float32(of_event[2])
    gz = np.float32(of_event[3])
    # Slices: see `pair_loops`.
    x, y, z, weight, frame = around[0, :n], around[1, :n], around[2, :n], around[5, :n], frame[:n]
    sx, sz = around[3, :n], around[4, :n]
    responsibility, curvature, axial = values[0, :n], values[1, :n], values[5, :n]
    to_x, to_y, to_z = values[2, :n], values[3, :n], values[4, :n]
    for j in range(n):
        ix = one / (vx + sx[j])
        ax, ay = (x[j] - px) * ix, (y[j] - py) * ix
        e = (x[j] - px) * ax + (y[j] - py) * ay
        w = scale * weight[j] * ix
        if deep is not None:
            iz = one / (s[2] + sz[j])
            az = (z[j] - p[2]) * iz
            e += (z[j] - p[2]) * az
            w *= np.sqrt(iz)
        e = min(e, cut)
        w *= np.float32((e < cut) & ((frame[j] < low) | (frame[j] >= high)))
        u = one - e * part
        u2 = u * u
        u4 = u2 * u2
        u14 = u4 * u4 * u4 * u2
        r, fall = w * (u14 * u - end), w * u14 * bend
        responsibility[j] = r * ix
        curvature[j] = r * ix + half * (ax * (r * gx - fall * ax) + ay * (r * gy - fall * ay))
        to_x[j] = r * ax
        to_y[j] = r * ay
        if deep is not None:
            to_z[j] = r * az
            axial[j] = r * iz + az * (r * gz - fall * az)


@kernel
def coupling_sums(  # type: ignore[no-untyped-def]
    cell, first, stop, where, variance, frame, weight, left_out, other_where,
    other_variance, other_frame, other_weight, deep, floor, room, values, others_window, window,
    group, responsibility, curvature, axial, moments, total,
):  # fmt: skip
    """Add up, by pairs of windows, what each pair of events adds to the sums of `pair_sums`.

    Event ``j`` has the share ``r`` in the density at event ``i``, over the variance ``S`` of the
    pair the responsibility ``r / S``. It adds ``r d / S`` to the gradient ``g``, whose derivative
    by the position of ``j`` is ``r / S - r' d**2 / S**2 + r d g / S``: the curvature at ``i``, less
    the part of each pair. Its mean over pairs that lie together by chance is 0.

    Parameters
    ----------
    cell, first, stop, where, variance, frame, weight, left_out
        As in `pair_sums`, as are ``other_where``, ``other_variance``, ``other_frame``,
        ``other_weight``, ``deep``, ``floor`` and ``room``.
    values : ndarray of float32, shape (6, n_room)
        Room for what each pair adds: worked out for many pairs at once, and then added up.
    others_window : ndarray of int, shape (n_room,)
        Room for the windows of the events around.
    window : ndarray, shape (n_frames,)
    group : ndarray, shape (n,)
        Part of the field that each event belongs to.
    responsibility, curvature : ndarray, shape (n_groups, n_windows, n_windows)
        Added to; the curvature is the mean of x and y.
    axial : ndarray, shape (n_groups, n_windows, n_windows)
        Curvature along z, added to if there is z. Molecules above each other share their place
        along x and y only.
    moments : ndarray of float32, shape (n_groups, n_windows, n_windows, d)
        Added to: gradient, of the first window towards the second.
    total : ndarray, shape (2, d)
        Added to: curvature and squared gradient, as in `pair_sums`.
    """
    d, c, n = where.shape[0], -1, 0
    p, s, found, around, when = room
    for i in range(len(cell)):
        if cell[i] != c:
            c = cell[i]
            n = gathered(
                first[c], stop[c], other_where, other_variance, other_frame, other_weight,
                around, when,
            )  # fmt: skip
            for j in range(n):
                others_window[j] = window[when[j]]
        for a in range(d):
            p[a], s[a] = where[a, i], variance[a, i]
        low, high = left_out[frame[i], 0], left_out[frame[i], 1]
        sums_at(n, p, s, low, high, around, when, deep, found)
        if found[0] <= 0:
            continue
        q, w = 1.0 / (floor + found[0]), weight[i]
        for a in range(d):
            m = found[1 + a] * q
            total[0, a] += w * (found[4 + a] * q + m * m)
            total[1, a] += w * w * m * m
        found[0] = w * q
        for a in range(d):
            found[1 + a] *= q
        _of_pairs(n, p, s, low, high, around, when, deep, found, values)
        mine = window[frame[i]]
        shared, bent = responsibility[group[i], mine], curvature[group[i], mine]
        to = moments[group[i], mine]
        for j in range(n):
            theirs = others_window[j]
            shared[theirs] += values[0, j]
            bent[theirs] += values[1, j]
            to[theirs, 0] += values[2, j]
            to[theirs, 1] += values[3, j]
            if deep is not None:
                to[theirs, 2] += values[4, j]
                axial[group[i], mine, theirs] += values[5, j]

"""Sums over pairs of windows: how much the events of one owe to those of another."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.density.pair_loops import _END, _POWER, CUT, gathered, sums_at


@kernel
def coupling_sums(  # type: ignore[no-untyped-def]
    events, cell, first, stop, where, variance, frame, weight, left_out, other_where,
    other_variance, other_frame, other_weight, deep, floor, room, window, group,
    responsibility, curvature, moments, total,
):  # fmt: skip
    """Add up, by pairs of windows, what each pair of events adds to the sums of `pair_sums`.

    Event ``j`` has the share ``r`` in the density at event ``i``, over the variance ``S`` of the
    pair the responsibility ``r / S``. It adds ``r d / S`` to the gradient ``g``, whose derivative
    by the position of ``j`` is ``r / S - r' d**2 / S**2 + r d g / S``: the curvature at ``i``, less
    the part of each pair. Its mean over pairs that lie together by chance is 0.

    Parameters
    ----------
    events : ndarray, shape (m,)
        Of the order of cells, those that are gone through.
    cell, first, stop, where, variance, frame, weight, left_out
        As in `pair_sums`, as are ``other_where``, ``other_variance``, ``other_frame``,
        ``other_weight``, ``deep``, ``floor`` and ``room``.
    window : ndarray, shape (n_frames,)
    group : ndarray, shape (n,)
        Part of the field that each event belongs to.
    responsibility, curvature : ndarray, shape (n_groups, n_windows, n_windows)
        Added to; the curvature is the mean of x and y.
    moments : ndarray, shape (n_windows, n_windows, d)
        Added to: gradient, of the first window towards the second.
    total : ndarray, shape (2, d)
        Added to: curvature and squared gradient, as in `pair_sums`.
    """
    d, c, n = where.shape[0], -1, 0
    p, s, found, around, when = room
    bend, end = (_POWER - 1) / _POWER, _END ** (_POWER - 1)
    for i in events:
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
        q, w = 1.0 / (floor + found[0]), weight[i]
        for a in range(d):
            m = found[1 + a] * q
            total[0, a] += w * (found[4 + a] * q + m * m)
            total[1, a] += w * w * m * m
        gx, gy = found[1] * q, found[2] * q
        mine = window[frame[i]]
        shared, bent, to = responsibility[group[i], mine], curvature[group[i], mine], moments[mine]
        for j in range(n):
            if low <= when[j] < high:
                continue
            dx, dy = around[0, j] - p[0], around[1, j] - p[1]
            inverse = 1.0 / (s[0] + around[3, j])
            e, root, az = (dx * dx + dy * dy) * inverse, 1.0, 0.0
            if deep is not None:
                iz = 1.0 / (s[2] + around[4, j])
                az = (around[2, j] - p[2]) * iz
                e += (around[2, j] - p[2]) * az
                root = np.sqrt(iz)
            if e >= CUT:
                continue
            u = 1.0 - e / (2 * _POWER)
            u14 = u**14
            share = w * q * around[5, j] * inverse * root
            r, fall = share * (u14 * u - end), share * u14 * bend
            ax, ay = dx * inverse, dy * inverse
            theirs = window[when[j]]
            shared[theirs] += r * inverse
            bent[theirs] += r * inverse + 0.5 * (
                ax * (r * gx - fall * ax) + ay * (r * gy - fall * ay)
            )
            to[theirs, 0] += r * ax
            to[theirs, 1] += r * ay
            if deep is not None:
                to[theirs, 2] += r * az

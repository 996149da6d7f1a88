"""Sums over the localizations of many tables: how much those of each owe to those of each other."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.compilation import allocating
from smlm_accessor.kernels.density.pair_loops import _END, _POWER, CUT


@allocating
def table_sums(  # type: ignore[no-untyped-def]
    rows, cell, first, stop, where, variance, table, group, other_where, other_variance,
    other_table, other_weight, lower, upper, floor, share, force, curvature, responsibility, slope,
):  # fmt: skip
    """Add up, by pairs of tables, gradient and curvature of the log-density of all tables.

    The density at localization ``i`` of table ``s`` is ``f = sum_j w_j K(E) / sqrt(prod S)``, as in
    `pair_sums`, over the localizations ``j`` of all tables, its own included. With the shares
    ``r = w_j K' / sqrt(prod S) / (floor + f)``, those of table ``t`` add ``sum_j r d / S`` to the
    gradient of ``s`` towards ``t``. A molecule that ``s`` shows ``a`` times, ``t`` shows ``b``
    times and all show ``n`` times so counts as ``a b / n``: by its information. The curvature is
    the derivative of the gradient by the position of ``t``, 0 on average for pairs by chance.

    Parameters
    ----------
    rows : ndarray
        Localizations that are gone through, in the order of cells.
    cell, first, stop
        As in `pair_sums`.
    where, variance : ndarray of float32, shape (d, n)
    table : ndarray of int32, shape (n,)
    group : ndarray, shape (n,)
        Group of field blocks of each localization.
    other_where, other_variance, other_table, other_weight
        Of the localizations that make the density.
    lower, upper : ndarray, shape (k, 2)
        The field of each table, less a margin: where a table ends, its density has a gradient that
        is no shift. Localizations count in their own field, with tables in whose field they are.
    share : ndarray, shape (k, k)
        Symmetric, with which the gradients of a pair of tables count in ``slope``.
    force, curvature : ndarray, shape (n_groups, k, k, d)
        Added to, for the table of the localization and the other one.
    responsibility : ndarray, shape (n_groups, k, k)
        Added to: ``sum(r / S)`` along x.
    slope : ndarray, shape (k, k, d)
        Added to: the rate at which ``sum_t share_st (force_st - force_ts) / 2`` of each table falls
        as each other one is moved; with third tables, which share a molecule with both.
    """
    d, k = where.shape[0], len(lower)
    gradient, bend = np.zeros((k, d)), np.zeros((k, d))
    near, seen = np.zeros(k), np.zeros(k, np.bool_)
    p, a, inverse, all_others = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    ratio, end = (_POWER - 1) / _POWER, _END ** (_POWER - 1)
    tilt, rise = _POWER * end, (_POWER - 1) * _END**_POWER
    for i in rows:
        s, c = table[i], cell[i]
        for t in range(k):
            seen[t] = True
            for m in range(2):
                seen[t] &= lower[t, m] < where[m, i] < upper[t, m]
        if not seen[s]:
            continue
        for m in range(d):
            p[m] = where[m, i]
        gradient[:], bend[:], near[:] = 0.0, 0.0, 0.0
        f = 0.0
        for row in range(first.shape[1]):
            for j in range(first[c, row], stop[c, row]):
                e, root = 0.0, 1.0
                for m in range(d):
                    inverse[m] = 1.0 / (variance[m, i] + other_variance[m, j])
                    a[m] = (other_where[m, j] - p[m]) * inverse[m]
                    e += (other_where[m, j] - p[m]) * a[m]
                if e >= CUT:
                    continue
                root = inverse[0] if d == 2 else inverse[0] * np.sqrt(inverse[2])
                u, w = 1.0 - e / (2 * _POWER), other_weight[j] * root
                u14 = u**14
                f += w * (u * (u14 * u - tilt) + rise)
                t = other_table[j]
                if t == s or not seen[t]:
                    continue
                k1, k2 = w * (u14 * u - end), w * u14 * ratio
                near[t] += k1 * inverse[0]
                for m in range(d):
                    gradient[t, m] += k1 * a[m]
                    bend[t, m] += k1 * inverse[m] - k2 * a[m] * a[m]
        if not f > 0:
            continue
        q = 1.0 / (floor + f)
        for m in range(d):
            all_others[m] = q * gradient[:, m].sum()
        for t in range(k):
            if not near[t] > 0:
                continue
            responsibility[group[i], s, t] += q * near[t]
            half = 0.5 * share[s, t]
            for m in range(d):
                g = q * gradient[t, m]
                force[group[i], s, t, m] += g
                curvature[group[i], s, t, m] += q * bend[t, m] + g * all_others[m]
                own = half * (q * bend[t, m] + g * all_others[m])
                slope[s, s, m] += own
                slope[t, s, m] -= own
                slope[s, t, m] -= half * q * bend[t, m]
                slope[t, t, m] += half * q * bend[t, m]
                for v in range(k):
                    if near[v] > 0:
                        both = half * g * q * gradient[v, m]
                        slope[s, v, m] -= both
                        slope[t, v, m] += both

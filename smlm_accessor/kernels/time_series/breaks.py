"""Breaks of a trend: where the values before and after say that the level is another one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend import Trend, local_linear_trend
from smlm_accessor.kernels.time_series.trend_loops import filter_forwards

#: Probability with which a series without any break shows one.
FALSE_ALARM = 1e-4


class Break(NamedTuple):
    """The value that a break is at, and the level before and after, shape (d,)."""

    at: int
    before: FloatArray
    after: FloatArray


def sides(
    time: FloatArray, value: FloatArray, variance: FloatArray, free: BoolArray, trend: Trend
) -> tuple[FloatArray, FloatArray]:
    """Predict the level by the values before, and by those after; and the variances.

    Returns
    -------
    level, variance : ndarray, shape (2, n)
        The variance is infinite where there are fewer than two values.
    """
    step = np.diff(time, prepend=time[0])
    variance = variance * trend.noise
    forwards = step, value, variance, free
    backwards = (
        np.concatenate([step[:1], step[:0:-1]]),
        np.ascontiguousarray(value[::-1]),
        np.ascontiguousarray(variance[::-1]),
        np.concatenate([[False], free[:0:-1]]),
    )
    level, spread = np.empty((2, len(time))), np.empty((2, len(time)))
    rates = np.array(trend.rates)
    for i, (steps, values, variances, begins) in enumerate((forwards, backwards)):
        states, spreads = np.empty((len(time), 3)), np.empty((len(time), 6))
        filter_forwards(steps, values, variances, rates, begins, False, states, spreads)
        level[i], spread[i] = states[:, 0], spreads[:, 0]
    level[1], spread[1] = level[1, ::-1].copy(), spread[1, ::-1].copy()
    return level, spread


def find_breaks(
    time: FloatArray, values: FloatArray, variances: FloatArray, free: BoolArray
) -> list[Break]:
    """Find the values at which all components break, one after the other, the largest first.

    The statistic of a break at value ``k`` is the squared difference of the level by the values
    before and by those after, over its variance, added up over the components: chi-squared
    distributed if there is none. The value ``k`` itself, part of which may be from either side,
    does not count. After each break, the rates of the trends are found anew.
    """
    n, d = values.shape
    free, variances = free.copy(), variances.copy()
    threshold = float(chi2.isf(FALSE_ALARM / n, d))
    candidates = np.ones(n, dtype=np.bool_)
    for k in np.flatnonzero(free):
        candidates[max(k - 1, 0) : k + 2] = False
    found: list[Break] = []
    rates = [None] * d
    while True:
        both = []
        for a in range(d):
            trend = local_linear_trend(time, values[:, a], variances[:, a], free=free, rates=rates[a])
            rates[a] = trend.rates
            both.append(sides(time, values[:, a], variances[:, a], free, trend))
        level = np.stack([b[0] for b in both], axis=2)
        spread = np.stack([b[1].sum(axis=0) for b in both], axis=1)
        usable = candidates & np.isfinite(spread).all(axis=1)
        step = np.where(usable[:, None], level[1] - level[0], 0.0)
        statistic = (step**2 / np.where(usable[:, None], spread, 1.0)).sum(axis=1)
        k = int(np.argmax(statistic))
        if statistic[k] < threshold:
            return sorted(found, key=lambda b: b.at)
        found.append(Break(k, level[0, k], level[1, k]))
        variances[k] = np.inf
        free[k] = True
        candidates[max(k - 1, 0) : k + 2] = False

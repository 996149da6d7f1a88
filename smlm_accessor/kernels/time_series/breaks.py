"""Breaks of a trend: where values before and after say that the level is another one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import chdtri

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend import Rates, Trend, local_trend
from smlm_accessor.kernels.time_series.trend_loops import filter_forwards

#: Probability with which values without any break show one.
FALSE_ALARM = 1e-4


class Break(NamedTuple):
    """A break at a value, and the levels before and after, shape (d,)."""

    at: int
    before: FloatArray
    after: FloatArray


class _Sides(NamedTuple):
    """The level that the values before and after predict, and its variances, shapes (2, n)."""

    level: FloatArray
    variance: FloatArray


def find_breaks(
    time: FloatArray, values: FloatArray, variances: FloatArray, free: BoolArray
) -> tuple[list[Break], list[Trend]]:
    """Find the values at which all components break, the largest first, and sort them.

    The statistic of a break at value ``k`` is the squared difference of the level that the values
    before predict and that those after do, over its variance, added up over the components:
    chi-squared distributed if there is none. The value ``k`` itself may be a mean over both sides,
    and does not count. After each break that is found, the rates of the trends are found anew. The
    levels before and after are those of the last trends, which know all breaks: the first ones take
    some of a break for a fast motion. They come with the breaks, one for each component.

    Parameters
    ----------
    time : ndarray, shape (n,)
    values, variances : ndarray, shape (n, d)
        A variance of infinity means that there is no value.
    free : ndarray of bool, shape (n,)
        Known breaks.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> values = rng.normal(0, 1, (100, 1)) + 9 * (np.arange(100) > 40)[:, None]
    >>> none = np.zeros(100, dtype=bool)
    >>> breaks, _ = find_breaks(np.arange(100.0), values, np.ones((100, 1)), none)
    >>> [b.at in (40, 41) for b in breaks]
    [True]
    """
    n, d = values.shape
    free, variances = free.copy(), variances.copy()
    possible = ~_beside(free)
    threshold = float(chdtri(d, FALSE_ALARM / n))  # of chi-squared
    rates: list[Rates | None] = [None] * d
    found: list[int] = []
    while True:
        sides, trends = [], []
        for axis in range(d):
            series = time, values[:, axis].copy(), variances[:, axis].copy()
            trend = local_trend(*series, free=free, rates=rates[axis])
            rates[axis] = trend.rates
            trends.append(trend)
            sides.append(_sides(*series[:2], series[2] * trend.noise, free, trend.rates))
        before, after = np.stack([s.level for s in sides], axis=2)
        variance = np.stack([s.variance.sum(axis=0) for s in sides], axis=1)
        square = np.where(np.isfinite(variance), (after - before) ** 2 / variance, 0.0)
        statistic = np.where(possible, square.sum(axis=1), 0.0)
        k = int(np.argmax(statistic))
        if statistic[k] < threshold:
            return [_break_at(k, time, trends) for k in sorted(found)], trends
        found.append(k)
        variances[k], free[k] = np.inf, True
        possible &= ~_beside(np.arange(n) == k)


def _break_at(k: int, time: FloatArray, trends: list[Trend]) -> Break:
    """Return the break at a value, from trends that begin anew there and do not know the value."""
    last = max(k - 1, 0)
    ahead = time[k] - time[last]
    before, after = np.array(
        [(t.level[last] + ahead * t.slope[last], t.level[k]) for t in trends]
    ).T
    return Break(k, before, after)


def _beside(chosen: BoolArray) -> BoolArray:
    """Return the chosen values and those next to them."""
    wide = chosen.copy()
    wide[1:] |= chosen[:-1]
    wide[:-1] |= chosen[1:]
    return wide


def _sides(
    time: FloatArray, value: FloatArray, variance: FloatArray, free: BoolArray, rates: Rates
) -> _Sides:
    """Predict the level at each value by the values before it, and by those after it."""
    step = np.diff(time, prepend=time[0])
    forwards = step, value, variance, free
    backwards = (
        np.concatenate([step[:1], step[:0:-1]]),
        np.ascontiguousarray(value[::-1]),
        np.ascontiguousarray(variance[::-1]),
        np.append(False, free[:0:-1]),
    )
    found = []
    for steps, values, variances, begins in (forwards, backwards):
        state, spread = np.empty((len(time), 3)), np.empty((len(time), 6))
        filter_forwards(steps, values, variances, np.array(rates), begins, False, state, spread)
        found.append((state[:, 0], spread[:, 0]))
    (before, before_variance), (after, after_variance) = found
    return _Sides(
        np.stack([before, after[::-1]]), np.stack([before_variance, after_variance[::-1]])
    )

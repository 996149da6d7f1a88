"""A trend through two series of values of one curve, of which the second has a constant more."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend import Rates, Trend, local_trend, trend_with_rates

_TURNS = 2  # of the rates and the constant


class TrendOfTwo(NamedTuple):
    """The trend, whose ``noise`` is 1, and the values of both series together.

    ``constant`` is what the second series has more; ``value`` and ``variance``, (n,), are the
    weighted means of both without it.
    """

    trend: Trend
    constant: float
    value: FloatArray
    variance: FloatArray


def trend_of_two(
    time: FloatArray,
    series: tuple[FloatArray, FloatArray],
    other: tuple[FloatArray, FloatArray],
    *,
    free: BoolArray | None = None,
    rates: Rates | None = None,
    least: Rates = (0.0, 0.0, 0.0),
) -> TrendOfTwo:
    r"""Smooth the values of two series, with their variances, by a local trend.

    The second series is the same curve and a constant :math:`c` that is not known. Where both have
    a value, with variances :math:`u` and :math:`v`, their weighted mean has the share
    :math:`s = u / (u + v)` of the constant, and their difference, which is independent of it, tells
    the constant with the variance :math:`u + v`. What the trend leaves of the means
    (innovations :math:`e`), and of the shares (:math:`e_s`), tells the rest:

    .. math:: c = \frac{\sum (y_2 - y_1) / (u + v) + \sum e_s e}{\sum 1 / (u + v) + \sum e_s^2}.

    Its variance is added to that of the level, times the square of how the level, less its mean,
    changes with it.

    Parameters
    ----------
    time : ndarray, shape (n,)
    series, other : tuple of ndarray, shape (n,)
        Values and variances; infinite where there is no value.
    free : ndarray of bool, optional
    rates : tuple of float, optional
        Near which those of the trend are looked for; else near those of the first series.
    least : tuple of float
        Rates of the trend at least.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> time = np.arange(100.0)
    >>> curve = np.sin(time / 20)
    >>> first = curve + rng.normal(0, 1, 100), np.ones(100)
    >>> second = curve + 7 + rng.normal(0, 0.1, 100), np.full(100, 0.01)
    >>> both = trend_of_two(time, first, second)
    >>> bool(np.std(both.trend.level - curve) < 0.1), round(both.constant)
    (True, 7)
    """
    (value, u), (second, v) = series, other
    weight = 1 / u + 1 / v
    with np.errstate(divide="ignore"):
        variance = 1 / weight
    some = np.where(weight > 0, weight, 1.0)
    mean, share = (value / u + second / v) / some, 1 / v / some
    both = np.isfinite(u) & np.isfinite(v)
    apart = u[both] + v[both]
    known, told = (1 / apart).sum(), ((second - value)[both] / apart).sum()
    if rates is None:
        first = np.isfinite(u).sum() > 2
        start = (value, u) if first else (second, v)
        rates = local_trend(time, *start, free=free, scaled=False).rates

    def constant_by(rates: Rates) -> tuple[float, float]:
        """Return the constant and its variance."""
        _, left = trend_with_rates(time, mean, variance, rates, free=free)
        _, by_constant = trend_with_rates(time, share, variance, rates, free=free)
        total = max(float(known + by_constant @ by_constant), 1e-300)
        return float(told + by_constant @ left) / total, 1 / total

    for _ in range(_TURNS):
        constant, _ = constant_by(rates)
        rates = local_trend(
            time, mean - constant * share, variance, free=free, rates=rates, scaled=False
        ).rates
        walk, bend, jerk = map(max, rates, least)
        rates = walk, bend, jerk
    constant, error = constant_by(rates)
    without = mean - constant * share
    trend, _ = trend_with_rates(time, without, variance, rates, free=free)
    change = trend_with_rates(time, share, variance, rates, free=free)[0].level
    more = error * (change - change.mean()) ** 2
    return TrendOfTwo(trend._replace(variance=trend.variance + more), constant, without, variance)

"""A smooth curve through noisy values: the local linear trend of greatest likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend_loops import log_likelihood, smooth

_DECADES = np.arange(-12.0, 4.1, 2.0)  # of the rates, in units of usual step and noise
_LOWEST, _HIGHEST = -20.0, 8.0
_FINEST = 0.1  # of a decade
# Taken off the log-likelihood for each decade of a rate: where the values do not tell one rate from
# another, the smaller one is chosen, and not by rounding.
_SIMPLER = 1e-3
_ENOUGH = 50  # values: then the common factor of their variances is known to about 20 %


class Trend(NamedTuple):
    """A smoothed curve: ``level``, ``slope`` and the ``variance`` of the level, all (n,).

    ``walk`` and ``bend`` are the variances that level and slope gain per unit of time, ``noise`` is
    the common factor of the variances of the values.
    """

    level: FloatArray
    slope: FloatArray
    variance: FloatArray
    walk: float
    bend: float
    noise: float


def local_linear_trend(
    time: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    *,
    free: BoolArray | None = None,
    rates: tuple[float, float] | None = None,
) -> Trend:
    """Smooth values by a local linear trend whose rates come from the marginal likelihood.

    Level and slope are random walks, the level along the slope [1]_. Without a walk of the level
    this is a cubic smoothing spline, without one of the slope a random walk about a straight line,
    without both a straight line. The likelihood, of a level and a slope that are unknown at first,
    chooses both rates; and, where there are 50 values or more, a common factor of their variances.

    All are in the order of ``time``, (n,). A variance of infinity means that there is no value.
    Level and slope start anew where they are ``free``. The best rates are looked for near
    ``rates``: walk and bend.

    References
    ----------
    .. [1] Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, Cambridge
       University Press 1989, https://doi.org/10.1017/CBO9781107049994

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> time = np.arange(200.0)
    >>> trend = local_linear_trend(time, 0.1 * time + rng.normal(0, 1, 200), np.ones(200))
    >>> bool(np.abs(trend.level - 0.1 * time).max() < 0.5)
    True
    """
    n = len(time)
    free = np.zeros(n, dtype=np.bool_) if free is None else free
    step = np.diff(time, prepend=time[0])
    scale = float(np.median(step[1:])) if n > 1 else 1.0
    known = np.isfinite(variance)
    noise = float(np.median(variance[known]))
    step, value, variance = step / scale, value / np.sqrt(noise), variance / noise

    def height(walk: float, bend: float) -> float:
        high, _ = log_likelihood(step, value, variance, 10.0**walk, 10.0**bend, free, enough)
        return float(high) - _SIMPLER * (walk + bend)

    enough = bool(known.sum() >= _ENOUGH)
    starts = [(w, b) for w in _DECADES for b in _DECADES]
    if rates is not None:
        per_unit = np.array([scale / noise, scale**3 / noise])
        w, b = np.clip(np.log10(np.maximum(rates * per_unit, 1e-300)), _LOWEST, _HIGHEST)
        # Also far from it, one rate at a time: without any walk, a little more changes nothing.
        starts = [(w, b), *((other, b) for other in _DECADES), *((w, other) for other in _DECADES)]
    walk, bend = max(starts, key=lambda start: height(*start))
    best, size = height(walk, bend), 1.0
    while size > _FINEST:
        around = [(walk + a * size, bend + b * size) for a in (-1, 0, 1) for b in (-1, 0, 1)]
        inside = [r for r in around if min(r) >= _LOWEST and max(r) <= _HIGHEST]
        top, w, b = max((height(*r), *r) for r in inside)
        if top > best:
            best, walk, bend = top, w, b
        else:
            size /= 2
    factor = log_likelihood(step, value, variance, 10.0**walk, 10.0**bend, free, enough)[1]
    level, slope, spread = np.empty(n), np.empty(n), np.empty(n)
    smooth(step, value, variance, 10.0**walk, 10.0**bend, free, level, slope, spread)
    root = np.sqrt(noise)
    unit = noise * factor
    return Trend(
        level * root,
        slope * root / scale,
        spread * unit,
        10.0**walk * unit / scale,
        10.0**bend * unit / scale**3,
        factor,
    )

"""A smooth curve through noisy values: the local trend of greatest likelihood."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend_loops import (
    filter_forwards,
    likelihoods,
    smooth_backwards,
)

# Decades from which rates are looked for, in units of usual step and noise: walk and bend, jerk.
_DECADES = tuple(map(float, range(-12, 5, 2)))
_JERKS = tuple(map(float, range(-18, 1, 3)))
_LOWEST, _HIGHEST = -20.0, 8.0
# Steps of the search: one rate, or two that can stand in for each other.
_MOVES = [
    move
    for move in itertools.product((-1, 0, 1), repeat=3)
    if any(move) and not (move[0] and move[2])
]
_FINEST = 0.1  # of a decade
# Taken off the log-likelihood for each decade of a rate: where the values do not tell one rate from
# another, the smaller one is chosen, and not by rounding.
_SIMPLER = 1e-3
# The log-likelihood that a curve has to gain over a straight line to be as probable: its two rates
# cost as much by the criterion of Akaike (1974, https://doi.org/10.1109/TAC.1974.1100705). With 1,
# three of 60 random worlds whose sample is at rest, or almost, were more than 1.5 times worse.
_LINE, _COST = (_LOWEST, _LOWEST, _LOWEST), 2.0
_FREER = 1e6  # variance of what is free, in units of that of the state after
_ENOUGH = 50  # values: then the common factor of their variances is known to about 20 %

#: Variance that level, slope and acceleration gain per unit of time.
Rates = tuple[float, float, float]


class Trend(NamedTuple):
    """A smoothed curve: ``level``, ``slope`` and the ``variance`` of the level, all (n,).

    ``walk``, ``bend`` and ``jerk`` are the variances that level, slope and acceleration gain per
    unit of time, ``noise`` is the common factor of the variances of the values.
    """

    level: FloatArray
    slope: FloatArray
    variance: FloatArray
    walk: float
    bend: float
    jerk: float
    noise: float

    @property
    def rates(self) -> Rates:
        """Walk, bend and jerk."""
        return self.walk, self.bend, self.jerk


# Numbers of a symmetric matrix: 11, 12, 13, 22, 23, 33.
_SYMMETRIC = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])


def local_trend(
    time: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    *,
    free: BoolArray | None = None,
    rates: Rates | None = None,
    scaled: bool = True,
) -> Trend:
    """Smooth values by a local trend whose rates come from the marginal likelihood.

    Level, slope and acceleration are random walks, the level along the slope and the slope along
    the acceleration [1]_. A walk of one of them alone is a random walk about a straight line, a
    cubic, or a quintic smoothing spline; without any it is a straight line. The likelihood, of a
    level and a slope that are unknown at first, chooses the rates; and, where there are at least 50
    values and they are to be ``scaled``, a common factor of their variances. The trend is the mean
    of this curve and the straight line, by their probabilities [2]_, and so are its rates.

    All are in the order of ``time``, (n,). A variance of infinity means that there is no value.
    Level, slope and acceleration start anew where they are ``free``. The best rates are looked for
    near ``rates``: walk, bend and jerk.

    References
    ----------
    .. [1] Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, Cambridge
       University Press 1989, https://doi.org/10.1017/CBO9781107049994
    .. [2] Burnham and Anderson, Sociol. Methods Res. 33, 261 (2004),
       https://doi.org/10.1177/0049124104268644

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> time = np.arange(200.0)
    >>> trend = local_trend(time, 0.1 * time + rng.normal(0, 1, 200), np.ones(200))
    >>> bool(np.abs(trend.level - 0.1 * time).max() < 0.5)
    True
    """
    at = _Scaled.of(time, value, variance, free, scaled)
    near = None if rates is None else np.log10(np.maximum(rates * at.per_unit, 1e-300))
    heights = _Heights(at)
    best = _likeliest(heights, near)
    p = float(expit(heights.of(best) - heights.of(_LINE) - _COST))
    curve = at.smoothed(10.0 ** np.array(best))
    return curve if p == 1 else _mean(curve, at.smoothed(10.0 ** np.array(_LINE)), p)


def _mean(one: Trend, other: Trend, p: float) -> Trend:
    """Return the mean of two trends, of which the first has the probability p.

    What they differ by adds to the variance.
    """
    mean = (p * np.asarray(a) + (1 - p) * np.asarray(b) for a, b in zip(one, other, strict=True))
    level, slope, variance, *numbers = mean
    apart = p * (1 - p) * (one.level - other.level) ** 2
    return Trend(level, slope, variance + apart, *map(float, numbers))


class _Scaled(NamedTuple):
    """Values in units of their usual noise, and times in those of their usual step."""

    step: FloatArray
    value: FloatArray
    variance: FloatArray
    free: BoolArray
    scaled: bool
    root: float
    unit: float
    state: FloatArray
    spread: FloatArray

    @classmethod
    def of(
        cls,
        time: FloatArray,
        value: FloatArray,
        variance: FloatArray,
        free: BoolArray | None,
        scaled: bool,
    ) -> _Scaled:
        n = len(time)
        free = np.zeros(n, dtype=np.bool_) if free is None else free
        step = np.diff(time, prepend=time[0])
        unit = float(np.median(step[1:])) if n > 1 else 1.0
        known = np.isfinite(variance)
        noise = float(np.median(variance[known]))
        root = float(np.sqrt(noise))
        return cls(
            *(step / unit, value / root, variance / noise, free),
            *(scaled and bool(known.sum() >= _ENOUGH), root, unit),
            *(np.empty((n, 3)), np.empty((n, 6))),
        )

    @property
    def per_unit(self) -> FloatArray:
        """Rates in these units over rates in those of the values."""
        return np.array([self.unit, self.unit**3, self.unit**5]) / self.root**2

    def smoothed(self, rates: FloatArray) -> Trend:
        """Return the trend with these rates, in the units of the values; they are in these."""
        n, both = len(self.value), (self.state, self.spread)
        series = self.step, self.value, self.variance
        _, factor = filter_forwards(*series, rates, self.free, self.scaled, *both)
        level, slope, covariance = np.empty(n), np.empty(n), np.empty((n, 6))
        smooth_backwards(
            self.step, self.value, self.variance, self.free, *both, level, slope, covariance
        )
        covariance_at_starts(self.step, self.variance, rates, self.free, self.spread, covariance)
        walk, bend, jerk = (rates / self.per_unit * factor).tolist()
        unit = self.root**2 * factor
        smooth = level * self.root, slope * self.root / self.unit, covariance[:, 0] * unit
        return Trend(*smooth, walk, bend, jerk, factor)


def trend_with_rates(
    time: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    rates: Rates,
    *,
    free: BoolArray | None = None,
) -> tuple[Trend, FloatArray]:
    """Return the trend with rates that are known, which is linear in the values; and innovations.

    Innovations are what each value differs by from what those before predict, over the standard
    deviation of that; 0 where there is no value, and for the first two of each segment.
    """
    at = _Scaled.of(time, value, variance, free, scaled=False)
    found = at.smoothed(np.asarray(rates) * at.per_unit)
    innovation = np.zeros(len(value))
    known = np.isfinite(variance)
    number = np.cumsum(at.free)
    for segment in np.unique(number):
        rows = np.flatnonzero(known & (number == segment))[2:]
        spread = np.sqrt(at.spread[rows, 0] + at.variance[rows])
        innovation[rows] = (at.value[rows] - at.state[rows, 0]) / spread
    return found, innovation


def covariance_at_starts(
    step: FloatArray,
    variance: FloatArray,
    rates: FloatArray,
    free: BoolArray,
    spread: FloatArray,
    covariance: FloatArray,
) -> None:
    """Write the covariance up to the second value of each segment, from that of the state after.

    This is the smoother of Rauch, Tung and Striebel (1965, https://doi.org/10.2514/3.3166). From a
    start that is as free as that of the filter, long before the first value, the difference of
    covariances has no digits left. So the slope at the first value, and level and slope before it,
    are as free here as differences allow. The parameters are those of
    `trend_loops.smooth_backwards` and `trend_loops.filter_forwards`.
    """
    starts = np.flatnonzero(free | (np.arange(len(free)) == 0))
    known = np.isfinite(variance)
    for start, stop in zip(starts, [*starts[1:].tolist(), len(free)], strict=True):
        values = (start + np.flatnonzero(known[start:stop])[:2]).tolist()
        if not values:
            continue
        first, last = values[0], values[-1]
        filtered = _from_free_start(step, variance, rates, spread, covariance, (first, last, stop))
        for i in range(last, start - 1, -1):
            own = filtered[i - first] if i >= first else spread[i][_SYMMETRIC]
            if i + 1 < stop:
                t, later = step[i + 1], covariance[i + 1][_SYMMETRIC]
                gained = _gained(t, rates)
                if i < first:
                    own = np.diag([*(_FREER * np.diag(later + gained)[:2]), own[2, 2]])
                move = _move(t)
                predicted = move @ own @ move.T + gained
                # In units of its standard deviations, the matrix is far from singular.
                unit = np.sqrt(np.maximum(np.diag(predicted), 1e-300))
                ahead = predicted / np.outer(unit, unit)
                np.fill_diagonal(ahead, 1.0)  # also of a rate that is none
                back = np.linalg.solve(ahead, move @ own / unit[:, None]).T / unit
                own = own + back @ (later - predicted) @ back.T
            covariance[i] = own[np.triu_indices(3)]


def _from_free_start(
    step: FloatArray,
    variance: FloatArray,
    rates: FloatArray,
    spread: FloatArray,
    covariance: FloatArray,
    at: tuple[int, int, int],
) -> list[FloatArray]:
    """Return the covariances by the values so far, from the first value of a segment to the second.

    ``at`` holds the indices of the first and the second value, and the end of the segment.
    """
    first, last, stop = at
    slope = spread[first, 3]
    if last > first and last + 1 < stop:
        slope = min(slope, _FREER * max(covariance[last + 1, 3], 1e-300))
    own = np.diag([variance[first], slope, spread[first, 5]])
    found = [own]
    for i in range(first + 1, last + 1):
        move = _move(step[i])
        own = move @ own @ move.T + _gained(step[i], rates)
        if i == last:
            gain = own[:, 0] / (own[0, 0] + variance[i])
            left = np.eye(3) - np.outer(gain, [1.0, 0.0, 0.0])
            own = left @ own @ left.T + variance[i] * np.outer(gain, gain)  # without losing digits
        found.append(own)
    return found


def _move(t: float) -> FloatArray:
    """Return how level, slope and acceleration go on in a step of time."""
    return np.array([[1.0, t, 0.5 * t * t], [0.0, 1.0, t], [0.0, 0.0, 1.0]])


def _gained(t: float, rates: FloatArray) -> FloatArray:
    """Return the covariance that the state gains in a step of time."""
    walk, bend, jerk = rates
    level, slope = jerk * t**4 / 8 + bend * t**2 / 2, jerk * t**3 / 3 + bend * t
    return np.array(
        [
            [walk * t + bend * t**3 / 3 + jerk * t**5 / 20, level, jerk * t**3 / 6],
            [level, slope, jerk * t**2 / 2],
            [jerk * t**3 / 6, jerk * t**2 / 2, jerk * t],
        ]
    )


class _Heights:
    """Log-likelihoods of rates by their decades, less what rates cost; each is computed once."""

    def __init__(self, at: _Scaled) -> None:
        self._at = at
        self._known: dict[tuple[float, ...], float] = {}

    def of(self, decades: tuple[float, ...]) -> float:
        """Return the height of some decades."""
        self.highest([decades])
        return self._known[decades]

    def highest(self, of: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
        """Return the decades of the largest, the first of equal ones."""
        new = [decades for decades in dict.fromkeys(of) if decades not in self._known]
        if new:
            series = self._at.step, self._at.value, self._at.variance
            rates = 10.0 ** np.array(new)
            found = likelihoods(*series, rates, self._at.free, self._at.scaled).tolist()
            for decades, height in zip(new, found, strict=True):
                self._known[decades] = height - _SIMPLER * sum(decades)
        return max(of, key=self._known.__getitem__)


def _likeliest(heights: _Heights, near: FloatArray | None) -> tuple[float, ...]:
    """Return the decades of the rates where the height is largest, near some or anywhere."""
    if near is not None:
        w, b, j = np.clip(near, _LOWEST, _HIGHEST).tolist()
        alone: list[tuple[float, ...]] = [(_LOWEST, other, _LOWEST) for other in _DECADES]
        alone += [(_LOWEST, _LOWEST, other) for other in _JERKS]
        # Also another walk: if there is hardly any, a little more changes nothing.
        starts = [(w, b, j), *((other, b, j) for other in _DECADES)]
        top = heights.highest(starts)
        if (w, b, j) not in alone and heights.highest([*alone, (w, b, j)]) == (w, b, j):
            return _climb(heights, top)
    bends: list[tuple[float, ...]] = [(w, b, _LOWEST) for w in _DECADES for b in _DECADES]
    jerks: list[tuple[float, ...]] = [(w, _LOWEST, j) for w in _DECADES for j in _JERKS]
    found = [_climb(heights, heights.highest(starts)) for starts in (bends, jerks)]
    return heights.highest(found)


def _climb(heights: _Heights, best: tuple[float, ...]) -> tuple[float, ...]:
    """Return the top of the heights, from a start, by ever smaller steps."""
    size = 1.0
    while size > _FINEST:
        w, b, j = best
        around = [(w + size * p, b + size * q, j + size * r) for p, q, r in _MOVES]
        inside = [r for r in around if min(r) >= _LOWEST and max(r) <= _HIGHEST]
        top = heights.highest([best, *inside])
        if top != best:
            best = top
        else:
            size /= 2
    return best

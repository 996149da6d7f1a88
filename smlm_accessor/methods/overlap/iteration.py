"""The drift at which events overlap best: steps of windows and a trend through them, in turns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.kernels.time_series.slopes import excess_lines
from smlm_accessor.kernels.time_series.trend import Rates, Trend, local_trend
from smlm_accessor.kernels.time_series.two_series import trend_of_two
from smlm_accessor.methods.overlap.density import Density, OverlapSums
from smlm_accessor.methods.overlap.evidence import chance, lies_on_nothing, lost, share_of, silent
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.timeline import Windows

_STANDS = 2.0  # standard deviations that a drift which is right differs by


class NoEvidenceError(Exception):
    """Localizations do not lie on those of other times."""


@dataclass(frozen=True)
class DriftEstimate:
    """Drift of the frames of a timeline, and of the windows it is cut into.

    Parameters
    ----------
    drift : ndarray, shape (n_frames, d)
    trends : tuple of Trend
        Through the windows, for each component.
    value, variance : ndarray, shape (n_windows, d)
        Drift of each window by itself, and its variance: infinite where the window shows none.
    quality : ndarray, shape (n_windows,)
        Information of each window, over what it would be if the emitters were known.
    events : ndarray, shape (n_windows,)
        Information that the events would have if the emitters were known.
    duration : ndarray of int, shape (n_windows,)
        Frames of each window.
    chance : ndarray, shape (d,)
        Probability that events without structure overlap as well, from the first round: later ones
        are fitted to noise, too.
    """

    drift: FloatArray
    trends: tuple[Trend, ...]
    value: FloatArray
    variance: FloatArray
    quality: FloatArray
    events: FloatArray
    duration: IntArray
    chance: FloatArray

    def agrees_with(self, drift: FloatArray) -> bool:
        """Tell whether a drift, shape (n_frames, d), is right by what the estimate says."""
        wrong = np.std(self.drift - drift, axis=0)
        return bool((wrong < _STANDS * np.median(self.std, axis=0)).all())

    @property
    def rates(self) -> list[Rates]:
        """Rates of the trend of each component."""
        return [t.rates for t in self.trends]

    @property
    def level(self) -> FloatArray:
        """Drift of each window, shape (n_windows, d)."""
        return np.stack([t.level for t in self.trends], axis=1)

    @property
    def std(self) -> FloatArray:
        """Standard deviation of the drift of each window, shape (n_windows, d)."""
        return np.sqrt(np.stack([t.variance for t in self.trends], axis=1))

    @property
    def nothing(self) -> BoolArray:
        """Tell which windows lie on nothing, see `lies_on_nothing`."""
        return lies_on_nothing(self.quality, self.events, ~lost(self.quality, self.duration))

    def with_slopes_as_seen(self, windows: Windows) -> DriftEstimate:
        """Return the same with slopes no larger than they are seen to be, see `excess_lines`."""
        variance = np.array([t.noise for t in self.trends]) * self.variance
        lines = excess_lines(windows.mean_frame, self.value, variance, free=windows.begins)
        drift, trends = self.drift.copy(), []
        for axis, (t, level, slope) in enumerate(
            zip(self.trends, *(x.T for x in lines), strict=True)
        ):
            drift[:, axis] -= windows.lines(level, slope)
            trends.append(t._replace(level=t.level - level, slope=t.slope - slope))
        return replace(self, drift=drift, trends=tuple(trends))

    def smoothing_time(self, windows: Windows) -> float:
        """Return over how many frames the trend averages.

        A run of frames of this length has, by itself, the variance of the trend.
        """
        extent = float(windows.timeline.frames[-1] - windows.timeline.frames[0] + 1)
        noise = np.array([t.noise for t in self.trends])
        per_frame = (1 / (self.variance * noise)).sum(axis=0) / extent
        return float(min((1 / per_frame / np.median(self.std**2, axis=0)).min(), extent))


def std_about_mean(estimate: DriftEstimate, windows: Windows) -> FloatArray:
    """Return the standard deviation of each window against the mean drift, (n_windows, d).

    It has no part of the constant, which nothing tells. With the mean weighted by the information,
    as the trend goes on through a constant, this part is one over the sum of it. Where a straight
    line crosses the mean nothing would be left: it is no less than the usual one over the time in
    which the trend averages, of windows that show something.
    """
    noise = np.array([t.noise for t in estimate.trends])
    constant = 1 / np.maximum((1 / (noise * estimate.variance)).sum(axis=0), 1e-300)
    variance = np.maximum(estimate.std**2 - constant, 0.0)
    near = max(round(estimate.smoothing_time(windows) / np.median(windows.duration)), 1)
    seen = np.isfinite(estimate.variance)
    share, usual = (
        uniform_filter1d(values, near, axis=0, mode="reflect")
        for values in (seen.astype(np.float64), np.where(seen, variance, 0.0))
    )
    return np.asarray(np.sqrt(np.maximum(variance, usual / np.maximum(share, 1e-9))))


def iterate(
    drift: FloatArray,
    windows: Windows,
    density: Density,
    *,
    rounds: int,
    tolerance: float,
    every: int = 1,
    near: DriftEstimate | Sequence[Rates] | None = None,
    prior: Prior | None = None,
) -> DriftEstimate:
    """Take turns until the drift moves by less than so many standard deviations.

    Parameters
    ----------
    drift : ndarray, shape (n_frames, d)
        To start from.
    windows : Windows
    density : Density
    rounds : int
        At most.
    tolerance : float
    every : int, default 1
        One in so many blocks of events counts.
    near : DriftEstimate or tuple of rates, optional
        The rates of the trend are looked for near its, or near these, of each component.
    prior : Prior, optional
        What is known beforehand, which counts beside what windows show.

    Raises
    ------
    NoEvidenceError
        If the density is not peaked at events.
    """
    by_chance, found = None, None
    for _ in range(rounds):
        sums = density.sums(drift, windows, every=every)
        if not (sums.curvature.sum(axis=0) > 0).all():
            raise NoEvidenceError
        by_chance = chance(sums) if by_chance is None else by_chance
        near = near.rates if isinstance(near, DriftEstimate) else near
        found = _smoothed(drift, sums, windows, density, near, by_chance, prior)
        moved = np.std(found.drift - drift, axis=0)  # a constant is free
        drift, near = found.drift, found
        if (moved < tolerance * np.median(found.std, axis=0)).all():
            break
    assert found is not None
    return found


def iterate_evident(
    drift: FloatArray, windows: Windows, densities: Iterable[Density], **options: Any
) -> tuple[Density, DriftEstimate]:
    """Take turns with the first of the densities that is peaked at events.

    The parameters are those of `iterate`.

    Raises
    ------
    NoEvidenceError
        If none is.
    """
    for density in densities:
        with suppress(NoEvidenceError):
            return density, iterate(drift, windows, density, **options)
    raise NoEvidenceError


def newton_steps(
    sums: OverlapSums, share: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return how far each window lies from all others, and the variance: shapes (n_windows, d).

    The step is ``gradient / slope`` and its variance ``noise / slope**2``, in precisions. ``slope``
    is the curvature that a window of this weight has on average, for that of a single window is too
    noisy to divide by: among those that are like it, if their ``share`` of true pairs is given, see
    `share_of`. Where the drift is wrong, there is less curvature, and such steps would be too long.
    ``noise``, the variance of the gradient, goes with the weight alone, for pairs by chance scatter
    as well. Since the others move, too, a window with half of all events has to go half the way.
    """
    total = max(float(sums.weight.sum()), 1e-300)
    usual = np.maximum(sums.weight, 1e-300)[:, None] * (sums.curvature.sum(axis=0) / total)
    relative = np.ones(len(usual))
    if share is not None:
        mean = max(float(share @ sums.weight), 1e-300) / total
        relative = np.where(share > 0, share / mean, 1.0)
    slope = usual * relative[:, None]
    rest = 1 - np.minimum(sums.weight / total, 1.0)
    variance = 1 / (sums.per_curvature * slope * relative[:, None])
    return -rest[:, None] * sums.gradient / slope, variance


def _smoothed(
    drift: FloatArray,
    sums: OverlapSums,
    windows: Windows,
    density: Density,
    near: Sequence[Rates] | None,
    by_chance: FloatArray,
    prior: Prior | None,
) -> DriftEstimate:
    """Return the trends through the drift of windows that the sums ask for."""
    precision, share = density.precision, share_of(sums)
    seen = (sums.weight > 1e-6 * sums.weight.mean()) & ~silent(sums, share)
    nearly_right = density.kernel.spread < COARSE.spread
    step, variance = newton_steps(sums, share if nearly_right else None)
    value = windows.mean(drift) + np.where(seen[:, None], precision * step, 0.0)
    variance = np.where(seen[:, None], precision**2 * variance, np.inf)
    rates: list[Rates | None] = [*near] if near else [None] * drift.shape[1]
    if prior is None:
        time, free = windows.mean_frame, windows.begins

        def along(axis: int) -> Trend:
            series = time, value[:, axis], variance[:, axis]
            return local_trend(*series, free=free, rates=rates[axis])

        trends = tuple(map_threads(along, range(len(rates)), threads=density.threads))
    else:
        trends, value, variance = with_prior(prior, drift, windows, value, variance, rates)
    new = np.stack([windows.lines(t.level, t.slope) for t in trends], axis=1)
    of_windows = sums.quality, sums.events, windows.duration
    return DriftEstimate(new, trends, value, variance, *of_windows, by_chance)


def with_prior(
    prior: Prior,
    drift: FloatArray,
    windows: Windows,
    value: FloatArray,
    variance: FloatArray,
    rates: list[Rates | None],
) -> tuple[tuple[Trend, ...], FloatArray, FloatArray]:
    """Return the trends through what windows show and what is known beforehand, and both together.

    The factor of the noise is that of the trend through what windows show alone: what is known
    beforehand has its own errors. Values and variances are the weighted means of both, variances
    without this factor.
    """
    step, known = prior.on(windows, drift)
    beforehand, trends = windows.mean(drift) + step, []
    value, variance = value.copy(), variance.copy()
    for axis, near in enumerate(rates):
        given = value[:, axis], variance[:, axis]
        noise = 1.0
        if np.isfinite(given[1]).sum() > 2:
            noise = local_trend(windows.mean_frame, *given, free=windows.begins).noise
        found = trend_of_two(
            windows.mean_frame,
            (given[0], noise * given[1]),
            (beforehand[:, axis], known[:, axis]),
            free=windows.begins,
            rates=near,
            least=tuple(prior.rates[:, axis].tolist()),
        )
        trends.append(found.trend._replace(noise=noise))
        value[:, axis], variance[:, axis] = found.value, found.variance / noise
    return tuple(trends), value, variance

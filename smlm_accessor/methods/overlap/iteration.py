"""The drift at which events overlap best: steps of windows and a trend through them, in turns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend import Trend, local_linear_trend
from smlm_accessor.methods.overlap.density import Density, OverlapSums
from smlm_accessor.methods.overlap.events import CorrectedEvents
from smlm_accessor.methods.overlap.evidence import chance
from smlm_accessor.timeline import Windows

_NARROW = (1.5, 1.0)  # widths of the kernel that are tried, in precisions
_PLENTY = 1_000_000  # events; a part of them tells which kernel is best
_AROUND = 5  # windows
_LOST = 0.4  # of the usual quality: what little such windows show is chance


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
    value, information : ndarray, shape (n_windows, d)
        Drift of each window by itself, NaN where it shows none; and one over its variance.
    quality : ndarray, shape (n_windows,)
        Curvature that an event has on average; 1 for molecules far apart.
    chance : ndarray, shape (d,)
        Probability that events without structure overlap as well, from the first round: later ones
        are fitted to noise, too.
    """

    drift: FloatArray
    trends: tuple[Trend, ...]
    value: FloatArray
    information: FloatArray
    quality: FloatArray
    chance: FloatArray
    variance: FloatArray

    @property
    def level(self) -> FloatArray:
        """Drift of each window, shape (n_windows, d)."""
        return np.stack([t.level for t in self.trends], axis=1)

    @property
    def std(self) -> FloatArray:
        """Standard deviation of the drift of each window, shape (n_windows, d)."""
        return np.sqrt(np.stack([t.variance for t in self.trends], axis=1))

    def smoothing_time(self, windows: Windows) -> float:
        """Return over how many frames the trend averages.

        A run of frames of this length has, by itself, the variance of the trend.
        """
        extent = float(windows.timeline.frames[-1] - windows.timeline.frames[0] + 1)
        per_frame = self.information.sum(axis=0) / extent
        return float(min((1 / per_frame / np.median(self.std**2, axis=0)).min(), extent))


def iterate(
    drift: FloatArray,
    windows: Windows,
    density: Density,
    *,
    rounds: int,
    tolerance: float,
    near: DriftEstimate | None = None,
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
    near : DriftEstimate, optional
        The rates of the trend are looked for near its.

    Raises
    ------
    NoEvidenceError
        If the density is not peaked at events.
    """
    by_chance = None
    for _ in range(rounds):
        sums = density.sums(drift, windows)
        if not (sums.curvature.sum(axis=0) > 0).all():
            raise NoEvidenceError
        by_chance = chance(sums) if by_chance is None else by_chance
        near = replace(_smoothed(drift, sums, windows, density.width, near), chance=by_chance)
        moved = np.std(near.drift - drift, axis=0)  # a constant is free
        drift = near.drift
        if (moved < tolerance * np.median(near.std, axis=0)).all():
            break
    assert near is not None
    return near


def newton_steps(sums: OverlapSums, width: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how far each window lies from all others, and the variance: shapes (n_windows, d).

    The step is ``width * gradient / slope`` and its variance ``width**2 * noise / slope``, where
    ``slope`` is the curvature that a window of this weight has on average, since that of a single
    window is too noisy to divide by, and ``noise = sum(squared) / sum(curvature)`` is 1 if events
    are independent and the kernel is as wide as they scatter. Since the others move, too, a window
    with half of all events has to go half the way.
    """
    total = max(float(sums.weight.sum()), 1e-300)
    curvature = sums.curvature.sum(axis=0)
    slope = np.maximum(sums.weight, 1e-300)[:, None] * (curvature / total)
    rest = 1 - np.minimum(sums.weight / total, 1.0)
    step = -rest[:, None] * width * sums.gradient / slope
    return step, width**2 * (sums.squared.sum(axis=0) / curvature) / slope


def _smoothed(
    drift: FloatArray,
    sums: OverlapSums,
    windows: Windows,
    width: FloatArray,
    near: DriftEstimate | None,
) -> DriftEstimate:
    """Return the trends through the drift of windows that the sums ask for."""
    quality = sums.curvature[:, :2].mean(axis=1) / np.maximum(sums.events, 1e-300)
    seen = (sums.weight > 1e-6 * sums.weight.mean()) & ~lost(quality)
    base = windows.mean(drift)
    step, variance = newton_steps(sums, width)
    value = np.where(seen[:, None], base + step, np.nan)
    new, trends, information = np.empty_like(drift), [], np.zeros_like(value)
    for axis in range(drift.shape[1]):
        trend = local_linear_trend(
            windows.mean_frame,
            np.where(seen, value[:, axis], base[:, axis]),
            np.where(seen, variance[:, axis], np.inf),
            free=windows.begins,
            rates=None if near is None else near.trends[axis].rates,
        )
        trends.append(trend)
        information[seen, axis] = 1 / (variance[seen, axis] * trend.noise)
        new[:, axis] = windows.lines(trend.level, trend.slope)
    variance = np.where(seen[:, None], variance, np.inf)
    return DriftEstimate(new, tuple(trends), np.where(seen[:, None], value, base), information, quality, chance(sums), variance)


def lost(quality: FloatArray) -> BoolArray:
    """Tell where window after window lies on nothing: drift is wrong there.

    What little they show is chance, and would hold the trend at the wrong position.
    """
    if len(quality) < 10 * _AROUND:
        return np.zeros(len(quality), dtype=np.bool_)
    around = np.convolve(np.pad(quality, _AROUND // 2, mode="edge"), np.ones(_AROUND), "valid")
    return np.asarray(around < _LOST * np.median(around))


def best_kernel(
    events: CorrectedEvents,
    estimate: DriftEstimate,
    windows: Windows,
    precision: FloatArray,
    threads: int | None,
) -> Density:
    """Return the density whose widths promise most information, along x and y, and along z.

    The information is ``sum(curvature)**2 / sum(squared) / width**2``.
    """
    d = len(precision)
    densities: list[Density] = []
    information = []
    for width in _NARROW:
        density = Density(events, estimate.drift, width * precision, threads)
        sums = density.sums(estimate.drift, windows, part=len(events.frame) > _PLENTY)
        squared = np.maximum(sums.squared.sum(axis=0), 1e-300)
        information.append(sums.curvature.sum(axis=0) ** 2 / squared / density.width**2)
        densities.append(density)
    found = np.array(information)
    best = np.full(d, np.argmax(found[:, :2].sum(axis=1)))
    best[2:] = np.argmax(found[:, 2:], axis=0)
    if (best == best[0]).all():
        return densities[int(best[0])]
    return Density(events, estimate.drift, np.array(_NARROW)[best] * precision, threads)

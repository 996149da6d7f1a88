"""Where all localizations overlap best: sums over windows and a curve through them, in turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.density.blinks import Events
from smlm_accessor.kernels.time_series.trend import Trend, local_linear_trend
from smlm_accessor.methods.overlap.density import Density, Sums
from smlm_accessor.timeline import Windows

WIDE = 2.5  # widths of the kernel, in precisions
NARROW = (1.5, 1.0)
_SIGNIFICANT = 6.0
_AROUND = 5  # segments
_MUCH_LONGER = 10
_PLENTY = 1_000_000  # events; a part of them tells which kernel is best
_LOST = 0.4  # of the usual quality


class NoEvidenceError(Exception):
    """Localizations do not lie on those of other times."""


@dataclass(frozen=True)
class State:
    """An estimate of drift.

    Parameters
    ----------
    drift : ndarray, shape (n_frames, d)
    trends : tuple of Trend
        For each component; empty at the start.
    information : ndarray, shape (n_windows, d), optional
        Of each window alone: one over the variance of its drift.
    value : ndarray, shape (n_windows, d), optional
        Drift of each window by itself; NaN where it shows none.
    quality : ndarray, shape (n_windows,), optional
        Curvature that a localization has on average; 1 for molecules far apart.
    """

    drift: FloatArray
    trends: tuple[Trend, ...] = ()
    information: FloatArray | None = None
    value: FloatArray | None = None
    quality: FloatArray | None = None

    @property
    def level(self) -> FloatArray:
        """Drift of each window, shape (n_windows, d)."""
        return np.stack([t.level for t in self.trends], axis=1)

    @property
    def std(self) -> FloatArray:
        """Standard deviation of the drift of each window, shape (n_windows, d)."""
        return np.sqrt(np.stack([t.variance for t in self.trends], axis=1))

    def smoothing_time(self, windows: Windows) -> float:
        """Return over how many frames the curves average."""
        assert self.information is not None
        extent = float(windows.timeline.frames[-1] - windows.timeline.frames[0] + 1)
        per_frame = self.information.sum(axis=0) / extent
        return float(min((1 / per_frame / np.median(self.std**2, axis=0)).min(), extent))


class Solver:
    """Finds the drift of events on a timeline.

    Parameters
    ----------
    events : Events
        Corrected for ``start``.
    start : ndarray, shape (n_frames, d)
    precision : ndarray, shape (d,)
    threads : int, optional
    """

    def __init__(
        self, events: Events, start: FloatArray, precision: FloatArray, threads: int | None
    ) -> None:
        self._events = events
        self._start = start
        self._precision = precision
        self._threads = threads

    def density(self, drift: FloatArray, widths: FloatArray) -> Density:
        """Return events in tiles, for a kernel so many precisions wide along each axis."""
        width = widths * self._precision
        return Density(self._events, drift - self._start, width, self._threads)

    def sums(
        self,
        density: Density,
        drift: FloatArray,
        windows: Windows,
        *,
        some: bool = False,
        apart: Sequence[tuple[int, int]] = (),
    ) -> Sums:
        """Return the sums over windows, each compared with other ones that show other blinks.

        With ``some``, over a part of the field only. Frames in a range of indices that is ``apart``
        are not compared with each other.
        """
        frames, gap = windows.timeline.frames, self._gap(windows)
        first = windows.bounds
        low = np.searchsorted(frames, frames - gap)
        high = np.searchsorted(frames, frames + gap, side="right")
        left_out = np.stack(
            [
                np.minimum(low, first[windows.of_frame]),
                np.maximum(high, first[windows.of_frame + 1]),
            ],
            axis=1,
        )
        for a, b in apart:
            left_out[a:b, 0] = np.minimum(left_out[a:b, 0], a)
            left_out[a:b, 1] = np.maximum(left_out[a:b, 1], b)
        return density.sums(
            drift - self._start, windows.of_frame, len(windows), left_out, some=some
        )

    def _gap(self, windows: Windows) -> int:
        """Return how many frames to either side of a segment could show the same blink."""
        extent = int(windows.timeline.frames[-1] - windows.timeline.frames[0])
        gap = self._events.lifetime * 3 // 2 + 2
        # Where segments are much longer than blinks, leaving out the segment itself is enough.
        if gap * _MUCH_LONGER * len(windows) < extent:
            return 0
        return min(gap, extent // 10)

    def settle(
        self,
        state: State,
        windows: Windows,
        density: Density,
        *,
        rounds: int,
        settled: float,
    ) -> State:
        """Take turns until the drift moves by less than so many standard deviations."""
        for _ in range(rounds):
            sums = self.sums(density, state.drift, windows)
            new = self._smooth(state, sums, windows, density.width)
            moved = np.sqrt(((new.drift - state.drift) ** 2).mean(axis=0))
            state = new
            if (moved < settled * np.median(state.std, axis=0)).all():
                break
        return state

    def narrow(self, state: State, windows: Windows) -> Density:
        """Return the density whose widths promise most information, along x and y, and along z."""
        d = len(self._precision)
        sparse = len(self._events.frame) > _PLENTY
        densities, information = [], []
        for width in NARROW:
            density = self.density(state.drift, np.full(d, width))
            sums = self.sums(density, state.drift, windows, some=sparse)
            squared = np.maximum(sums.squared.sum(axis=0), 1e-300)
            information.append(sums.curvature.sum(axis=0) ** 2 / squared / density.width**2)
            densities.append(density)
        found = np.array(information)
        best = int(np.argmax(found[:, :2].sum(axis=1)))
        if d == 2 or np.argmax(found[:, 2]) == best:
            return densities[best]
        widths = np.full(d, NARROW[best])
        widths[2] = NARROW[int(np.argmax(found[:, 2]))]
        return self.density(state.drift, widths)

    def _smooth(self, state: State, sums: Sums, windows: Windows, width: FloatArray) -> State:
        """Return the curves through the drift of the windows that the sums ask for."""
        drift = np.empty_like(state.drift)
        trends, known, values = [], [], []
        total = max(float(sums.weight.sum()), 1e-300)
        segment = windows.of_frame[self._events.frame]
        n = np.bincount(segment, self._events.weight, minlength=len(windows))
        quality = sums.curvature[:, :2].mean(axis=1) / np.maximum(n, 1e-300)
        seen = (sums.weight > 1e-6 * total / len(windows)) & ~_lost(quality)
        for axis in range(drift.shape[1]):
            curvature = sums.curvature[:, axis]
            if _significance(curvature) < _SIGNIFICANT:
                raise NoEvidenceError
            # Each localization counts as much as it does on average: the curvature of a single
            # segment is too noisy to divide by.
            slope = np.where(seen, sums.weight, 1.0) * (curvature.sum() / total)
            base = windows.mean(state.drift[:, axis])
            # The others move, too: a segment with half of all localizations has to go half the way.
            way = 1 - np.minimum(sums.weight / total, 1.0)
            value = base - way * width[axis] * sums.gradient[:, axis] / slope
            spread = width[axis] ** 2 * sums.squared[:, axis].sum() / curvature.sum()
            trend = local_linear_trend(
                windows.mean_frame,
                np.where(seen, value, base),
                np.where(seen, spread / slope, np.inf),
                free=windows.begins,
                rates=(state.trends[axis].walk, state.trends[axis].bend) if state.trends else None,
            )
            trends.append(trend)
            values.append(np.where(seen, value, np.nan))
            known.append(np.where(seen, slope / spread / trend.noise, 0.0))
            drift[:, axis] = windows.lines(trend.level, trend.slope)
        return State(
            drift, tuple(trends), np.stack(known, axis=1), np.stack(values, axis=1), quality
        )


def _lost(quality: FloatArray) -> BoolArray:
    """Tell where segment after segment lies on nothing: drift is wrong there.

    What little they show is chance, and would hold the curve at the wrong place.
    """
    if len(quality) < 10 * _AROUND:
        return np.zeros(len(quality), dtype=np.bool_)
    around = np.convolve(np.pad(quality, _AROUND // 2, mode="edge"), np.ones(_AROUND), "valid")
    return np.asarray(around < _LOST * np.median(around))


def _significance(values: FloatArray) -> float:
    """Return by how many standard deviations the sum is above zero."""
    if len(values) < 20:
        return np.inf if values.sum() > 0 else 0.0
    return float(values.sum() / max(np.sqrt(((values - values.mean()) ** 2).sum()), 1e-300))

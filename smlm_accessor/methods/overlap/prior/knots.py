"""What is known beforehand of the drift of the frames of a timeline, and of windows of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.trend import local_trend
from smlm_accessor.methods.chunked import PriorDrift
from smlm_accessor.timeline import Timeline, Windows

_WINDOWS = 2000  # at most, as of the first drift
_CONTRADICTED = (
    "The prior and the localizations contradict each other along {}: they differ by {} (root mean "
    "square, in the length unit of the table), and the errors of both let expect {}. The "
    "offset_std of the prior was taken {} times as large."
)


@dataclass(frozen=True)
class Prior:
    """A drift that is known up to a constant, at some of the frames of a timeline.

    Parameters
    ----------
    at : ndarray of int, shape (n,)
        Indices of these frames.
    drift, information : ndarray, shape (n, d)
        Information is one over the variance.
    rates : ndarray, shape (3, d)
        At least those of the trend.
    factor : ndarray, shape (d,)
        By which variances are larger than they are said to be.
    found, expected : ndarray, shape (d,)
        Where they are: by how much this drift differs from what localizations show, and what the
        errors that it is said to have let expect.
    """

    at: IntArray
    drift: FloatArray
    information: FloatArray
    rates: FloatArray
    factor: FloatArray
    found: FloatArray
    expected: FloatArray

    @classmethod
    def of(cls, known: PriorDrift | None, timeline: Timeline) -> Prior | None:
        """Return what is known in the frames of a timeline, None if that is nothing."""
        if known is None:
            return None
        at = np.searchsorted(timeline.frames, known.frames)
        inside = np.isin(known.frames, timeline.frames)
        if not inside.any():
            return None
        none = np.zeros(known.drift.shape[1])
        given = known.drift[inside], 1 / known.variance[inside], known.rates
        return cls(at[inside], *given, none + 1, none, none)

    def near_localizations(self, chunks: Windows) -> Prior:
        """Return the same without what lies in long gaps within given chunks.

        A chunk has one drift, that of its localizations. What is known of a time without any, if
        that is more than half of the chunk, is of another one.
        """
        frames, counts = chunks.timeline.frames, chunks.timeline.counts
        seen, of = np.flatnonzero(counts), chunks.of_frame
        if not len(seen):
            return self
        after = np.searchsorted(seen, self.at)
        later, earlier = (seen[np.clip(after - n, 0, len(seen) - 1)] for n in (0, 1))
        begin, end = chunks.edges[of[self.at]], chunks.edges[of[self.at] + 1]
        empty = np.minimum(frames[later], end) - np.maximum(frames[earlier], begin)
        empty[counts[self.at] > 0] = 0
        kept = (2 * empty <= end - begin) | (chunks.counts[of[self.at]] == 0)
        return replace(
            self, at=self.at[kept], drift=self.drift[kept], information=self.information[kept]
        )

    def note(self, components: tuple[str, ...]) -> str:
        """Return what the user has to know of the errors, empty if they are as they are said."""
        axes = np.flatnonzero(self.factor > 1)
        if not len(axes):
            return ""
        numbers = self.found[axes], self.expected[axes], np.sqrt(self.factor[axes])
        said = [" and ".join(f"{number:.3g}" for number in some) for some in numbers]
        return _CONTRADICTED.format(" and ".join(components[a] for a in axes), *said)

    def on(self, windows: Windows, drift: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what windows have to move by, and the variance, shapes (n_windows, d).

        The step is the mean of the differences to a drift, weighted by their information. A
        constant is free. The variance is infinite where nothing is known.

        Parameters
        ----------
        windows : Windows
        drift : ndarray, shape (n_frames, d)
        """
        of, k = windows.of_frame[self.at], len(windows)
        away = self.information * (self.drift - drift[self.at])
        step, variance = np.zeros((2, k, drift.shape[1]))
        for axis in range(drift.shape[1]):
            total = np.bincount(of, self.information[:, axis], k)
            step[:, axis] = np.bincount(of, away[:, axis], k) / np.where(total > 0, total, 1.0)
            with np.errstate(divide="ignore"):
                variance[:, axis] = self.factor[axis] / total
        return step, variance

    def spanned(self, timeline: Timeline) -> BoolArray:
        """Tell which frames lie between those at which the drift is known along all axes.

        Before the first and after the last of these, as far as they are apart.
        """
        known = timeline.frames[self.at[(self.information > 0).all(axis=1)]]
        if len(known) < 2:
            return np.zeros(len(timeline.frames), dtype=np.bool_)
        beyond = np.median(np.diff(known))
        return np.asarray(
            (timeline.frames >= known[0] - beyond) & (timeline.frames <= known[-1] + beyond)
        )


def short_windows(timeline: Timeline) -> Windows:
    """Return windows in which what is known beforehand is smoothed."""
    return timeline.regularly(_WINDOWS)


def trends_of(prior: Prior, windows: Windows) -> tuple[FloatArray, FloatArray]:
    """Return the drift of windows by what is known beforehand alone, and its standard deviation.

    It is a local trend. Where less than two windows are known along an axis, the drift is 0 and the
    standard deviation infinite.
    """
    step, variance = prior.on(
        windows, np.zeros((len(windows.timeline.frames), prior.drift.shape[1]))
    )
    level, std = np.zeros_like(step), np.full_like(step, np.inf)
    for axis in range(step.shape[1]):
        if np.isfinite(variance[:, axis]).sum() > 1:
            given = windows.mean_frame, step[:, axis], variance[:, axis]
            trend = local_trend(*given, free=windows.begins, scaled=False)
            level[:, axis], std[:, axis] = trend.level, np.sqrt(trend.variance)
    return level, std

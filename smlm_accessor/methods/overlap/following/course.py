"""The drift of windows one after the other, and the trend through all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend import Rates, trend_with_rates


class Smoothed(NamedTuple):
    """Level, slope per frame, and standard deviation of the level of windows, shapes (k, d)."""

    level: FloatArray
    slope: FloatArray
    std: FloatArray


@dataclass(frozen=True)
class Course:
    """What windows show by themselves.

    Parameters
    ----------
    time : ndarray, shape (k,)
        Mean frames, increasing.
    value, variance : ndarray, shape (k, d)
        Drift and its variance; infinite where a window shows none.
    free : ndarray of bool, shape (k,)
        Windows with which a segment begins.
    rates : tuple
        Of the trend along each axis: variance per frame that level, slope and acceleration gain.

    Examples
    --------
    >>> still = np.zeros((9, 2))
    >>> course = Course(np.arange(9.0), still, still + 1, np.zeros(9, bool), ((0.1, 0, 0),) * 2)
    >>> course.smoothed().level.shape, course.at(np.array([4.5, 20.0])).tolist()
    ((9, 2), [[0.0, 0.0], [0.0, 0.0]])
    """

    time: FloatArray
    value: FloatArray
    variance: FloatArray
    free: BoolArray
    rates: tuple[Rates, ...]

    def __len__(self) -> int:
        return len(self.time)

    def followed_by(
        self, time: FloatArray, value: FloatArray, variance: FloatArray, free: BoolArray
    ) -> Course:
        """Return the course with more windows after it."""
        return replace(
            self,
            time=np.concatenate([self.time, time]),
            value=np.concatenate([self.value, value]),
            variance=np.concatenate([self.variance, variance]),
            free=np.concatenate([self.free, free]),
        )

    def last(self, k: int) -> Course:
        """Return the last windows that show their drift, alone."""
        rows = np.flatnonzero(np.isfinite(self.variance).all(axis=1))[-k:]
        some = self.time[rows], self.value[rows], self.variance[rows], self.free[rows]
        return Course(*some, self.rates)

    def smoothed(self) -> Smoothed:
        """Return the trend with these rates through all windows."""
        found = []
        for axis, rates in enumerate(self.rates):
            given = self.value[:, axis], self.variance[:, axis]
            trend, _ = trend_with_rates(self.time, *given, rates, free=self.free)
            found.append((trend.level, trend.slope, np.sqrt(trend.variance)))
        return Smoothed(*(np.stack(one, axis=1) for one in zip(*found, strict=True)))

    def at(self, frames: FloatArray) -> FloatArray:
        """Return the drift at frames, (n, d): lines between windows, and straight on after them."""
        found = self.smoothed()
        lines = [np.interp(frames, self.time, column) for column in found.level.T]
        beyond = np.maximum(frames - self.time[-1], 0.0)[:, None]
        return np.asarray(np.stack(lines, axis=1) + beyond * found.slope[-1])

"""Frames counted in their own unit of time, whatever unit the table counts them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column

_MOST = 20_000  # localizations that are looked at
_RUN = 2000  # localizations that follow each other in time, at least, of these
_FRAMES_PER_RUN = 8
_NEIGHBOURS = 8  # in space: among so many is one of the same blink
_FEWEST_UNITS = 200  # of a table; a longer time is no unit, but that after which molecules return
_SPARSE = 8  # numbers from one frame with localizations to the next: fewer are those of a camera
# Of waiting times of a Poisson process, an octave holds no more than a quarter,
_OCTAVE = 0.25
_CLEAR = 5.0  # and by chance so many standard deviations more.
# Of a period, that is how far times of images may lie beside its multiples: they were rounded to
# ticks, or to numbers of single precision. Timestamps that vary by more are those of a clock.
_ROUNDED = 1 / 32
_NEAR = 100  # periods: a gap of so many is counted rightly by a period known to half a per cent


@dataclass(frozen=True)
class FrameCount:
    """How the frames of a table are numbered without gaps that only the unit of time makes.

    Frame ``f`` has the number ``(f - start) // unit`` since the last of the starts before it. Of
    images whose times were rounded, it is the nearest to ``(f - start) / unit`` since the first;
    of these, the first and the last image are the starts.

    Parameters
    ----------
    unit : int or float
        Frames of the table from one number to the next; not whole where these are times of images
        that were rounded.
    starts : ndarray of int
        The first frame, and others with which a number begins, increasing.
    numbers : ndarray of int
        Their numbers.
    clock : bool
        Whether frames are times read from a clock, instead of numbers of images, times a factor.
    rounded : int
        By how much times of images may lie beside a multiple of their unit.

    Examples
    --------
    >>> count = FrameCount.of(np.array([100, 150, 300]), np.zeros((3, 2)))
    >>> count.unit, count.number(np.array([100, 150, 300])), count.frame(np.array([1, 4]))
    (50, array([0, 1, 4]), array([150, 300]))
    """

    unit: float
    starts: IntArray
    numbers: IntArray
    clock: bool = False
    rounded: int = 0

    @classmethod
    def of(cls, frames: IntArray, positions: FloatArray, starts: IntArray | tuple[()] = ()) -> Self:
        """Find the unit of localizations in the order of frames, at least one.

        Parameters
        ----------
        frames : ndarray, shape (n,)
        positions : ndarray, shape (n, d)
        starts : ndarray
            Frames before which a number ends, such as the edges of chunks.
        """
        unit, clock = time_unit(frames, positions)
        if isinstance(unit, float):
            since = (frames - frames[0]).astype(np.float64)
            beside = np.abs(since - np.round(since / unit) * unit).max()
            ends = frames[[0, -1]]
            numbers = np.array([0, round(float(since[-1]) / unit)])
            return cls(unit, ends, numbers, clock, int(np.ceil(beside)))
        inside = np.unique(np.asarray(starts, dtype=np.int64))
        inside = inside[(inside > frames[0]) & (inside <= frames[-1])]
        begins = np.concatenate([frames[:1], inside]).astype(np.int64)
        numbers = np.cumsum(-(-np.diff(begins) // unit))
        return cls(unit, begins, np.append(0, numbers), clock)

    @property
    def is_own(self) -> bool:
        """Whether the frames are their own numbers."""
        return self.unit == 1 and self.starts[0] == 0

    def number(self, frames: IntArray) -> IntArray:
        """Return the number of each frame."""
        if self.unit == 1:
            return np.asarray(frames - self.starts[0])
        if isinstance(self.unit, float):
            nearest = np.round((frames - self.starts[0]) / self.unit)
            return np.asarray(nearest, dtype=np.int64)
        at = np.maximum(np.searchsorted(self.starts, frames, side="right") - 1, 0)
        return np.asarray(self.numbers[at] + (frames - self.starts[at]) // self.unit)

    def edge(self, frames: IntArray) -> IntArray:
        """Return the number with which what begins with a frame begins."""
        if isinstance(self.unit, float):
            since = frames - self.starts[0] - self.rounded
            found = np.ceil(since / self.unit).astype(np.int64)
            after = np.maximum(found, self.numbers[-1] + 1)
            return np.asarray(np.where(frames > self.starts[-1], after, found))
        return self.number(frames - 1) + 1

    def frame(self, numbers: IntArray) -> IntArray:
        """Return the first frame with each number."""
        if isinstance(self.unit, float):
            since = np.ceil(np.asarray(numbers) * self.unit).astype(np.int64)
            return np.asarray(self.starts[0] + np.where(since > 0, since - self.rounded, since))
        at = np.maximum(np.searchsorted(self.numbers, numbers, side="right") - 1, 0)
        return np.asarray(self.starts[at] + (numbers - self.numbers[at]) * self.unit)


def time_unit(frames: IntArray, positions: FloatArray) -> tuple[float, bool]:
    """Return after how many frames of the table an emitter that shines on is seen again.

    It is the greatest common divisor of the differences between frames; of times of images that
    were rounded, the period of which all are multiples but for that. Where these are times, read
    from a clock, it is the usual time between localizations of the same blink, if these follow each
    other more regularly than chance. Where no blink is seen to go on, it is the mean time from one
    frame with localizations to the next, if that is long.

    Parameters
    ----------
    frames : ndarray, shape (n,)
        Increasing.
    positions : ndarray, shape (n, d)

    Returns
    -------
    unit : int or float
    clock : bool
        Whether frames are times read from a clock: the unit is longer than their divisor.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> places = rng.uniform(0, 1000, (300, 2)).repeat(5, axis=0)
    >>> times = 50 * np.arange(1500) + rng.integers(-2, 3, 1500)  # milliseconds
    >>> time_unit(times, places + rng.normal(0, 5, (1500, 2))), time_unit(times * 0 + 7, places)
    ((49, True), (1, False))
    """
    steps = np.diff(frames)
    steps = steps[steps > 0]
    if not len(steps):
        return 1, False
    divisor = int(np.gcd.reduce(steps))
    extent = int(frames[-1] - frames[0]) // divisor + 1
    if 2 * len(steps) >= extent - 1:  # most numbers occur, as those of images do
        return divisor, False
    period = image_period(frames)
    if period is not None and period != divisor:
        number = np.round((frames - frames[0]) / period).astype(np.int64)
        lag = _lag(positions, number, len(steps) + 1)
        return (period, False) if lag == 1 else (round(period * lag), True)
    lag = _lag(positions, (frames - frames[0]) // divisor, len(steps) + 1)
    return divisor * lag, lag > 1


def _lag(positions: FloatArray, frames: IntArray, n_frames: int) -> int:
    """Return the unit of frames that count from 0, ``n_frames`` of which have localizations."""
    extent = int(frames[-1]) + 1
    if 2 * (n_frames - 1) >= extent - 1:
        return 1
    lag = _blink_lag(positions, frames, n_frames)
    if lag is None:
        spacing = extent // (n_frames - 1)
        lag = spacing if spacing >= _SPARSE else 1
    return lag if _FEWEST_UNITS * lag <= extent else 1


def image_step(frames: IntArray) -> int:
    """Return how many frames it is from one image to the next; 1 of times read from a clock.

    Examples
    --------
    >>> image_step(np.array([0, 50, 100, 250])), image_step(np.array([0, 33, 67, 100, 133]))
    (50, 33)
    """
    steps = np.diff(np.unique(frames))
    if not len(steps):
        return 1
    divisor = int(np.gcd.reduce(steps))
    period = image_period(frames) if 2 * len(steps) < int(steps.sum()) // divisor else None
    return divisor if period is None else round(period)


def image_period(frames: IntArray) -> float | None:
    """Return the period of which all frames are multiples, but for rounding; None if there is none.

    Frames, in increasing order, are times of images.

    Examples
    --------
    >>> times = np.round(np.arange(1000) * 1e6 / 30).astype(np.int64)  # microseconds
    >>> image_period(times), image_period(times + (times % 7) * 10_000)
    (33333.333333333336, None)
    """
    present = frames[np.append(True, np.diff(frames) > 0)]
    steps = np.diff(present)
    if not len(steps):
        return None
    period = float(np.median(steps[steps < 1.5 * steps.min()]))
    for longest in (_NEAR, _NEAR**2, np.inf):  # the longer a gap, the better it has to be known
        n = np.round(steps / period)
        near = n <= longest
        period = float(steps[near].sum() / n[near].sum())
    number = np.append(0, np.cumsum(np.round(steps / period)))
    since = (present - present[0]).astype(np.float64)
    period = float(since[-1] / number[-1])
    beside = since - number * period
    return period if np.abs(beside).max() <= _ROUNDED * period else None


def _blink_lag(positions: FloatArray, frames: IntArray, n_frames: int) -> int | None:
    """Return the usual time from one localization of a blink to the next, None if nothing tells."""
    from scipy.spatial import cKDTree

    length = max(_RUN, _FRAMES_PER_RUN * len(frames) // n_frames)
    run = np.arange(len(frames)) // length
    rows = np.flatnonzero(run % (len(frames) // max(_MOST, length) + 1) == 0)
    extent = float(by_column.extent(positions[:, :2]).max())
    k = min(_NEIGHBOURS + 1, len(rows))
    if extent == 0 or k < 2:
        return None
    # Runs are layers, so far apart that neighbours are always in the same one.
    where = np.column_stack([positions[rows, :2], 4 * extent * run[rows]])
    _, near = cKDTree(where).query(where, k=k)
    lags = np.abs(frames[rows[near]] - frames[rows][:, None])
    lags = np.where((lags > 0) & (run[rows[near]] == run[rows][:, None]), lags, frames[-1] + 1)
    lag = np.sort(lags.min(axis=1))
    lag = lag[lag <= frames[-1]]
    if not len(lag):
        return None
    within = np.searchsorted(lag, 2 * lag) - np.arange(len(lag))
    first = int(np.argmax(within))
    expected = _OCTAVE * len(lag)
    if within[first] <= expected + _CLEAR * np.sqrt(expected * (1 - _OCTAVE)):
        return None
    return int(np.median(lag[first : first + within[first]]))

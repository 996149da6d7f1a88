"""How a table or a drift counts time: in frames, or in seconds.

All that is computed counts time in whole numbers: frames, or ticks of a clock, which are
microseconds whatever the table holds, so that parts of a table agree without a look at the others.
Where localizations are read, times become ticks; in what the user gets, ticks are seconds again.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray

_TICKS = 1_000_000  # in a second: finer than any camera; 2**53 of them are 285 years
#: Seconds in each unit of time, as names of columns spell it.
SECONDS_IN = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6} | {
    "min": 60.0,
    "h": 3600.0,
}
_UNIT = re.compile(
    rf"(?i).+?(?:[ _]*[\[(]({'|'.join(SECONDS_IN)})[\])]|[ _]({'|'.join(SECONDS_IN)}))"
)
_FAR = 10  # lengths of an axis from its zero: from there on it begins with 0
_SHORT = 1e-3  # seconds; shorter times are told with their digits
_LONG = 180.0  # of an axis in one unit; a longer one is in the next
NO_TIME = (
    "there is no column of frame numbers or times; say which it is: "
    "table = smlm_accessor.set_columns(table, frame='...'), or for seconds "
    "table = smlm_accessor.set_columns(table, time='...')"
)


class TimeAxis(NamedTuple):
    """The axis of a figure: what it shows, in which unit (empty for frames), and counts in one.

    It is 0 at the count ``zero``.
    """

    name: str
    unit: str
    counts: float
    zero: int = 0

    def at(self, counts: npt.ArrayLike) -> FloatArray:
        """Return where counts are on the axis."""
        return (np.asarray(counts, dtype=np.float64) - self.zero) / self.counts


@dataclass(frozen=True)
class Clock:
    """The unit of time, ``"frame"`` or ``"s"``, and what is counted: frames, or microseconds.

    Examples
    --------
    >>> SECONDS.counts([0.05, 2.0]), SECONDS.values(np.array([50_000]))
    (array([  50000, 2000000]), array([0.05]))
    >>> FRAMES.span(0, 10), SECONDS.span(0, 2_500_000)
    ('frames 0 to 9', '0 s to 2.5 s')
    """

    unit: str

    @property
    def is_time(self) -> bool:
        """Whether it counts seconds."""
        return self.unit != "frame"

    @property
    def name(self) -> str:
        """What columns and coordinates are called."""
        return "time" if self.is_time else "frame"

    @property
    def plural(self) -> str:
        """What lengths of time are called in names: ``smoothing_frames``, ``smoothing_seconds``."""
        return "seconds" if self.is_time else "frames"

    @property
    def per_unit(self) -> int:
        """Counts in a frame or second."""
        return _TICKS if self.is_time else 1

    def counts(self, values: npt.ArrayLike) -> IntArray:
        """Return frames as they are, whole; of seconds, the nearest ticks."""
        if not self.is_time:
            return np.asarray(values).astype(np.int64)
        return np.round(np.asarray(values, dtype=np.float64) * _TICKS).astype(np.int64)

    def values(self, counts: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return what counts are in frames, as they are, or seconds."""
        return np.asarray(counts) / _TICKS if self.is_time else np.asarray(counts)

    def said(self, count: float) -> str:
        """Return a time in words, that of a clock to a tenth of a millisecond."""
        if not self.is_time:
            return f"frame {count}"
        seconds = count / _TICKS
        short = f"{seconds:.4f}".rstrip("0").rstrip(".")
        return f"{short if abs(seconds) >= _SHORT or not seconds else f'{seconds:.4g}'} s"

    def text(self, count: float, *, thousands: bool = False) -> str:
        """Return the same without the word frame."""
        return self.said(count) if self.is_time else f"{count:,}" if thousands else f"{count}"

    def span(self, first: float, stop: float, *, thousands: bool = False) -> str:
        """Return in words the time from a count to the one before which it ends."""
        if self.is_time:
            return self.bare(first, stop)
        return f"frames {self.bare(first, stop - 1, thousands=thousands)}"

    def bare(self, first: float, last: float, *, thousands: bool = False) -> str:
        """Return in words the time from a count to another, without the word frames."""
        return " to ".join(self.text(count, thousands=thousands) for count in (first, last))

    def axis(self, first: int, stop: int) -> TimeAxis:
        """Return the axis from a count to another: of time in s, min or h, as it fits.

        Where times count from long before the first, as those since 1970, it is 0 at the first.
        """
        if not self.is_time:
            return TimeAxis("Frame", "", 1.0)
        extent = max(stop - first, 1)
        unit = "s" if extent <= _LONG * _TICKS else "min" if extent <= 60 * _LONG * _TICKS else "h"
        counts = SECONDS_IN[unit] * _TICKS
        if abs(first) > _FAR * extent:
            return TimeAxis("Time since the first", unit, counts, first)
        return TimeAxis("Time", unit, counts)

    def to(self, other: Clock, counts: IntArray, frame_duration: float) -> IntArray:
        """Return counts by another clock; a frame begins at its number times its duration.

        Examples
        --------
        >>> FRAMES.to(SECONDS, np.array([3]), 0.05), SECONDS.to(FRAMES, np.array([199_999]), 0.05)
        (array([150000]), array([3]))
        """
        if self == other:
            return counts
        ticks = frame_duration * _TICKS
        if other.is_time:
            return np.asarray(np.round(counts * ticks), dtype=np.int64)
        return np.asarray(np.floor((counts + 0.5) / ticks), dtype=np.int64)

    def edges_to(self, other: Clock, edges: IntArray, frame_duration: float) -> IntArray:
        """Return edges by another clock: the first frame at or after each."""
        if self == other or other.is_time:
            return self.to(other, edges, frame_duration)
        first = np.ceil((edges - 0.5) / (frame_duration * _TICKS))
        return np.asarray(first, dtype=np.int64)


FRAMES, SECONDS = Clock("frame"), Clock("s")


def seconds_in(label: Hashable) -> float:
    """Return how many seconds one is of a column of times, as its name says; else a second.

    Examples
    --------
    >>> seconds_in("t [ms]"), seconds_in("time_min"), seconds_in("tim")
    (0.001, 60.0, 1.0)
    """
    named = _UNIT.fullmatch(label) if isinstance(label, str) else None
    return SECONDS_IN[(named[1] or named[2]).lower()] if named else 1.0

"""What is said of time, in frames or seconds, in counts of the clock of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.methods.registered import POWERS
from smlm_accessor.options import count, required_length
from smlm_accessor.table.clock import FRAMES, SECONDS, Clock
from smlm_accessor.table.columns import Columns


@dataclass(frozen=True)
class Counter:
    """The clock of a table, and how many seconds its frames take, if that is known."""

    clock: Clock = FRAMES
    frame_duration: float | None = None

    @classmethod
    def of(cls, columns: Columns) -> Counter:
        """Return how a table counts."""
        return cls(columns.clock, columns.frame_duration)

    def rule(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rule for chunks that was given, lengths and edges in counts.

        Raises
        ------
        OptionError
            If it is said in seconds and the table has frames, or the other way round, and nobody
            said how long a frame is.

        Examples
        --------
        >>> Counter(FRAMES, 0.05).rule({"chunk_duration": 10})
        {'frames_per_chunk': 200}
        """
        rule = dict(given)
        if "chunk_duration" in rule:
            seconds = required_length("chunk_duration", rule.pop("chunk_duration"), remedy="in s")
            if not self.clock.is_time:
                seconds /= self._duration("chunk_duration", "frames", "frames_per_chunk=500")
            rule["frames_per_chunk"] = max(1, int(self.clock.counts(np.round(seconds, 6))))
        elif "frames_per_chunk" in rule and self.clock.is_time:
            frames = count("frames_per_chunk", rule["frames_per_chunk"], least=1)
            length = frames * self._duration("frames_per_chunk", "times", "chunk_duration=30")
            rule["frames_per_chunk"] = int(SECONDS.counts(length))
        elif "chunks" in rule and self.clock.is_time:
            edges = np.asarray(rule["chunks"])
            finite = edges.dtype.kind in "iuf" and np.isfinite(edges).all()
            rule["chunks"] = SECONDS.counts(edges) if finite else edges
        return rule

    def _duration(self, option: str, has: str, instead: str) -> float:
        if self.frame_duration is None:
            raise OptionError(
                f"{option} cannot be told of a table with {has}: say how long a frame is, "
                "smlm_accessor.set_columns(table, frame_duration=0.05), or give "
                f"{instead} instead"
            )
        return self.frame_duration

    def record(self, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a method chose, lengths and rates in the unit of time of the table.

        Examples
        --------
        >>> Counter(SECONDS).record({"frames_per_chunk": 500_000, "walk_per_frame": [1e-6]})
        {'seconds_per_chunk': 0.5, 'walk_per_second': [1.0]}
        """
        if not self.clock.is_time:
            return dict(chosen)
        result: dict[str, Any] = {}
        for name, value in chosen.items():
            new = name.replace("frames", "seconds").replace("per_frame", "per_second")
            if isinstance(value, Mapping):
                result[name] = self.record(value)
            elif name == "jumps" or "frames" in name:
                result[new] = self.clock.values(value).tolist()
            elif new != name:
                power = POWERS.get(name, 1)
                result[new] = (np.asarray(value) * float(self.clock.per_unit) ** power).tolist()
            else:
                result[name] = value
        return result


def resolution(ticks: IntArray) -> float | None:
    """Return the steps, in seconds, in which times were stored, if they hide when things were.

    They do if all times are numbers of single precision, and the usual step from one to the next is
    but a few of the steps between such numbers.

    Parameters
    ----------
    ticks : ndarray
        Of the clock of seconds, increasing.

    Examples
    --------
    >>> times = 1e5 + 0.02 * np.arange(1000)
    >>> ticks = np.unique(SECONDS.counts(times.astype(np.float32)))
    >>> resolution(ticks), resolution(SECONDS.counts(times))
    (0.0078125, None)
    """
    if len(ticks) < 2:
        return None
    single = SECONDS.values(ticks).astype(np.float32)
    if not np.array_equal(SECONDS.counts(single), ticks):
        return None
    spacing: FloatArray = np.spacing(np.abs(single[[0, -1]]).max()).astype(np.float64)
    usual = float(np.median(np.diff(SECONDS.values(ticks))))
    # A step of a whole tick or less is no loss, and of round numbers there are but few.
    return float(spacing) if spacing > 2e-6 and usual < _COARSE * float(spacing) else None


_COARSE = 8.0  # steps between numbers of single precision: fewer change intervals by over 6 %

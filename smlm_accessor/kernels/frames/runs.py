"""Whether frame numbers begin again, as where the tables of several movies were put together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column

_MOST = 32  # movies
_FEWEST = 50  # localizations of a movie
_BEGINS = 0.1  # part of all frames within which a movie begins, and that it has at least
_SHARED = 0.5  # of the smaller field
_TIMES = 64  # bins of frames, at most
_FILLED = 0.5  # part of the bins from first to last that a movie fills
_AGAIN = 0.8  # part of the shorter movie's bins that the other one has, too


class Run(NamedTuple):
    """Successive rows with frames that do not decrease.

    ``first`` and ``last`` of the frames, number ``n`` of rows, ``bins`` of ``2**level`` frames in
    which there are any, ``low`` and ``high`` corner of the positions, NaN if they are not known.
    """

    first: int
    last: int
    n: int
    level: int
    bins: IntArray
    low: FloatArray
    high: FloatArray


class Runs(NamedTuple):
    """The runs of a table; more than there can be movies means no order."""

    found: tuple[Run, ...] = ()

    @classmethod
    def of(
        cls, frames: IntArray, positions: FloatArray | None, corners: FloatArray | None = None
    ) -> Runs:
        """Return the runs of some rows, whose positions, if given, are finite.

        The ``corners``, (2, d), are the lowest and highest of all of them, if known.
        """
        if not len(frames):
            return cls()
        begins = np.flatnonzero(frames[1:] < frames[:-1])[: _MOST + 1] + 1
        edges = [0, *begins.tolist(), len(frames)]
        found = []
        for a, b in itertools.pairwise(edges):
            low = high = np.full(1, np.nan)
            first, last = int(frames[a]), int(frames[b - 1])
            level, bins = _level(first, last), frames[:0]
            if len(begins) <= _MOST:
                number = np.arange(first >> level, (last >> level) + 2)
                bins = number[:-1][np.diff(np.searchsorted(frames[a:b], number << level)) > 0]
                if corners is not None and not len(begins):
                    low, high = corners
                elif positions is not None:
                    rows = positions[a:b]
                    low, high = by_column.lowest(rows), by_column.highest(rows)
            found.append(Run(first, last, b - a, level, bins, low, high))
        return cls(tuple(found[: _MOST + 1]))

    @classmethod
    def joined(cls, parts: Sequence[Runs]) -> Runs:
        """Return the runs of the rows of several parts, one after the other."""
        found: list[Run] = []
        for run in (run for part in parts for run in part.found):
            if found and run.first >= found[-1].last:
                found[-1] = _merged(found[-1], run)
            elif len(found) <= _MOST:
                found.append(run)
        return cls(tuple(found))


def begins_again(runs: Runs) -> Run | None:
    """Return the first run that looks like another movie, None if the table looks like one movie.

    A table that is in no order, or sorted by something else than frames, has many runs; one that is
    sorted by structure and then by frame has runs in different places.

    Examples
    --------
    >>> frames = np.concatenate([np.arange(1000), np.arange(800)])
    >>> begins_again(Runs.of(frames, None)).n
    800
    >>> begins_again(Runs.of(np.arange(1000), None)) is None
    True
    """
    found = runs.found
    if not 2 <= len(found) <= _MOST:
        return None
    first = min(run.first for run in found)
    extent = max(run.last for run in found) - first
    for run in found:
        begins = run.first - first <= _BEGINS * extent
        filled = len(run.bins) >= _FILLED * ((run.last >> run.level) - (run.first >> run.level) + 1)
        short = run.last - run.first < _BEGINS * extent or run.n < _FEWEST
        if not begins or not filled or short:
            return None
    for before, run in itertools.pairwise(found):
        if _at_once(before, run) < _AGAIN or _shared(before, run) < _SHARED:
            return None
    return found[1]


def _merged(a: Run, b: Run) -> Run:
    level = max(a.level, b.level, _level(a.first, b.last))
    low, high = np.minimum(a.low, b.low), np.maximum(a.high, b.high)
    return Run(a.first, b.last, a.n + b.n, level, _at(level, a, b), low, high)


def _level(first: int, last: int) -> int:
    """Return the smallest level at which there are few enough bins."""
    level = max(0, (last - first).bit_length() - _TIMES.bit_length())
    while (last >> level) - (first >> level) >= _TIMES:
        level += 1
    return level


def _at(level: int, *runs: Run) -> IntArray:
    return np.unique(np.concatenate([run.bins >> (level - run.level) for run in runs]))


def _at_once(a: Run, b: Run) -> float:
    """Return which part of the shorter run is at times of the other."""
    level = max(a.level, b.level)
    one, other = _at(level, a), _at(level, b)
    return len(np.intersect1d(one, other)) / min(len(one), len(other))


def _shared(a: Run, b: Run) -> float:
    """Return which part of the smaller field, in x and y, is in the larger one; 1 if unknown."""
    sides = np.minimum(a.high, b.high)[:2] - np.maximum(a.low, b.low)[:2]
    smaller = min(float(np.prod((r.high - r.low)[:2])) for r in (a, b))
    return float(np.prod(np.maximum(sides, 0.0))) / smaller if smaller > 0 else 1.0

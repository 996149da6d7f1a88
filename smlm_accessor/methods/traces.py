"""Traces: many localizations of an emitter, one after the other, merged into one observation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.density.blinks import ABOVE_CHANCE, CLEAR, REACH, find_events
from smlm_accessor.kernels.density.tiles import sort_into_tiles
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.kernels.frames.order import in_order
from smlm_accessor.kernels.frames.traces import trace_means
from smlm_accessor.kernels.neighbours.layers import LayerNeighbours
from smlm_accessor.kernels.neighbours.nena import neighbour_precision, with_axial
from smlm_accessor.kernels.neighbours.nena import precision as usual_precision
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.timeline import Timeline

_MOST = 5_000  # localizations that are looked at, to tell whether there are traces
_APART = 100  # frames after which few blinks go on, and the sample has not moved far
_LONG = 4.0  # localizations of an event, on average; shorter ones are the blinks of ordinary tables
# In a long trace the next localization may be farther away than in a blink: six precisions cut a
# trace once in 8000 localizations, four once in 50.
_SAME = 1.5
_TILE = 1000.0  # precisions
# Frames that an event lasts, at most, and part of all: longer traces show how the sample moves.
_LONGEST, _LONGEST_PART = 32, 1 / 500


def _longest(frames: IntArray) -> int:
    return max(_LONGEST, int(_LONGEST_PART * (frames[-1] - frames[0])))


@dataclass(frozen=True)
class Observations:
    """What observes an emitter once.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        Or events, if the table consists of traces; frames are counted in their own unit of time.
    counts : tuple of FrameCount
        How they were counted, the first from the frames of the table; none if they were not.
    precision : ndarray, shape (d,), or None
        Of localizations that were merged into events.
    """

    localizations: ChunkedLocalizations
    counts: tuple[FrameCount, ...]
    precision: FloatArray | None = None

    @property
    def unit(self) -> float:
        """Frames of the table from one number to the next."""
        return prod([count.unit for count in self.counts])

    def number(self, frames: IntArray) -> IntArray:
        """Return the number of each frame of the table."""
        for count in self.counts:
            frames = count.number(frames)
        return frames

    def frame(self, numbers: IntArray) -> IntArray:
        """Return the first frame of the table with each number."""
        for count in reversed(self.counts):
            numbers = count.frame(numbers)
        return numbers


def observations(localizations: ChunkedLocalizations, *, merge: bool = True) -> Observations:
    """Count frames in their own unit of time, and merge traces if that is wanted.

    Traces that are known and are not merged are followed, each by its own times: these stay.
    """
    if localizations.trace is not None and not merge:
        return Observations(localizations, ())
    counted, count = localizations.counted()
    merged, precision = without_traces(counted, clock=count.clock) if merge else (counted, None)
    if precision is None:
        return Observations(counted, (count,))
    events, of_events = merged.counted()
    return Observations(events, (count, of_events), precision)


def without_traces(
    localizations: ChunkedLocalizations, *, clock: bool
) -> tuple[ChunkedLocalizations, FloatArray | None]:
    """Merge the localizations of each trace, if the table consists of traces.

    Where the table says which trace a localization is of, each trace is an event, whatever the
    clock: see `of_known_traces`. Where it does not, it consists of traces if emitters have several
    localizations in a frame, or if frames are times read from a clock, and if blinks have many
    localizations. Long blinks in the images of a camera are left to the methods: the mean of one is
    as precise as its localizations are many. The mean of a trace observes the position of an
    emitter once, however many localizations it has: all of them share where the label is.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        With frames in their own unit of time.
    clock : bool
        Whether these were times read from a clock.

    Returns
    -------
    localizations : ChunkedLocalizations
        Events, or the same. Those of traces that had to be found have no uncertainty.
    precision : ndarray, shape (d,), or None
        Of the localizations that were merged.
    """
    if localizations.trace is not None:
        return of_known_traces(localizations)
    frames, positions = localizations.frames, localizations.positions
    distance = None if clock else repeat_distance(positions, frames)
    if not clock and distance is None:
        return localizations, None
    precision = neighbour_precision(positions, frames)
    if distance is not None and not distance < REACH * precision[:2].mean():
        return localizations, None  # parts of a structure that is always there
    precision = with_axial(precision)
    if not (precision > 0).all():
        return localizations, None
    present, of_row = np.unique(frames, return_inverse=True)
    index = of_row.astype(np.int32)
    begins = np.searchsorted(localizations.bounds[1:-1], np.searchsorted(frames, present), "right")
    jumps = np.empty(0) if localizations.jumps is None else localizations.jumps
    tiles = sort_into_tiles(
        *(positions, index, np.ones(len(index), np.float32)),
        np.zeros((len(present), len(precision))),
        size=_TILE * precision,
    )
    events = find_events(
        *(tiles, present),
        precision=_SAME * precision,
        longest=_longest(frames),
        segment=begins + np.searchsorted(jumps, present, side="right"),
    )
    if _LONG * len(events.frame) > len(frames):
        return localizations, None
    merged = replace(
        localizations,
        positions=events.positions,
        frames=present[events.frame],
        bounds=np.searchsorted(begins[events.frame], np.arange(localizations.n_chunks + 1)),
        uncertainty=None,
    )
    return merged, precision


def of_known_traces(
    localizations: ChunkedLocalizations,
) -> tuple[ChunkedLocalizations, FloatArray | None]:
    """Return the mean of each trace as an event, if any trace has several localizations.

    The variance of an event is ``a + v / n``: ``v`` from the spread of the ``n`` localizations of
    its trace, and ``a``, the same for all, is how far the label is from where it was at the last
    visit: what events show of their precision, less the median of ``v / n``. It is at most the
    usual ``v``, for a label moves within a trace, too; and that if events do not show it.

    Returns
    -------
    localizations : ChunkedLocalizations
    precision : ndarray, shape (d,), or None
        Of a localization: the spread within a trace.
    """
    frames, jumps = localizations.frames, localizations.jumps
    chunk = np.repeat(np.arange(localizations.n_chunks), localizations.counts)
    segment = chunk if jumps is None else chunk + np.searchsorted(jumps, frames, side="right")
    assert localizations.trace is not None
    means = trace_means(
        *(localizations.positions, frames, localizations.trace, segment), longest=_longest(frames)
    )
    if len(means.rows) == len(frames) or not (means.usual[:2] > 0).all():
        return replace(localizations, trace=None), None
    number = np.round(means.frame).astype(np.int64)
    order = in_order(number, means.position)
    positions, number = means.position[order], number[order]
    of_mean = (means.variance / means.rows[:, None])[order]
    usual = usual_precision(positions, number)
    between = np.fmin(usual**2 - np.median(of_mean, axis=0), means.usual)
    of_event = np.zeros(len(means.rows), dtype=np.int64)
    of_event[means.event] = chunk
    merged = replace(
        localizations,
        positions=positions,
        frames=number,
        bounds=np.searchsorted(of_event[order], np.arange(localizations.n_chunks + 1)),
        uncertainty=np.sqrt(np.maximum(between, 0.0) + of_mean),
        trace=None,
    )
    return merged, with_axial(np.sqrt(means.usual))


def repeat_distance(positions: FloatArray, frames: IntArray) -> float | None:
    """Return how far apart localizations of an emitter in a frame are; None if it has but one.

    Pairs in a frame that are as near as the nearest usually are would be as frequent among
    localizations of different frames if they were of different emitters.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frames, places = np.arange(1000), rng.uniform(0, 1000, (1000, 2))
    >>> x = places.repeat(3, axis=0) + rng.normal(0, 2, (3000, 2))
    >>> round(repeat_distance(x, frames.repeat(3))), repeat_distance(x, np.arange(3000))
    (2, None)
    """
    timeline = Timeline.of(frames)
    of_row, n = timeline.of_rows, timeline.counts.astype(np.float64)
    apart = min(_APART, len(n) // 2)
    if apart == 0 or n.max() < 2 or by_column.extent(positions[:, :2]).max() == 0:
        return None
    # Some frames, and those that are so far from them.
    run = np.arange(len(n)) // apart
    step = 2 * (len(frames) // _MOST + 1) if len(frames) > _MOST else 1
    chosen = run % step < 2
    rows = np.flatnonzero(chosen[of_row])
    layers = LayerNeighbours.of(positions.take(rows, axis=0), of_row[rows])
    nearest = np.sqrt(layers.nearest(0)[1])
    nearest = nearest[np.isfinite(nearest)]
    if not len(nearest):
        return None
    reach = float(np.median(nearest))
    same = float(layers.pairs(np.array([reach]))[0])
    n = np.where(chosen, n, 0.0)
    likelier = float(n @ np.maximum(n - 1, 0)) / 2 / max(float(n[apart:] @ n[:-apart]), 1.0)
    chance = float(layers.nearest(apart, reach)[2].sum()) * likelier
    repeats = same > ABOVE_CHANCE * chance + CLEAR * np.sqrt(chance + 1)
    return reach if repeats else None

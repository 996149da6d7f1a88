"""The drift of events that are too few for each wave of it to be followed: from their pairs."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse, nothing
from smlm_accessor.methods.coarse.waves import (
    REACH,
    log_likelihood,
    most_likely,
    near_pairs,
    waves_at,
)
from smlm_accessor.timeline import Timeline

# Of 60 events in waves of five each, a third was taken for a slow drift; of 100 in waves of six to
# eight, a twentieth.
_FEWEST = 80
# Events, near pairs of them, and waves that take a second or two: the time of a turn goes with
# pairs, and with events times the square of the waves.
_MOST, _MOST_PAIRS, _MOST_WAVES = 2000, 200_000, 170
_GLANCE, _GLANCE_PAIRS = 600, 30_000  # a twentieth of that time
# Events for each wave, fewer and fewer: the last one tells only whether the one before is enough.
_EVENTS_PER_WAVE = (24.0, 12.0, 8.0, 5.0, 3.5)
# Log-likelihood that a coefficient gains by chance, at most: in simulations of 60 to 300 events .25
# where the course is right, and mostly .4 to 5 in one of the steps where it is not yet.
_GAIN = 0.3
_DECOYS = 8
_CLEAR = 6.0  # standard deviations of decoys
_PER_WINDOW = 4  # events


class _Events(NamedTuple):
    """Some events: their numbers, positions in precisions, and times from 0 to 1."""

    chosen: IntArray
    where: FloatArray
    time: FloatArray


def from_pairs(sample: ChunkedLocalizations, precision: FloatArray) -> Coarse:
    """Return the course at which pairs of events overlap best, nothing if chance does as well.

    Events around the middle of the field are enough: what tells is how often each site is seen.

    There are as few waves as are enough (see `waves`): more of them gain no more likelihood than
    chance. If events are too few to tell, nothing is returned. The course is evidence if it stands
    out from what the same search finds in decoys: events that are displaced by five to ten
    precisions each, so that none lies where another was.
    """
    axes = np.flatnonzero(precision > 0)
    events = _some(sample.positions[:, axes] / precision[axes], sample.frames, _MOST, _MOST_PAIRS)
    if events is None:
        return nothing(sample)
    n = len(events.chosen)
    rng = np.random.default_rng(n)
    enough = _first_enough([most_likely(*events[1:], number) for number in _numbers_of_waves(n)])
    if enough is None:
        return nothing(sample)
    best, found = enough
    by_chance = []
    for _ in range(_DECOYS):
        away = rng.normal(size=events.where.shape)
        away *= (rng.uniform(5, 10, n) / np.linalg.norm(away, axis=1))[:, None]
        by_chance.append(most_likely(events.where + away, events.time, len(found))[0])
    clear = (best - np.mean(by_chance)) / max(float(np.std(by_chance, ddof=1)), 1e-9)
    if clear < _CLEAR:
        return nothing(sample)
    timeline = Timeline.of(sample.frames, sample.jumps)
    windows = timeline.evenly(min(len(timeline.frames), max(n // _PER_WINDOW, 2)))
    k = len(windows)
    drift = np.zeros((k, sample.positions.shape[1]))
    first, last = sample.frames[events.chosen[[0, -1]]]
    time = np.clip((timeline.frames - first) / (last - first), 0, 1)
    drift[:, axes] = windows.mean(waves_at(time, len(found)) @ found * precision[axes])
    return Coarse(
        windows.edges, drift, np.ones(k, bool), np.full(k, clear), timeline.jumps,
        windows.mean_frame, best / n, {"coarse_from_pairs": True},
    )  # fmt: skip


def better_of(sample: ChunkedLocalizations, precision: FloatArray, followed: Coarse) -> Coarse:
    """Return the course from pairs, if the one that was followed is clearly less likely.

    A course that was followed is kept at once if it has windows for each wave that some hundred
    events could tell, or if these waves gain no more likelihood than chance from what it leaves.
    """
    if not followed.valid.any():
        return from_pairs(sample, precision)
    if followed.valid.sum() > 2 * _GLANCE / _EVENTS_PER_WAVE[2]:
        return followed
    axes = np.flatnonzero(precision > 0)
    timeline = Timeline.of(sample.frames, sample.jumps)

    def left_by(course: Coarse) -> FloatArray:
        moved = course.in_frames(timeline).drift[timeline.of_rows]
        return np.asarray((sample.positions - moved)[:, axes] / precision[axes])

    left = left_by(followed)
    events = _some(left, sample.frames, _GLANCE, _GLANCE_PAIRS)
    if events is None:
        return followed
    number = round(len(events.chosen) / _EVENTS_PER_WAVE[2])
    gain = most_likely(*events[1:], number)[0] - log_likelihood(events.where)
    if gain <= _GAIN * len(axes) * number:
        return followed
    other = from_pairs(sample, precision)
    if not other.valid.all():
        return followed
    events = _some(left, sample.frames, _MOST, _MOST_PAIRS) or events
    gain = log_likelihood(left_by(other)[events.chosen]) - log_likelihood(events.where)
    parameters = len(axes) * len(events.chosen) / _EVENTS_PER_WAVE[-2]
    return other if gain > _GAIN * parameters else followed


def _some(where: FloatArray, frames: IntArray, most: int, most_pairs: int) -> _Events | None:
    """Return events around the middle of the field, as many as may be; None if too few.

    Where they are dense, some are left out. A smaller field would hold those that moved least.
    """
    from_middle = np.abs(where - np.median(where, axis=0)).max(axis=1)
    reach = max(np.partition(from_middle, min(most, len(where)) - 1)[:most].max(), REACH)
    chosen = np.flatnonzero(from_middle <= reach)
    chosen = chosen[:: -(-len(chosen) // most)]
    while len(chosen) >= _FEWEST and near_pairs(where[chosen]) > most_pairs:
        chosen = chosen[::2]
    at = frames[chosen]
    if len(at) < _FEWEST or at[-1] == at[0]:
        return None
    return _Events(chosen, where[chosen], np.asarray((at - at[0]) / (at[-1] - at[0])))


def _numbers_of_waves(n: int) -> list[int]:
    """Return those to be tried: two at least, for the last one tells whether others are enough."""
    numbers = [max(round(n / size), 1) for size in _EVENTS_PER_WAVE]
    return [number for k, number in enumerate(numbers) if k < 2 or number <= _MOST_WAVES]


def _first_enough(tried: list[tuple[float, FloatArray]]) -> tuple[float, FloatArray] | None:
    """Return the first course after which more waves gain no more than chance; None if none is."""
    enough = None
    for (fewer, few), (more, many) in reversed(list(pairwise(tried))):
        if more - fewer > _GAIN * (many.size - few.size):
            break
        enough = fewer, few
    return enough

"""Runs of frames that lie on nothing, laid where the sample went in them."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, Int32Array, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs
from smlm_accessor.kernels.time_series.change_point import highest_sums
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.placing import (
    BETWEEN,
    JumpRange,
    LogLikelihoods,
    place_jumps,
)
from smlm_accessor.timeline import Timeline

_MOST_RUNS = 8
_LONGEST = 0.5  # of all frames: what lies elsewhere is the smaller part
# Precisions that the sample went: windows follow what is nearer; and about a micrometre at most.
_NEAR, _FAR = 5.0, 200.0
_BESIDE = 1000  # part of all frames on either side of an end of a run, in which the jump is
# Events that are looked at: of a dense table, a part of a run tells as well.
_ENOUGH = 20_000
_BLOCKS = 50  # of frames
_LOST = 0.25  # of the usual probability that an event lies on others: in a lost run
_LIKELIEST, _LEAST = 0.95, 1e-4  # probabilities at most, and at least
_AWAY = 17.0  # precisions: events that are displaced by so much lie on others by chance


def with_lost_runs(
    timeline: Timeline, drift: FloatArray, density: Density, rows: WeightedLocalizations
) -> tuple[Timeline, FloatArray] | None:
    """Return the timeline and the drift with runs of frames moved to where they lie on structures.

    None if there is no such run. The shift of each is the most frequent difference of its events to
    others, if that is not near. In a run that a trend has bridged, the sample may have stayed as
    before, or be where it is after: then the shift from there is less far. It counts if more of the
    events lie on others than at the best of as many positions by chance, and if localizations gain
    log-likelihood at more than one place.
    """
    ranges, moved = [], drift.copy()
    events, precision = density.events, density.precision
    positions = events.less(drift)
    some = np.arange(0, len(positions), max(len(positions) // _ENOUGH, 1))
    lies = lies_on_others(density, drift, some)
    usual = min(float(lies.mean()), _LIKELIEST) if len(lies) else 0.0
    if usual < _LEAST:
        return None
    runs = lost_runs(timeline, events.frame[some], log_odds(lies, usual, _LOST * usual))
    if not runs:
        return None
    away = float(lies_on_others(density, drift + _AWAY * precision, some).mean())
    reach, sure = _FAR * float(precision[:2].mean()), np.log(np.pi * _FAR**2 / FALSE_ALARM)
    for a, b in runs:
        run = slice(*np.searchsorted(events.frame, [a, b]).tolist())
        others = np.concatenate([positions[: run.start], positions[run.stop :]])
        if not len(others):
            continue
        found: list[tuple[float, FloatArray, list[int]]] = []
        frame, every = events.frame[run], np.arange(run.start, run.stop)
        for course, ends, least, most in _courses(drift, a, b, precision):
            left = positions[run] + (drift - course).take(frame, axis=0)
            shift = shift_of_pairs(others, left, precision, reach)
            if not least <= np.hypot(*(shift / precision)[:2]) < most:
                continue
            there = course - shift
            lies = lies_on_others(density, there, every)
            found.append((log_odds(lies, usual, min(away, usual)).sum(), there, ends))
        if not found:
            continue
        odds, there, ends = min(found, key=lambda one: one[0])
        gain = LogLikelihoods.of([there[a:b], drift[a:b]], a, density, rows)
        after, before = gain.elsewhere(density).terms.sum(axis=1)
        if odds < -sure and after - before > BETWEEN:
            ranges += [_jump(drift, there, a, b, at) for at in ends]
            moved[a:b] = there[a:b]
    if not ranges:
        return None
    placed, moved = place_jumps(ranges, moved, density, rows)
    return timeline.with_jumps(np.union1d(timeline.jumps, placed.jumps).astype(np.int64)), moved


def lies_on_others(density: Density, drift: FloatArray, some: IntArray) -> FloatArray:
    """Return the probability of some events that they lie on those of other times.

    Those near in time do not count, for they are where the sample was then, too.
    """
    events, n = density.events, len(drift)
    frame = events.frame[some]
    edges = np.linspace(0, n, _BLOCKS + 1).astype(np.int32)
    block = np.searchsorted(edges, frame, side="right") - 1
    beside = np.stack([np.maximum(block - 1, 0), np.minimum(block + 2, _BLOCKS)], axis=1)
    positions = events.positions.take(some, axis=0) + events.start.take(frame, axis=0)
    f = density.at(positions, drift.take(frame, axis=0), edges[beside])
    return np.asarray(f / (1 + f))


def log_odds(lies: FloatArray, usual: float, lost: float) -> FloatArray:
    """Return the log-odds of events that they lie on others with the probability of a lost run."""
    on, off = np.log(max(lost, _LEAST) / usual), np.log((1 - lost) / (1 - usual))
    return np.asarray(lies * on + (1 - lies) * off)


def lost_runs(
    timeline: Timeline, frame: Int32Array | IntArray, odds: FloatArray
) -> list[tuple[int, int]]:
    """Return the first frame, and the one after the last, of runs that lie on nothing.

    The log-odds of their events, each in a ``frame``, add up to more than the best of many runs has
    by chance.
    """
    of_frames = np.bincount(frame, odds, len(timeline.frames)).astype(np.float64)
    runs = highest_sums(of_frames, BETWEEN, _MOST_RUNS)
    return [(a, b) for a, b in runs if b - a <= _LONGEST * len(of_frames)]


def _courses(
    drift: FloatArray, first: int, stop: int, precision: FloatArray
) -> list[tuple[FloatArray, list[int], float, float]]:
    """Return how the drift may go on in a run, at which ends it jumps, and shifts from there.

    It goes on as it is, but elsewhere; or, if a trend has bridged the run, it stays as before or is
    as after: nearer to this than to the other one. Shifts are the least and the most, in
    precisions.
    """
    inner = [at for at in (first, stop) if 0 < at < len(drift)]
    courses = [(drift, inner, _NEAR, np.inf)]
    if len(inner) < 2:
        return courses
    bridged = float(np.hypot(*((drift[stop] - drift[first - 1]) / precision)[:2]))
    if bridged <= _NEAR:
        return courses
    for outside, jump in ((first - 1, stop), (stop, first)):
        course = drift.copy()
        course[first:stop] = drift[outside]
        courses.append((course, [jump], 0.0, bridged / 2))
    return courses


def _jump(drift: FloatArray, there: FloatArray, first: int, stop: int, at: int) -> JumpRange:
    """Return the range of the jump at an end of a run, to where the sample went, or back.

    Beyond the end, both drifts go on as they are there.
    """
    beside = max(len(drift) // _BESIDE, (stop - first) // 2, 1)
    start, end = max(at - beside, 0), min(at + beside, len(drift))
    inside, outside = (first, first - 1) if at == first else (stop - 1, stop)
    within = slice(max(first - start, 0), min(stop, end) - start)
    here, away = drift[start:end].copy(), drift[start:end] + there[inside] - drift[inside]
    here[within], away[within] = drift[outside], there[start:end][within]
    return JumpRange(start, end, *((here, away) if at == first else (away, here)))

"""Jumps of the sample: found in the drift of windows, and placed to the frame by localizations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from smlm_accessor._typing import FloatArray, Int32Array
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.field.places import Places
from smlm_accessor.kernels.time_series.breaks import find_breaks
from smlm_accessor.kernels.time_series.change_point import change_points, middle_change_point
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import LONGEST_BLINK, WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate
from smlm_accessor.methods.overlap.jumps.going_on import odds_by_blinks
from smlm_accessor.timeline import Timeline, Windows

_PLACE = 10.0  # precisions, a third of the width of a place: much wider than an emitter
_MOST = 0.5  # of the events
_AROUND = 5  # windows on either side of a break in which the jump is looked for
#: Log-likelihood that a drift between two jumps has to gain over none: the frame at which it begins
#: is chosen among hundreds, and its level among as many.
BETWEEN = 12.0


@dataclass(frozen=True)
class JumpRange:
    """Indices of the frames that hold a jump (half open), and the drift if it is not yet or past.

    Parameters
    ----------
    start, stop : int
    before, after : ndarray, shape (stop - start, d)
    """

    start: int
    stop: int
    before: FloatArray
    after: FloatArray


def jump_ranges(estimate: DriftEstimate, windows: Windows, told: Timeline) -> list[JumpRange]:
    """Return where the drift of windows breaks, but for the jumps that are told.

    Up to a break and from there on the drift is that of a trend which is broken there: one that is
    not would lie between both sides already in the windows beside it.
    """
    timeline, bounds, n, ranges = windows.timeline, windows.bounds, len(windows), []
    known = np.isin(timeline.frames[bounds[:-1]], told.jumps)
    breaks, trends = find_breaks(windows.mean_frame, estimate.value, estimate.variance, known)
    if not breaks:
        return []
    begin = timeline.frames[bounds[[b.at for b in breaks]]]
    jumps = np.union1d(told.jumps, begin[begin > timeline.frames[0]]).astype(np.int64)
    broken = timeline.with_jumps(jumps).cut(windows.edges)
    drift = np.stack([broken.lines(t.level, t.slope) for t in trends], axis=1)
    for at, before, after in breaks:
        start, stop = bounds[max(at - _AROUND, 0)], bounds[min(at + _AROUND + 1, n)]
        not_yet, past = drift[start:stop].copy(), drift[start:stop].copy()
        not_yet[bounds[max(at - 1, 0)] - start :] = before
        past[: bounds[min(at + 2, n)] - start] = after
        ranges.append(JumpRange(int(start), int(stop), not_yet, past))
    return ranges


def place_jumps(
    ranges: list[JumpRange],
    drift: FloatArray,
    density: Density,
    rows: WeightedLocalizations,
) -> tuple[Timeline, FloatArray]:
    """Return the timeline with the jumps, each at its frame, and the drift with the jumps in it.

    Up to a jump, localizations lie where others of other times do if the drift is that before; from
    then on, if it is that after. The frame of the jump is the median of the change points, by the
    likelihood ``sum(log(1 + f / floor))`` and by blinks that go on, see `odds_by_blinks`. Each
    localization counts by itself, for a blink may go on while the sample jumps. Between two breaks
    that are near each other the sample may have rested, or the windows there may show nothing; it
    may also go back for a while: the likelihood tells.

    Parameters
    ----------
    ranges : list of JumpRange
    drift : ndarray, shape (n_frames, d)
    density : Density
    rows : WeightedLocalizations
    """
    jumps, drift, evidence = [], drift.copy(), evidence_of_localization(density, rows)
    for group in _overlapping(ranges):
        start, stop = group[0].start, group[-1].stop
        states = _states(group, drift[start:stop])
        gain = LogLikelihoods.of(states, start, density, rows)
        path = change_points(gain.elsewhere(density).in_frames, BETWEEN)
        odds = [
            odds_by_blinks(states[after] - states[before], start, density, rows)
            for (before, _), (after, _) in pairwise(path)
        ]
        for state, begins in _in_the_middle(path, gain.in_frames, evidence, odds):
            drift[start + begins : stop] = states[state][begins:]
            if 0 < start + begins < len(drift) and begins:
                jumps.append(rows.timeline.frames[start + begins])
    return rows.timeline.with_jumps(np.union1d(rows.timeline.jumps, jumps).astype(np.int64)), drift


@dataclass(frozen=True)
class LogLikelihoods:
    """The terms ``log(1 + f / floor)`` of localizations in some frames, for possible drifts.

    Parameters
    ----------
    of_row : ndarray of int, shape (n,)
        Frame of each localization, from the first on.
    terms : ndarray, shape (n_drifts, n)
    positions : ndarray, shape (n, 2)
        In precisions, less the first drift.
    n_frames : int
    """

    of_row: Int32Array
    terms: FloatArray
    positions: FloatArray
    n_frames: int

    @classmethod
    def of(
        cls, drifts: list[FloatArray], start: int, density: Density, rows: WeightedLocalizations
    ) -> LogLikelihoods:
        """Return those of frames from ``start`` on, each drift of the shape (n_frames, d)."""
        n = len(drifts[0])
        some = slice(*np.searchsorted(rows.frame, [start, start + n]).tolist())
        positions, of_row = rows.positions[some], rows.frame[some] - start
        # Where the sample was in these frames is not known, and blinks may be as long.
        n_frames = len(rows.timeline.frames)
        left_out = max(start - LONGEST_BLINK, 0), min(start + n + LONGEST_BLINK, n_frames)
        f = np.stack([density.at(positions, drift[of_row], left_out) for drift in drifts])
        there = (positions - drifts[0][of_row])[:, :2] / density.precision[:2]
        return cls(of_row, np.log1p(f), there, n)

    @property
    def in_frames(self) -> FloatArray:
        """Sums over the localizations of each frame, shape (n_drifts, n_frames)."""
        return np.stack([np.bincount(self.of_row, t, self.n_frames) for t in self.terms])

    def elsewhere(self, density: Density) -> LogLikelihoods:
        """Return the same without the place in the field that tells most.

        An emitter that is seen for long lies better wherever others are: all of its localizations
        are one observation. Only where most of the table is at that place, they are all there is.
        """
        if not len(self.of_row):
            return self
        places = Places.of(self.positions, _PLACE)
        most = places.highest(np.ptp(self.terms, axis=0))
        events = density.events.positions[:, :2] / (_PLACE * density.precision[:2])
        there = by_column.in_all(np.abs(np.floor(events) - places.at[most]) <= 1)
        if there.mean() > _MOST:
            return self
        return replace(self, terms=np.where(places.around(most)[places.of_row], 0.0, self.terms))


def evidence_of_localization(density: Density, rows: WeightedLocalizations) -> float:
    """Return for how many independent observations a localization counts.

    Those of one blink lie together, on the structure or not: they are one observation.
    """
    return len(density.events.frame) / max(len(rows.frame), 1)


def _in_the_middle(
    path: list[tuple[int, int]],
    gain: FloatArray,
    evidence: float,
    odds: list[FloatArray],
) -> list[tuple[int, int]]:
    """Return a path of states whose changes are the medians between the changes beside them."""
    until = [begins for _, begins in path[2:]] + [gain.shape[1]]
    found = path[:1]
    for (state, _), stop, here in zip(path[1:], until, odds, strict=False):
        before, since = found[-1]
        apart = gain[before, since:stop] - gain[state, since:stop]
        middle = middle_change_point(apart, evidence=evidence, odds=here[since : stop + 1])
        found.append((state, since + middle))
    return found


def _overlapping(ranges: list[JumpRange]) -> list[list[JumpRange]]:
    """Return the ranges in groups of those that reach into each other."""
    groups: list[list[JumpRange]] = []
    for one in ranges:
        if groups and one.start < groups[-1][-1].stop:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _states(group: list[JumpRange], drift: FloatArray) -> list[FloatArray]:
    """Return the drifts before, between and after the jumps of a group, for all of its frames."""
    start, stop = group[0].start, group[-1].stop
    states = []
    for k in range(len(group) + 1):
        state = drift.copy()
        if k > 0:
            past = group[k - 1]
            state[: past.start - start] = past.after[0]
            state[past.start - start : past.stop - start] = past.after
        if k < len(group):
            coming = group[k]
            # Between two jumps, each of them tells the half that is nearer.
            since = (group[k - 1].start + coming.stop) // 2 if k else start
            since = min(max(since, coming.start), stop)
            state[since - start : coming.stop - start] = coming.before[since - coming.start :]
            state[coming.stop - start :] = coming.before[-1]
        states.append(state)
    return states

"""The drift of events that are too few for each wave of it to be followed: from their pairs."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse, nothing
from smlm_accessor.methods.coarse.waves import log_likelihood, most_likely, waves_at
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.placing import BETWEEN
from smlm_accessor.timeline import Timeline

# Of 60 events in waves of five each, a third was taken for a slow drift; of 100 in waves of six to
# eight, a twentieth.
_FEWEST = 80
# Events that take a second or two, and those that take a tenth of that time.
_MOST, _GLANCE = 1000, 600
#: Events of which some are left to judge a course.
JUDGED = _MOST + _FEWEST
_LEAST_FIELD = 60.0  # precisions from the middle, farther than most drifts go
# Widths to begin with, in precisions: from a wider one, drifts are found that go farther, of so
# many waves; and from a course with fewer waves.
_WIDEST, _FAR_WAVES, _NEARLY = (16.0, 32.0, 64.0, 128.0), 32, 8.0
_FEWEST_WAVES, _MOST_WAVES = 4, 128
# Events for each wave: with the last number of waves, they do not tell the course, but whether
# fewer waves are enough.
_EVENTS_PER_WAVE, _TOO_FEW = 5.0, 3.5
# Log-likelihood that a coefficient gains by chance, at most: in simulations of 60 to 300 events .25
# where the course is right, and mostly .4 to 5 in one of the steps where it is not yet.
_GAIN = 0.3
_DECOYS = 8
_CLEAR = 6.0  # standard deviations of decoys
_DISPLACED = (5.0, 10.0)  # precisions, decoys
_WINDOWS_PER_WAVE = 8  # half a period: between their means the course is linear


class _Events(NamedTuple):
    """Some events, from which a course is made, and others, by which it is judged.

    Parameters
    ----------
    where, others : ndarray, shapes (n, d) and (m, d)
        Precisions.
    frames, other_frames : ndarray, shapes (n,) and (m,)
        Not decreasing.
    """

    where: FloatArray
    frames: IntArray
    others: FloatArray
    other_frames: IntArray

    @property
    def judges(self) -> tuple[FloatArray, IntArray]:
        """The others, and their frames; if there are too few, all events."""
        return self[2:] if self.are_judged else self[:2]

    @property
    def are_judged(self) -> bool:
        """Whether others are enough."""
        return len(self.others) >= _FEWEST

    def time_of(self, frames: IntArray) -> FloatArray:
        """Return times, 0 at the first event and before, 1 at the last and after."""
        first, last = self.frames[[0, -1]]
        return np.asarray(np.clip((frames - first) / (last - first), 0.0, 1.0))

    def fitted(
        self, number: int, begin: tuple[float, FloatArray | None]
    ) -> tuple[float, FloatArray]:
        """Return the log-likelihood of so many waves, and their coefficients, see `waves`.

        To ``begin`` with are the first width, and perhaps a course that is nearly right.
        """
        return most_likely(self.where, self.time_of(self.frames), number, *begin)

    def height(self, found: FloatArray) -> float:
        """Return the log-likelihood of judges with waves, less what these gain by chance."""
        by_chance = 0.0 if self.are_judged else _GAIN * found.size
        return log_likelihood(self.judges_without(found)) - by_chance

    def judges_without(self, found: FloatArray) -> FloatArray:
        """Return the positions of judges less the course with these waves, shape (m, d)."""
        where, frames = self.judges
        return where - waves_at(self.time_of(frames), len(found)) @ found


def from_pairs(
    sample: ChunkedLocalizations, precision: FloatArray, *, threads: int | None = None
) -> Coarse:
    """Return the course at which pairs of events overlap best, nothing if chance does as well.

    Events around the middle of the field are enough: what tells is how often each site is seen.

    Its waves (see `waves`) are those with which other events lie best on each other. If there are
    no others, they are as few as are enough: more of them gain no more likelihood than chance; and
    the course has to stand out from what the same search finds in decoys, events that are displaced
    by five to ten precisions each, so that none lies where another was. If events are too few to
    tell, nothing is returned.
    """
    axes = np.flatnonzero(precision > 0)
    events = _some(*_blinks(sample, precision, axes, threads), _MOST)
    course = None if events is None else _course(events, threads)
    if events is None or course is None:
        return nothing(sample)
    waves, clear = course
    timeline = Timeline.of(sample.frames, sample.jumps)
    windows = timeline.evenly(min(len(timeline.frames), _WINDOWS_PER_WAVE * len(waves)))
    k = len(windows)
    drift = np.zeros((k, sample.positions.shape[1]))
    in_frames = waves_at(events.time_of(timeline.frames), len(waves)) @ waves
    drift[:, axes] = windows.mean(in_frames * precision[axes])
    return Coarse(
        windows.edges, drift, np.ones(k, bool), np.full(k, clear), timeline.jumps,
        windows.mean_frame, {"coarse_from_pairs": True},
    )  # fmt: skip


def better_of(
    sample: ChunkedLocalizations,
    precision: FloatArray,
    followed: Coarse,
    *,
    threads: int | None = None,
) -> Coarse:
    """Return the course from pairs, if the one that was followed is clearly less likely.

    A course that was followed is kept at once if it has a window for each wave that some hundred
    events could tell, or if these waves gain no more likelihood than chance from what it leaves.
    """
    if not followed.valid.any():
        return from_pairs(sample, precision, threads=threads)
    if followed.valid.sum() > _GLANCE / _EVENTS_PER_WAVE:
        return followed
    axes = np.flatnonzero(precision > 0)
    timeline = Timeline.of(sample.frames, sample.jumps)
    known = followed.in_frames(timeline).drift[:, axes] / precision[axes]
    where, of_blink = _blinks(sample, precision, axes, threads)
    left = where - known[np.searchsorted(timeline.frames, of_blink)]
    glance = _some(left, of_blink, _GLANCE)
    if glance is None:
        return followed
    most = round(len(glance.where) / _EVENTS_PER_WAVE)
    looks = ((most, (_WIDEST[0], None)), (_FEWEST_WAVES, (_WIDEST[1], None)))
    least = log_likelihood(glance.judges[0]) + BETWEEN
    fits = map_threads(lambda look: glance.fitted(*look), looks, threads=threads)
    if not any(glance.height(waves) > least for _, waves in fits):
        return followed
    other = from_pairs(sample, precision, threads=threads)
    events = _some(left, of_blink, _MOST)
    if events is None or not other.valid.all():
        return followed
    where, frames = events.judges
    more = other.in_frames(timeline).drift[:, axes] / precision[axes] - known
    moved = where - more[np.searchsorted(timeline.frames, frames)]
    coefficients = len(axes) * len(other.valid) / _WINDOWS_PER_WAVE
    least = BETWEEN + (0.0 if events.are_judged else _GAIN * coefficients)
    return other if log_likelihood(moved) - log_likelihood(where) > least else followed


def _course(events: _Events, threads: int | None) -> tuple[FloatArray, float] | None:
    """Return the likeliest waves for their number, and by how many deviations they are no chance.

    None if chance does as well.
    """
    n = len(events.where)
    last, most = round(n / _TOO_FEW), n / _EVENTS_PER_WAVE / _FEWEST_WAVES
    numbers = [_FEWEST_WAVES * 2**k for k in range(n) if 2**k <= most]
    best, highest, widest = np.zeros((0, events.where.shape[1])), -np.inf, _WIDEST[0]
    for number in (k for k in (*numbers, last) if k <= _MOST_WAVES):
        widths = _WIDEST if number <= _FAR_WAVES else _WIDEST[:1]
        begins = [*((w, None) for w in widths), (_NEARLY, best)]
        fits = map_threads(partial(events.fitted, number), begins, threads=threads)
        for first, (_, found) in zip((*widths, widest), fits, strict=True):
            height = events.height(found)
            if height > highest:
                highest, best, widest = height, found, first
    if len(best) == last:
        return None
    rng, by_chance, still = np.random.default_rng(n), [], events.judges_without(best)
    _, frames = events.judges
    short = np.ptp(frames) / (_WINDOWS_PER_WAVE * len(best))
    group = _together(still if events.are_judged else events.where, frames, short)
    for _ in range(_DECOYS):
        if events.are_judged:
            by_chance.append(log_likelihood(_away(still, group, rng)))
        else:
            decoys = events._replace(where=_away(events.where, group, rng))
            by_chance.append(decoys.fitted(len(best), (widest, None))[0])
    spread = max(float(np.std(by_chance, ddof=1)), 1e-9)
    clear = float(log_likelihood(still) - np.mean(by_chance)) / spread
    return (best, clear) if clear > _CLEAR else None


def _together(where: FloatArray, frames: IntArray, short: float) -> IntArray:
    """Return groups of events that lie on each other with any course, for their time is short.

    Events of an emitter that flickers are of one. All of a group are near its first one.
    """
    group, first = np.zeros(len(where), np.int64), np.zeros(0, np.int64)
    for i, (here, frame) in enumerate(zip(where, frames, strict=True)):
        first = first[frames[first] >= frame - short]
        near = first[np.linalg.norm(where[first] - here, axis=1) < _DISPLACED[0]]
        group[i] = near[0] if len(near) else i
        if not len(near):
            first = np.append(first, i)
    return group


def _away(where: FloatArray, group: IntArray, rng: np.random.Generator) -> FloatArray:
    """Return groups of events that are displaced, so that none lies where another was."""
    away = rng.normal(size=where.shape)
    away *= (rng.uniform(*_DISPLACED, len(where)) / np.linalg.norm(away, axis=1))[:, None]
    return where + away[group]


def _blinks(
    sample: ChunkedLocalizations, precision: FloatArray, axes: IntArray, threads: int | None
) -> tuple[FloatArray, IntArray]:
    """Return where blinks are in precisions, shape (n, d), and their frames.

    Localizations of one blink would lie on each other with any course, and decoys would not.
    """
    rows = WeightedLocalizations.of(sample.along(axes.tolist()), precision[axes])
    still = np.zeros((len(rows.timeline.frames), len(axes)))
    events = rows.events(still, precision[axes], rows.timeline.segment, threads=threads)
    return events.positions / precision[axes], rows.timeline.frames[events.frame]


def _some(where: FloatArray, frames: IntArray, most: int) -> _Events | None:
    """Return events around the middle of the field, as many as may be; None if too few.

    Where they are dense, some are left out: a smaller field would hold those that moved least. The
    others are around them: of the same blinks, they would lie on each other with a wrong course,
    too.
    """
    from_middle = np.abs(where - np.median(where, axis=0)).max(axis=1)
    n_near = min(max(most, int((from_middle < _LEAST_FIELD).sum())), len(where))
    n = min(2 * n_near, len(where))
    nearest = np.argpartition(from_middle, n - 1)[:n]
    nearest = nearest[np.argsort(from_middle[nearest], kind="stable")]
    every = -(-n_near // most)
    chosen, others = np.sort(nearest[:n_near:every]), np.sort(nearest[n_near::every])
    if len(chosen) < _FEWEST or frames[chosen[0]] == frames[chosen[-1]]:
        return None
    return _Events(where[chosen], frames[chosen], where[others], frames[others])

"""The drift of a few events, too few to be followed from window to window: from all their pairs."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse, nothing
from smlm_accessor.timeline import Timeline

# Localizations of which pairs are looked at: fewer if a course is known already. The time
# goes with the square; a thousand take 20 s.
_MOST, _MOST_BESIDE = 600, 400
# Of 60 events in waves of five each, a third was taken for a slow drift; of 100 in waves of six to
# eight, a twentieth.
_FEWEST = 80
# Widths of the overlap in precisions, wide ones first, as in graduated optimization.
_WIDTHS = (16.0, 11.0, 8.0, 5.6, 4.0, 2.8, 2.0)
_TURNS = 8  # of weights and solution, at each width
# Events for each wave, fewer and fewer: the last one tells only whether the one before is enough.
_EVENTS_PER_WAVE = (24.0, 12.0, 8.0, 5.0, 3.5)
# Log-likelihood that a coefficient gains by chance, at most: in simulations of 60 to 300 events .25
# where the course is right, and mostly .4 to 5 in one of the steps where it is not yet.
_GAIN = 0.3
_LARGEST = 40.0  # precisions: amplitude of the first wave, one standard deviation
_DECOYS = 8
_CLEAR = 6.0  # standard deviations of decoys
_PER_WINDOW = 4  # events


def from_pairs(sample: ChunkedLocalizations, precision: FloatArray) -> Coarse:
    """Return the course at which pairs of events overlap best, nothing if chance does as well.

    The course is a sum of cosines of time, ``d(t) = sum_m c_m cos(pi m t)``. Its log-likelihood is
    ``sum_i log(1 + sum_j exp(-r_ij**2 / (2 w**2)))`` with the distances ``r`` of the events less
    their drift, in precisions. It is maximized for smaller and smaller widths ``w``, with more and
    more waves, by expectation and maximization: pairs are weighted by the part of the sum that each
    is, and weighted least squares gives the coefficients.

    There are as few waves as are enough: more of them gain no more likelihood than chance. If
    events are too few to tell, nothing is returned. The course is evidence if it stands out from
    what the same search finds in decoys: events that are displaced by five to ten precisions each,
    so that none lies where another was.
    """
    n, d = sample.positions.shape
    frames = sample.frames
    if not _FEWEST <= n <= _MOST or frames[-1] == frames[0]:
        return nothing(sample)
    time = _part_of(frames)
    axes = np.flatnonzero(precision > 0)
    where = sample.positions[:, axes] / precision[axes]
    rng = np.random.default_rng(n)
    tried = [_search(where, time, max(round(n / size), 1)) for size in _EVENTS_PER_WAVE]
    enough = _first_enough(tried)
    if enough is None:
        return nothing(sample)
    best, found = tried[enough]
    most = len(found)
    by_chance = []
    for _ in range(_DECOYS):
        away = rng.normal(size=where.shape)
        away *= (rng.uniform(5, 10, n) / np.linalg.norm(away, axis=1))[:, None]
        by_chance.append(_search(where + away, time, most)[0])
    clear = (best - np.mean(by_chance)) / max(float(np.std(by_chance, ddof=1)), 1e-9)
    if clear < _CLEAR:
        return nothing(sample)
    timeline = Timeline.of(frames, sample.jumps)
    windows = timeline.evenly(max(len(timeline.frames) // _PER_WINDOW, 2))
    k = len(windows)
    drift = np.zeros((k, d))
    course = _waves(_part_of(timeline.frames), len(found)) @ found
    drift[:, axes] = windows.mean(course * precision[axes])
    return Coarse(
        windows.edges, drift, np.ones(k, bool), np.full(k, clear), timeline.jumps,
        windows.mean_frame, best / n, {"coarse_from_pairs": True},
    )  # fmt: skip


def _part_of(frames: IntArray) -> FloatArray:
    """Return times from 0 to 1."""
    return np.asarray((frames - frames[0]) / (frames[-1] - frames[0]))


def better_of(sample: ChunkedLocalizations, precision: FloatArray, followed: Coarse) -> Coarse:
    """Return the course from pairs, if the one that was followed is clearly less likely."""
    if len(sample.frames) > (_MOST_BESIDE if followed.valid.any() else _MOST):
        return followed
    other = from_pairs(sample, precision)
    if not (other.valid.all() and followed.valid.any()):
        return other if other.valid.all() else followed
    axes = np.flatnonzero(precision > 0)
    timeline = Timeline.of(sample.frames, sample.jumps)

    def likelihood(course: Coarse) -> float:
        moved = course.in_frames(timeline).drift[timeline.of_rows]
        return log_likelihood((sample.positions - moved)[:, axes] / precision[axes])

    parameters = len(axes) * len(sample.frames) / _EVENTS_PER_WAVE[-2]
    return other if likelihood(other) - likelihood(followed) > _GAIN * parameters else followed


def _first_enough(tried: list[tuple[float, FloatArray]]) -> int | None:
    """Return the first course after which more waves gain no more than chance; None if none is."""
    enough = None
    for k in range(len(tried) - 1, 0, -1):
        (fewer, few), (more, many) = tried[k - 1], tried[k]
        if more - fewer > _GAIN * (many.size - few.size):
            break
        enough = k - 1
    return enough


def _search(where: FloatArray, time: FloatArray, most: int) -> tuple[float, FloatArray]:
    """Return the log-likelihood, and the coefficients of the waves, shape (m, d)."""
    waves, found = _waves(time, most), np.zeros((most, where.shape[1]))
    for step, width in enumerate(_WIDTHS):
        m = max(1, round(most * ((step + 1) / len(_WIDTHS)) ** 2))
        some, prior = waves[:, :m], np.diag((np.arange(1, m + 1) / _LARGEST) ** 2)
        for _ in range(_TURNS):
            still = where - some @ found[:m]
            weight = np.exp(-squared_distances(still) / (2 * width**2))
            np.fill_diagonal(weight, 0.0)
            total = weight.sum(axis=1)
            weight *= (1 / (1 + total))[:, None] + 1 / (1 + total)
            # Sums over pairs of differences are those of the Laplacian of the weights.
            laplacian = (np.diag(weight.sum(axis=1)) - weight) / width**2
            left = some.T @ laplacian
            found[:m] = np.linalg.solve(left @ some + prior, left @ where)
    return log_likelihood(where - waves @ found), found


def log_likelihood(still: FloatArray) -> float:
    """Return that of events less their drift, in precisions, at the smallest width."""
    weight = np.exp(-squared_distances(still) / (2 * _WIDTHS[-1] ** 2))
    return float(np.log(weight.sum(axis=1)).sum())  # one is that of the event itself


def squared_distances(where: FloatArray) -> FloatArray:
    """Return the squared distance of each from each, shape (n, n)."""
    square = np.zeros((len(where), len(where)))
    for x in where.T:
        square += (x[:, None] - x) ** 2
    return square


def _waves(time: FloatArray, number: int) -> FloatArray:
    return np.cos(np.pi * time[:, None] * np.arange(1, number + 1))

"""Short runs of frames that lie on nothing, laid where the sample went in them."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.global_shift import find_shift_at_any_scale
from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs
from smlm_accessor.kernels.field.strip import in_strip
from smlm_accessor.kernels.time_series.highest_sum import highest_sums
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.excursions import SHORT
from smlm_accessor.methods.overlap.jumps import BETWEEN, JumpRange, LogLikelihoods, place_jumps
from smlm_accessor.timeline import Timeline

_MOST_RUNS = 8
_REACH = 3.0  # smoothings, by which a shift that was found in images may be wrong
_BESIDE = 1000  # part of all frames on either side of an end of a run, in which the jump is
_ENOUGH = 300_000  # events
_BLOCKS = 50  # of frames
_LOST = 0.25  # of the usual probability that an event lies on others: in a lost run
_LIKELIEST = 0.95  # probability at most


def with_lost_runs(
    timeline: Timeline,
    drift: FloatArray,
    density: Density,
    rows: WeightedLocalizations,
) -> tuple[Timeline, FloatArray] | None:
    """Return the timeline and the drift with runs of frames moved to where they lie on structures.

    None if there is no such run. The shift of each is looked for among all, in images of the
    events; it counts if localizations gain more log-likelihood than by chance.
    """
    ranges, moved = [], drift.copy()
    events, precision = density.events, density.precision
    positions = events.positions - (drift - events.start)[events.frame]
    finest = float(precision[:2].mean())
    for a, b in lost_runs(timeline, drift, density):
        inside = (events.frame >= a) & (events.frame < b)
        run, others = positions[inside], positions[~inside]
        if not len(run) or not len(others):
            continue
        found = find_shift_at_any_scale(others[:, :2], run[:, :2], finest)
        shift = np.zeros(len(precision))
        shift[:2] = found.shift
        if not np.isfinite(shift).all():
            continue
        shift += shift_of_pairs(others, run + shift, precision, _REACH * found.smoothing)
        gain = LogLikelihoods.of([drift[a:b] - shift, drift[a:b]], a, density, rows)
        there, here = gain.elsewhere(density).terms.sum(axis=1)
        if there - here > BETWEEN:
            ranges += _ends(drift, shift, a, b, rows)
            moved[a:b] -= shift
    if not ranges:
        return None
    placed, moved = place_jumps(ranges, moved, density, rows)
    return timeline.with_jumps(np.union1d(timeline.jumps, placed.jumps).astype(np.int64)), moved


def lost_runs(timeline: Timeline, drift: FloatArray, density: Density) -> list[tuple[int, int]]:
    """Return the first frame, and the one after the last, of short runs that lie on nothing.

    An event lies on those of other times with the usual probability, or with a quarter of it in a
    lost run: that is where the log-likelihood of the second, less that of the first, has a sum that
    is more than the best of many by chance. Events near in time do not count, for they are where
    the sample was then, too.
    """
    events, n = density.events, len(drift)
    x = events.positions[:, 0] - (drift - events.start)[events.frame, 0]
    some = np.flatnonzero(in_strip(x, _ENOUGH))
    frame = events.frame[some]
    positions = events.positions[some] + events.start[frame]
    seen, blocks = np.empty(len(some)), np.linspace(0, n, _BLOCKS + 1).astype(np.int64)
    rows = np.searchsorted(frame, blocks)
    for k in range(_BLOCKS):
        part = slice(rows[k], rows[k + 1])
        left_out = int(blocks[max(k - 1, 0)]), int(blocks[min(k + 2, _BLOCKS)])
        f = density.at(positions[part], drift[frame[part]], left_out)
        seen[part] = f / (1 + f)
    usual = min(float(seen.mean()), _LIKELIEST) if len(seen) else 0.0
    if usual == 0:
        return []
    gain = seen * np.log(_LOST) + (1 - seen) * np.log((1 - _LOST * usual) / (1 - usual))
    of_frames = np.asarray(np.bincount(frame, gain, n), dtype=np.float64)
    runs = highest_sums(of_frames, BETWEEN, _MOST_RUNS)
    few = SHORT * timeline.counts.sum()
    return [(a, b) for a, b in runs if timeline.counts[a:b].sum() <= few]


def _ends(
    drift: FloatArray, shift: FloatArray, first: int, stop: int, rows: WeightedLocalizations
) -> list[JumpRange]:
    """Return the ranges of the jump to where the sample went in a run of frames, and back."""
    ranges, beside = [], max(len(drift) // _BESIDE, (stop - first) // 2, 1)
    for at, back in ((first, False), (stop, True)):
        if at in (0, len(drift)):
            continue
        start, end = max(at - beside, 0), min(at + beside, len(drift))
        here, there = drift[start:end], drift[start:end] - shift
        ranges.append(JumpRange(start, end, *((there, here) if back else (here, there))))
    return ranges

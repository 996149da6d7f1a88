"""Jumps of the sample: the ranges of frames that hold one each, and the frame in these ranges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import LONGEST_BLINK, CorrectedEvents
from smlm_accessor.methods.overlap.iteration import DriftEstimate
from smlm_accessor.timeline import Timeline, Windows

_FAR = 12.0  # usual steps, robust standard deviations: a random walk takes none so long
_SIDE = 5  # windows before a jump, and after it, whose median drift is compared


class JumpRange(NamedTuple):
    """Indices of the frames that a jump is in, and the drift before and after."""

    start: int
    stop: int
    before: FloatArray
    after: FloatArray


def jump_ranges(estimate: DriftEstimate, windows: Windows, known) -> list[JumpRange]:
    """Return the ranges of frames that hold a jump that is not known yet.

    A jump is where the medians of the drift of five windows before and after differ by more than 12
    standard deviations of such differences, estimated from their median absolute value. It lies
    within three windows, around the largest step from one window to the next.
    """
    from smlm_accessor.kernels.time_series.breaks import find_breaks
    bounds, n, ranges = windows.bounds, len(windows), []
    free = np.isin(windows.timeline.frames[bounds[:-1]], known)
    for b in find_breaks(windows.mean_frame, estimate.value, estimate.variance, free):
        low, high = max(b.at - _AROUND, 0), min(b.at + _AROUND, n - 1)
        start, stop = int(bounds[low]), int(bounds[high + 1])
        before, after = estimate.drift[start:stop].copy(), estimate.drift[start:stop].copy()
        before[bounds[max(b.at - 1, 0)] - start :] = b.before
        after[: bounds[min(b.at + 2, n)] - start] = b.after
        ranges.append(JumpRange(start, stop, before, after))
    return ranges


_AROUND = 5
_STATE = 12.0  # log-likelihood that a level between two jumps has to gain

def place_jumps(ranges, estimate, windows, events, rows, told, sigma, kernel, threads):
    """Return the timeline with the jumps that the localizations themselves place, and the drift."""
    from smlm_accessor.kernels.density.pairs import Grid, densities
    timeline = windows.timeline
    drift = estimate.drift.copy()
    if not ranges:
        return told, drift
    groups = [[ranges[0]]]
    for r in ranges[1:]:
        if r.start < groups[-1][-1].stop:
            groups[-1].append(r)
        else:
            groups.append([r])
    inside = np.zeros(len(drift), dtype=bool)
    for g in groups:
        inside[max(g[0].start - LONGEST_BLINK, 0) : g[-1].stop + LONGEST_BLINK] = True
    use = ~inside[events.frame]
    where = ((events.positions - (drift - events.start)[events.frame]) / sigma)[use]
    variance = (1 / np.maximum(events.weight[use], 1 / 1.2))[:, None].repeat(len(sigma), axis=1)
    grid = Grid.over(where, float(np.sqrt(10 * 2.2 * kernel.factor + kernel.extra)))
    key = grid.key(where)
    order = np.argsort(key, kind="stable")
    where, variance, key = where[order], variance[order], key[order]
    jumps = []
    for g in groups:
        start, stop = g[0].start, g[-1].stop
        a, b = np.searchsorted(rows.frame, [start, stop])
        of_frame = rows.frame[a:b] - start
        n = stop - start
        levels = []
        for one, two in zip([None, *g], [*g, None]):
            level = estimate.drift[start:stop].copy()
            if one is not None:
                level[: one.start - start] = one.after[0]
                level[one.start - start : one.stop - start] = one.after
            if two is not None:
                inner = two.before
                if one is not None:  # between two breaks: each has its half
                    middle = (one.start + one.stop + two.start + two.stop) // 4
                    level[middle - start : two.stop - start] = inner[middle - two.start:] if middle >= two.start else inner[0]
                else:
                    level[two.start - start : two.stop - start] = inner
                level[two.stop - start :] = inner[-1]
            levels.append(level)
        total = np.zeros((len(levels), n + 1))
        for k, level in enumerate(levels):
            asked = (rows.positions[a:b] - level[of_frame]) / sigma
            found = np.zeros(len(asked))
            densities(key, where, variance, asked, grid.key(asked), grid.rows(), kernel.factor, kernel.extra, found)
            total[k, 1:] = np.cumsum(np.bincount(of_frame, np.log(1 + found / kernel.floor), n))
        best, path = _best_path(total)
        for k, frame in path:
            pass
        ends = [0, *(f for _, f in path[1:]), n]
        for (k, _), e0, e1 in zip(path, ends[:-1], ends[1:]):
            drift[start + e0 : start + e1] = levels[k][e0:e1]
        jumps += [timeline.frames[min(start + e, len(timeline.frames) - 1)] for e in ends[1:-1]]
    return told.with_jumps(np.union1d(told.jumps, np.array(jumps, dtype=np.int64))), drift


def _best_path(total):
    """Return the states in their order, the first and the last among them, and where each begins."""
    k, n = total.shape
    n -= 1
    # best[j, f]: largest sum over frames before f, in state j at the end
    best = np.full((k, n + 1), -np.inf)
    came = np.zeros((k, n + 1), dtype=np.int64)
    begin = np.zeros((k, n + 1), dtype=np.int64)
    best[0] = total[0]
    for j in range(1, k):
        cost = _STATE if j < k - 1 else 0.0
        top = np.full(n + 1, -np.inf)
        for i in range(j):
            gain = best[i] - total[j] - cost
            at = np.maximum.accumulate(gain)
            where = np.arange(n + 1)
            new = gain >= at
            where = np.maximum.accumulate(np.where(new, where, 0))
            better = at + total[j] > top
            top = np.where(better, at + total[j], top)
            came[j] = np.where(better, i, came[j])
            begin[j] = np.where(better, where, begin[j])
        best[j] = top
    path, j, f = [], k - 1, n
    while j > 0:
        path.append((j, int(begin[j, f])))
        j, f = int(came[j, f]), int(begin[j, f])
    path.append((0, 0))
    return best[k - 1, n], path[::-1]

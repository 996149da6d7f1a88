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


def jump_ranges(estimate: DriftEstimate, windows: Windows) -> list[JumpRange]:
    """Return the ranges of frames that hold a jump that is not known yet.

    A jump is where the medians of the drift of five windows before and after differ by more than 12
    standard deviations of such differences, estimated from their median absolute value. It lies
    within three windows, around the largest step from one window to the next.
    """
    known = np.flatnonzero(np.isfinite(estimate.value).all(axis=1))
    value, n = estimate.value[known], len(known)
    if n < 4 * _SIDE:
        return []
    sides = np.median(np.lib.stride_tricks.sliding_window_view(value, _SIDE, axis=0), axis=2)
    step = sides[_SIDE:] - sides[:-_SIDE]  # between the windows k + _SIDE - 1 and k + _SIDE
    step = step - np.median(step, axis=0)
    usual = np.median(np.abs(step), axis=0) / 0.6745
    segment = windows.segment[known]
    free = np.diff(segment, prepend=segment[:1]) > 0
    far = np.flatnonzero((np.abs(step) > _FAR * np.maximum(usual, 1e-300)).any(axis=1))
    bounds, ranges = windows.bounds, []
    for run in np.split(far, np.flatnonzero(np.diff(far) > 1) + 1):
        if not len(run) or free[run[0] : run[-1] + 2 * _SIDE].any():
            continue
        at = np.arange(run[0] + _SIDE // 2, min(run[-1] + 2 * _SIDE - _SIDE // 2, n - 1))
        steps = np.linalg.norm((value[at + 1] - value[at]) / usual, axis=1)
        k = int(at[np.argmax(steps)])
        a, b = max(k - 1, 0), min(k + 2, n - 1)
        before = np.median(value[max(a - _SIDE, 0) : a + 1], axis=0)
        after = np.median(value[b : b + _SIDE + 1], axis=0)
        ranges.append(JumpRange(int(bounds[known[a]]), int(bounds[known[b] + 1]), before, after))
    return ranges


def place_jumps(
    ranges: list[JumpRange],
    drift: FloatArray,
    localizations: CorrectedEvents,
    timeline: Timeline,
    width: FloatArray,
    threads: int | None,
) -> tuple[Timeline, FloatArray]:
    """Return the timeline with a jump in each range, and the drift with the jumps in it.

    Up to the jump, localizations overlap with others where the sample was; from then on, where it
    is: the frame is the change point of the difference of both weights. Each localization counts by
    itself, for a blink may go on while the sample jumps.

    Parameters
    ----------
    ranges : list of JumpRange
    drift : ndarray, shape (n_frames, d)
    localizations : CorrectedEvents
        Unmerged.
    timeline : Timeline
    width : ndarray, shape (d,)
        Of the kernel.
    threads : int, optional
    """
    before, after = drift.copy(), drift.copy()
    for r in ranges:
        before[r.start : r.stop], after[r.start : r.stop] = r.before, r.after
    density = Density(localizations, drift, width, threads)
    single = timeline.beginning(timeline.frames)
    # Where the sample was within a range is not known, and blinks may be as long.
    apart = [
        (max(r.start - LONGEST_BLINK, 0), min(r.stop + LONGEST_BLINK, len(drift))) for r in ranges
    ]
    stays = density.sums(before, single, apart=apart).weight
    moves = density.sums(after, single, apart=apart).weight
    jumps, drift = [], drift.copy()
    for r in ranges:
        gain = np.concatenate([[0.0], np.cumsum((stays - moves)[r.start : r.stop])])
        jump = r.start + int(np.argmax(gain))
        drift[r.start : jump], drift[jump : r.stop] = r.before, r.after
        if jump < len(drift):
            jumps.append(timeline.frames[jump])
    return timeline.with_jumps(np.union1d(timeline.jumps, jumps)), drift

"""Frames in which the stage jumped."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.blinks import Events
from smlm_accessor.kernels.density.tiles import Int32Array
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.overlap.solve import Solver, State
from smlm_accessor.timeline import Timeline, Windows

_FAR = 12.0  # usual steps
_SIDE = 5  # segments
#: Frames that a blink takes at most.
LONGEST_BLINK = 32


class JumpRange(NamedTuple):
    """Indices of the frames that a jump is in, and the drift before and after."""

    start: int
    stop: int
    before: FloatArray
    after: FloatArray


def place_jumps(
    ranges: list[JumpRange],
    state: State,
    timeline: Timeline,
    solver: Solver,
    widths: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Return the first frame after each jump, and the drift with the jumps at these frames.

    Parameters
    ----------
    ranges : list of JumpRange
    state : State
    timeline : Timeline
    solver : Solver
        Of single localizations, not of blinks: every frame counts.
    widths : ndarray, shape (d,)

    Returns
    -------
    jumps : ndarray
        Indices of frames.
    drift : ndarray, shape (n_frames, d)
    """
    before, after = state.drift.copy(), state.drift.copy()
    for w in ranges:
        before[w.start : w.stop], after[w.start : w.stop] = w.before, w.after
    single = timeline.beginning(timeline.frames)
    density = solver.density(state.drift, widths)
    # Where the sample was in a window is not known, and blinks may be as long.
    apart = [
        (max(w.start - LONGEST_BLINK, 0), min(w.stop + LONGEST_BLINK, len(before))) for w in ranges
    ]
    stays = solver.sums(density, before, single, apart=apart).weight
    moves = solver.sums(density, after, single, apart=apart).weight
    jumps, drift = [], state.drift.copy()
    for w in ranges:
        a, b = w.start, w.stop
        # Up to the jump, localizations overlap where the sample was; from then on, where it is.
        jump = a + change_point(stays[a:b] - moves[a:b])
        drift[a:jump], drift[jump:b] = before[a:jump], after[jump:b]
        jumps.append(jump)
    inside = [j for j in jumps if 0 < j < len(drift)]
    return np.unique(np.array(inside, dtype=np.int64)), drift


def single_localizations(positions: FloatArray, frame: Int32Array, start: FloatArray) -> Events:
    """Return every localization as an event of its own."""
    weight = np.ones(len(frame), dtype=np.float32)
    return Events(positions - start[frame], frame, weight, 1)


def jump_ranges(state: State, windows: Windows) -> list[JumpRange]:
    """Return the ranges of frames that hold a jump each, and where the sample was and is."""
    assert state.value is not None
    known = np.flatnonzero(np.isfinite(state.value).all(axis=1))
    value, n = state.value[known], len(known)
    if n < 4 * _SIDE:
        return []
    # Medians over some segments before, and after: the jump itself may have spoiled a few.
    sides = np.median(np.lib.stride_tricks.sliding_window_view(value, _SIDE, axis=0), axis=2)
    step = sides[_SIDE:] - sides[:-_SIDE]  # between the segments k + _SIDE - 1 and k + _SIDE
    step = step - np.median(step, axis=0)
    usual = np.median(np.abs(step), axis=0) / 0.6745
    segment = windows.segment[known]
    free = np.diff(segment, prepend=segment[:1]) > 0
    far = np.asarray((np.abs(step) > _FAR * np.maximum(usual, 1e-300)).any(axis=1))
    first, ranges = windows.bounds, []
    for run in runs(far):
        if free[run[0] : run[-1] + 2 * _SIDE].any():
            continue
        # Of the steps from one segment to the next, the largest is where it jumped.
        at = np.arange(run[0] + _SIDE // 2, min(run[-1] + 2 * _SIDE - _SIDE // 2, n - 1))
        steps = np.linalg.norm((value[at + 1] - value[at]) / usual, axis=1)
        k = int(at[np.argmax(steps)])
        a, b = max(k - 1, 0), min(k + 2, n - 1)
        ranges.append(
            JumpRange(
                int(first[known[a]]),
                int(first[known[b] + 1]),
                np.median(value[max(a - _SIDE, 0) : a + 1], axis=0),
                np.median(value[b : b + _SIDE + 1], axis=0),
            )
        )
    return ranges

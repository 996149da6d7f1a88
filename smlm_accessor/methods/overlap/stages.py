"""From points to drift per segment: start, blinks, wide and narrow kernels, jumps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.blinks import Events, find_events
from smlm_accessor.kernels.density.tiles import Float32Array, Int32Array, sort_into_tiles
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.coarse.tracker import Coarse
from smlm_accessor.methods.overlap.jumps import (
    LONGEST_BLINK,
    jump_ranges,
    place_jumps,
    single_localizations,
)
from smlm_accessor.methods.overlap.solve import WIDE, NoEvidenceError, Solver, State
from smlm_accessor.timeline import Timeline, Windows

N_STAGES = 4
_FIRST_SEGMENTS = 2000
_MOST_SEGMENTS = 20_000
_PER_SMOOTHING_TIME = 6  # segments
_TILE = 100.0  # precisions
_LIGHTEST, _HEAVIEST = 0.01, 10.0
_MOST_ATTEMPTS = 3


@dataclass(frozen=True)
class TimedPoints:
    """Localizations with the index of their frame, and all frames.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    frame : ndarray of int32, shape (n,)
        Index into ``frames``.
    weight : ndarray of float32, shape (n,)
    timeline : Timeline
        The frames that have localizations.
    """

    positions: FloatArray
    frame: Int32Array
    weight: Float32Array
    timeline: Timeline

    def events(self, drift: FloatArray, precision: FloatArray, piece: IntArray) -> Events:
        """Return the blinks, corrected for drift; none goes on from one piece to the next."""
        return find_events(
            sort_into_tiles(
                self.positions,
                self.frame,
                self.weight,
                drift,
                size=_TILE * precision,
                halo=np.zeros(len(precision)),
            ),
            self.timeline.frames,
            precision=precision,
            longest=LONGEST_BLINK,
            piece=piece,
        )


@dataclass(frozen=True)
class Estimate:
    """Drift of the windows of a timeline.

    Parameters
    ----------
    state : State
    windows : Windows
    chosen : dict
        Plain JSON values.
    """

    state: State
    windows: Windows
    chosen: dict[str, Any]


def timed(localizations: ChunkedLocalizations, precision: FloatArray) -> TimedPoints:
    """Return the localizations with the index of their frame, and what each is worth."""
    timeline = Timeline.of(localizations.frames, localizations.jumps)
    frame = timeline.of_rows.astype(np.int32)
    weight = np.ones(len(frame), dtype=np.float32)
    if localizations.uncertainty is not None:
        known = (localizations.uncertainty[:, :2] > 0).all(axis=1)
        relative = (precision / localizations.uncertainty[known])[:, :2].mean(axis=1) ** 2
        weight[known] = np.clip(relative, _LIGHTEST, _HEAVIEST)
    return TimedPoints(localizations.positions, frame, weight, timeline)


def _start(found: Coarse, timeline: Timeline) -> FloatArray:
    """Return the coarse drift in each frame; nothing is interpolated across a jump."""
    frames = timeline.frames
    start = np.empty((len(frames), found.drift.shape[1]))
    jumps = np.union1d(found.jumps, timeline.jumps)
    piece = np.searchsorted(jumps, frames, side="right")
    of_segment = np.searchsorted(jumps, found.middle, side="right")
    for k in np.unique(piece):
        asked, use = piece == k, found.valid & (of_segment == k)
        use = use if use.any() else found.valid
        for axis, x in enumerate(found.drift[use].T):
            start[asked, axis] = np.interp(frames[asked], found.middle[use], x)
    return start


def _starts(localizations: ChunkedLocalizations) -> IntArray:
    """Return the first row of each chunk that has any."""
    return localizations.bounds[:-1][np.diff(localizations.bounds) > 0]


def estimate(
    localizations: ChunkedLocalizations, precision: FloatArray, *, given: bool, threads: int | None
) -> Iterator[Estimate | None]:
    """Yield nothing after each stage but the last, and then the estimate.

    Raises
    ------
    NoEvidenceError
        If localizations do not lie on those of other times.
    """
    found = coarse(localizations, precision, threads=threads)
    if found.valid.sum() < 2:
        raise NoEvidenceError
    rows = timed(localizations, precision)
    timeline = rows.timeline
    frames = timeline.frames
    start = _start(found, timeline)
    extent = int(frames[-1] - frames[0]) + 1
    if given:
        windows = timeline.beginning(localizations.frames[_starts(localizations)])
    else:
        windows = timeline.regular(-(-extent // _FIRST_SEGMENTS))
    yield None
    wide = np.full(len(precision), WIDE)
    length = 0
    for attempt in range(_MOST_ATTEMPTS):
        piece = windows.of_frame if given else windows.timeline.segment
        events = rows.events(start, precision, piece)
        solver = Solver(events, start, precision, threads)
        state = solver.settle(
            State(start), windows, solver.density(start, wide), rounds=3, settled=0.3
        )
        if given or attempt == _MOST_ATTEMPTS - 1:
            break
        ranges = jump_ranges(state, windows)
        if not ranges:
            break
        single = single_localizations(rows.positions, rows.frame, start)
        by_frame = Solver(single, start, precision, threads)
        more, moved = place_jumps(ranges, state, timeline, by_frame, wide)
        if not len(more):
            break
        timeline, start = timeline.with_jumps(np.union1d(timeline.jumps, frames[more])), moved
        windows = timeline.regular(-(-extent // _FIRST_SEGMENTS))
    yield None
    if not given:
        wanted = state.smoothing_time(windows) / _PER_SMOOTHING_TIME
        length = max(int(wanted), -(-extent // _MOST_SEGMENTS), 1)
        windows = timeline.regular(length)
    density = solver.narrow(state, windows)
    yield None
    # A few chunks cost little, and whoever gives them may compare them.
    rounds, settled = (50, 1e-4) if given else (8, 0.05)
    state = solver.settle(state, windows, density, rounds=rounds, settled=settled)
    chosen: dict[str, Any] = {
        "kernel_width": [float(w) for w in density.width],
        "blink_frames": events.lifetime,
        "smoothing_frames": state.smoothing_time(windows),
        "noise_factor": [float(t.noise) for t in state.trends],
        "walk_per_frame": [float(t.walk) for t in state.trends],
        "bend_per_frame": [float(t.bend) for t in state.trends],
        "coarse": found.chosen,
    }
    if not given:
        chosen["frames_per_chunk"] = length
        chosen["jumps"] = timeline.jumps.tolist()
    yield Estimate(state, windows, chosen)

"""Where the stage jumps: segments that lost their place, and cuts at the frame of the jump."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.plan import Plan
from smlm_accessor.timeline import Windows

# Segments whose localizations lie on less than this part of the usual number may be elsewhere.
_LOW = 0.6
# A jump is so many smoothing lengths, and so many usual steps.
_LENGTHS = 3.0
_STEPS = 10.0
_NEAR = 2.0
# Segments from whose slope the drift is continued to a jump.
_SLOPE = 4


class Cut(NamedTuple):
    """Segments that end at jumps, where they start from, and those beside jumps."""

    segments: Windows
    drift: FloatArray
    beside: BoolArray
    jumps: IntArray  # first frame after each


def rescued(plan: Plan, segments: Windows, aligned: Aligned, smoothing: FloatArray) -> Aligned:
    """Try the place of what is before and after, where localizations lie on too few others."""
    usual = np.median(aligned.overlap[aligned.valid]) if aligned.valid.any() else 0.0
    good = aligned.valid & (aligned.overlap >= _LOW * usual)
    lost = np.flatnonzero(~good & (segments.counts > 0))
    known = np.flatnonzero(good)
    if not len(lost) or len(known) < 2:
        return aligned
    after = np.searchsorted(known, lost)
    blocks = [known[np.clip(at, 0, len(known) - 1)] for at in (after - 1, after)]
    base = np.where(aligned.valid[:, None], aligned.drift, 0.0)
    base[lost] = np.where(aligned.valid[lost, None], aligned.drift[lost], base[blocks[0]])
    drift, overlap = base.copy(), np.where(aligned.valid, aligned.overlap, 0.0)
    for place in blocks:
        tried = base.copy()
        tried[lost] = aligned.drift[place]
        found = plan.resume(segments, tried, smoothing)
        better = lost[found.valid[lost] & (found.overlap[lost] > overlap[lost])]
        drift[better], overlap[better] = found.drift[better], found.overlap[better]
    return plan.resume(segments, drift, smoothing)


def cut_at_jumps(plan: Plan, segments: Windows, aligned: Aligned, smoothing: FloatArray) -> Cut:
    """Let segments end at the very frame of a jump."""
    timeline = segments.timeline
    valid = np.flatnonzero(aligned.valid)
    drift = segments.mean(segments.curve(aligned.drift, aligned.valid))
    drift = np.where(aligned.valid[:, None], aligned.drift, drift)
    beside = np.zeros(len(segments), dtype=bool)
    jumps = _jumps(aligned.drift[valid], smoothing)
    if not len(jumps):
        return Cut(segments, drift, beside, timeline.jumps)
    found: list[int] = []
    edges, values, next_to = list(segments.edges[:-1]), list(drift), list(beside)
    sample = plan.sample.timeline.cut(segments.edges)
    sample_curve = sample.shape(drift, aligned.valid, beside)
    for jump in jumps[::-1]:
        i, j = int(valid[jump]), int(valid[jump + 1])
        # What was known of the two was blurred by the other side.
        before, after = drift[max(i - 1, 0)], drift[min(j + 1, len(drift) - 1)]
        of = sample.of_frame[plan.sample.frame_of]
        rows = ((of < i) | (of > j)) & aligned.valid[of]
        if not rows.any():
            continue
        reference = (plan.sample.positions - sample_curve[plan.sample.frame_of])[rows]
        tree = cKDTree(reference / smoothing)
        frame = timeline.known_jump(segments.edges[i], segments.edges[j + 1])
        if frame is None:
            frame = _frame_of_jump(plan, segments, tree, (i, j), (before, after), smoothing)
        if not segments.edges[i] < frame < segments.edges[j + 1]:
            continue
        found.append(frame)
        edges[i : j + 1] = [segments.edges[i], frame]
        values[i : j + 1] = [before, after]
        next_to[i : j + 1] = [True, True]
    new = timeline.cut(np.append(edges, segments.edges[-1]).astype(np.int64))
    jumps = np.union1d(timeline.jumps, np.array(found, dtype=np.int64))
    return Cut(new, np.array(values), np.array(next_to, dtype=bool), jumps)


def _jumps(drift: FloatArray, smoothing: FloatArray) -> IntArray:
    steps = np.abs(np.diff(drift, axis=0) / smoothing).max(axis=1, initial=0.0)
    if len(steps) < 4:
        return np.zeros(0, dtype=np.int64)
    large = steps > max(_LENGTHS, _STEPS * float(np.median(steps)))
    # Segments beside a jump lie somewhere between: of steps in a row, the largest.
    return np.array([run[np.argmax(steps[run])] for run in runs(large)], dtype=np.int64)


def _frame_of_jump(
    plan: Plan,
    segments: Windows,
    tree: cKDTree,
    around: tuple[int, int],
    drift: tuple[FloatArray, FloatArray],
    smoothing: FloatArray,
) -> int:
    """Return the first frame in which more localizations lie on others as if after the jump."""
    i, j = around
    of = segments.of_frame[plan.aligner.frame_of]
    rows = np.flatnonzero((of >= i) & (of <= j))
    near = [
        tree.query_ball_point(
            (plan.aligner.positions[rows] - side) / smoothing, _NEAR, return_length=True
        )
        for side in drift
    ]
    frames, at = np.unique(plan.localizations.frames[rows], return_inverse=True)
    gain = np.bincount(at, weights=np.asarray(near[0] - near[1], dtype=np.float64))
    best = change_point(gain)
    return int(frames[best]) if best < len(frames) else int(frames[-1]) + 1


def with_edges(segments: Windows, aligned: Aligned, beside: BoolArray) -> tuple[Windows, Aligned]:
    """Give the last frame before a jump, and the first after it, segments of their own.

    They share what is known of their longer neighbours. So nothing is interpolated across a jump
    but between two frames.
    """
    frames = segments.timeline.frames
    edges: list[int] = []
    source: list[int] = []
    change: list[FloatArray] = []
    still = np.zeros(aligned.drift.shape[1])
    for i in range(len(segments)):
        first, last = segments.edges[i], segments.edges[i + 1]
        inside = frames[(frames >= first) & (frames < last)]
        pair_before = beside[i] and i > 0 and beside[i - 1] and aligned.valid[[i - 1, i]].all()
        pair_after = (
            beside[i]
            and i + 1 < len(segments)
            and beside[i + 1]
            and aligned.valid[[i, i + 1]].all()
        )
        pieces = [(int(first), still)]
        if len(inside) >= 3 and pair_before:
            slope = _slope(segments, aligned, np.arange(i, min(i + _SLOPE, len(segments))), beside)
            pieces[0] = (int(first), slope * (inside[0] - segments.mean_frame[i]))
            pieces.append((int(inside[0]) + 1, still))
        if len(inside) >= 3 and pair_after:
            slope = _slope(segments, aligned, np.arange(max(i - _SLOPE + 1, 0), i + 1), beside)
            pieces.append((int(inside[-1]), slope * (inside[-1] - segments.mean_frame[i])))
        for edge, moved in pieces:
            edges.append(edge)
            source.append(i)
            change.append(moved)
    if len(source) == len(segments):
        return segments, aligned
    new = segments.timeline.cut(np.append(edges, segments.edges[-1]).astype(np.int64))
    return new, aligned._replace(
        drift=aligned.drift[source] + np.array(change),
        variance=aligned.variance[source],
        sharpness=aligned.sharpness[source],
        overlap=aligned.overlap[source],
        valid=aligned.valid[source],
    )


def _slope(segments: Windows, aligned: Aligned, run: IntArray, beside: BoolArray) -> FloatArray:
    """Return the slope of the drift over some segments on one side of a jump."""
    run = run[aligned.valid[run]]
    if len(run) < 3 or beside[run].sum() > 1:
        return np.zeros(aligned.drift.shape[1])
    t = segments.mean_frame[run] - segments.mean_frame[run].mean()
    return np.asarray(t @ aligned.drift[run] / (t @ t))

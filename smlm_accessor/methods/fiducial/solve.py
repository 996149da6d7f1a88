"""The common motion of beads in segments, and how long these should be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.beads.consensus import Consensus, consensus
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.kernels.time_series.window_length import longer_by
from smlm_accessor.methods.fiducial.find import Beads
from smlm_accessor.timeline import Timeline, Windows

_FIRST = 500
_MOST = 5000
_ROUNDS = 6
_SIMILAR = (0.75, 1.25)
# A segment counts if beads are seen in this part of its frames.
_SEEN = 0.5
# A jump is so many times as large as the usual step, and as chance.
_JUMP = 10.0


class Solved(NamedTuple):
    """Common motion of ``b`` beads in ``k`` segments.

    ``drift``, ``variance`` and ``shot``, the part of it that is from jitter, have shape (k, d);
    ``valid`` and ``beads``, how many contribute, (k,); ``place`` (b, d) and ``weight`` (b,).
    """

    drift: FloatArray
    variance: FloatArray
    shot: FloatArray
    valid: BoolArray
    beads: FloatArray
    place: FloatArray
    weight: FloatArray


def solve(
    positions: FloatArray,
    beads: Beads,
    segments: Windows,
    *,
    threads: int | None = 1,
    progress: bool = False,
) -> Solved:
    """Return the common motion of the beads in segments."""
    k, b, d = len(segments), len(beads.presence), positions.shape[1]
    frame = segments.timeline.of_rows[beads.row]
    cell = segments.of_frame[frame] * b + beads.bead
    counts = np.bincount(cell, minlength=k * b).reshape(k, b)
    n_frames = np.bincount(segments.of_frame, minlength=k)
    # What is seen less often is chance.
    counts = np.where(counts >= _SEEN * n_frames[:, None], counts, 0)

    def along(axis: int) -> Consensus:
        x = positions[beads.row, axis]
        sums = np.bincount(cell, weights=x, minlength=k * b).reshape(k, b)
        return consensus(sums / np.maximum(counts, 1), counts, jitter(x, frame, beads.bead, b))

    axes = map_threads(
        along, range(d), threads=threads, progress=progress, description="beads, by axis"
    )
    drift, variance, shot, place, _, weight = (
        np.stack(f, axis=-1) for f in zip(*axes, strict=True)
    )
    valid = np.isfinite(drift).all(axis=1)
    first = drift[valid][0] if valid.any() else np.zeros(d)
    seen = (counts > 0).sum(axis=1).astype(np.float64)
    return Solved(drift, variance, shot, valid, seen, place + first, weight.mean(axis=1))


def jitter(x: FloatArray, frame: IntArray, bead: IntArray, b: int) -> FloatArray:
    """Return the variance of a localization of each bead, from frame to frame."""
    out = np.zeros(b)
    for i in range(b):
        rows = bead == i
        steps = np.diff(x[rows])[np.diff(frame[rows]) == 1]
        if len(steps):
            out[i] = (np.median(np.abs(steps)) / 0.6745) ** 2 / 2
    usual = float(np.median(out[out > 0])) if (out > 0).any() else 1.0
    return np.where(out > 0, out, usual)


def choose_segments(
    positions: FloatArray, beads: Beads, timeline: Timeline
) -> tuple[Windows, IntArray]:
    """Choose how long segments are, by the jitter of the beads, and find jumps."""
    m = len(timeline.frames)
    most = min(_MOST, m)
    segments = timeline.evenly(min(_FIRST, most))
    refined = False
    for _ in range(_ROUNDS):
        solved = solve(positions, beads, segments)
        factor = longer_by(solved.drift, solved.shot, solved.valid)
        k = int(np.clip(round(len(segments) / factor), min(8, m), most))
        coarser = k < len(segments)
        if _SIMILAR[0] < k / len(segments) < _SIMILAR[1] or (coarser and refined):
            break
        refined = refined or not coarser
        segments = timeline.evenly(k)
    return cut_at_jumps(positions, beads, segments)


def cut_at_jumps(
    positions: FloatArray, beads: Beads, segments: Windows
) -> tuple[Windows, IntArray]:
    """Let segments end at the very frame in which all beads jump; return these frames, too.

    The frames next to a jump become segments of their own, so that nothing is interpolated across
    it but between the two.
    """
    solved, timeline = solve(positions, beads, segments), segments.timeline
    valid = np.flatnonzero(solved.valid)
    drift, variance = solved.drift[valid], solved.shot[valid]
    steps = np.abs(np.diff(drift, axis=0))
    if len(steps) < 4:
        return segments, timeline.jumps
    chance = np.sqrt(variance[1:] + variance[:-1])
    far = (steps > _JUMP * np.maximum(np.median(steps, axis=0), chance)).any(axis=1)
    of_row = timeline.of_rows[beads.row]
    still = positions[beads.row] - solved.place[beads.bead] + drift[0]
    edges, found = set(segments.edges.tolist()), set(timeline.jumps.tolist())
    for jump in np.flatnonzero(far):
        i, j = valid[jump], valid[jump + 1]
        first, last = np.searchsorted(timeline.frames, [segments.edges[i], segments.edges[j + 1]])
        known = timeline.known_jump(segments.edges[i], segments.edges[j + 1])
        if known is not None:
            continue  # segments begin there
        rows = (of_row >= first) & (of_row < last)
        as_after = ((still[rows] - drift[jump + 1]) ** 2).sum(axis=1)
        as_before = ((still[rows] - drift[jump]) ** 2).sum(axis=1)
        gain = np.bincount(of_row[rows] - first, weights=as_after - as_before)
        cut = first + change_point(gain)
        edges -= set(segments.edges[i + 1 : j + 1].tolist())
        near = np.arange(max(cut - 1, first), min(cut + 2, last))
        edges |= set(timeline.frames[near].tolist())
        found.add(int(timeline.frames[min(cut, last - 1)]))
    jumps = np.array(sorted(found), dtype=np.int64)
    return timeline.cut(np.array(sorted(edges), dtype=np.int64)), jumps

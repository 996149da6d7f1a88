"""The common motion of beads in windows, and how long these should be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.beads.consensus import Consensus, consensus
from smlm_accessor.kernels.neighbours.nena import MEDIAN_OF_NORMAL
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.kernels.time_series.window_length import FEWEST, ROUNDS, SIMILAR, longer_by
from smlm_accessor.methods.fiducial.find import Beads
from smlm_accessor.timeline import Timeline, Windows

_FIRST = 500  # windows
_MOST = 5000  # windows
# A window counts if beads are seen in this part of its frames.
_SEEN = 0.5
_TURNS = 3  # of the drift, and the motion within windows that it says
# A jump is so many times as large as the usual step, and as chance.
_JUMP = 10.0


class CommonMotion(NamedTuple):
    """Common motion of ``b`` beads in ``k`` windows.

    ``drift``, ``variance`` and ``shot``, the part of it that is from jitter, have shape (k, d);
    ``valid`` and ``n_beads``, how many contribute, (k,); ``place`` (b, d) in the first window that
    is valid, ``weight`` (b,), and ``jitter`` (b, d), the variance of a localization of each bead;
    ``loose`` (b,), whether it moves more than the others along any axis, and ``wander`` (b, d) its
    own motion, a variance; ``means`` (k, b, d) and ``counts`` (k, b) of the localizations of each
    bead in each window.
    """

    drift: FloatArray
    variance: FloatArray
    shot: FloatArray
    valid: BoolArray
    n_beads: FloatArray
    place: FloatArray
    weight: FloatArray
    jitter: FloatArray
    loose: BoolArray
    wander: FloatArray
    means: FloatArray
    counts: IntArray


def common_motion(
    positions: FloatArray,
    beads: Beads,
    windows: Windows,
    *,
    threads: int | None = 1,
    progress: bool = False,
) -> CommonMotion:
    """Return the common motion of the beads in windows; see `consensus`."""
    k, b, d = len(windows), len(beads.paths), positions.shape[1]
    timeline = windows.timeline
    frame = timeline.of_rows[beads.row]
    of_window = windows.of_frame[frame]
    cell = of_window * b + beads.bead
    counts = np.bincount(cell, minlength=k * b).reshape(k, b)
    # What is seen less often is chance.
    expected = np.bincount(windows.of_frame, minlength=k)[:, None]
    often = counts >= _SEEN * (expected if beads.rate is None else expected * beads.rate)
    used = np.where(often, counts, 0)

    n_rows = np.maximum(counts.sum(axis=1), 1)
    times, middle = timeline.frames[frame], windows.mean_frame

    def along(axis: int) -> tuple[Consensus, FloatArray, FloatArray]:
        x = positions[beads.row, axis]
        jitter = _jitter(x, None if beads.trace is not None else frame, beads.bead, b)
        moved = np.zeros(len(x))
        for _ in range(1 if beads.trace is None else _TURNS):
            means = np.bincount(cell, x - moved, k * b).reshape(k, b) / np.maximum(counts, 1)
            found = consensus(means, used, jitter, middle)
            if beads.trace is not None:  # each has times of its own in a window
                seen = np.isfinite(found.drift)
                course = np.interp(times, middle[seen], found.drift[seen])
                moved = course - (np.bincount(of_window, course, k) / n_rows)[of_window]
        return found, jitter, means

    axes = map_threads(
        along, range(d), threads=threads, progress=progress, description="beads, by axis"
    )
    found, jitter, means = zip(*axes, strict=True)
    drift, variance, shot, place, wander, weight, loose = (
        np.stack(f, axis=-1) for f in zip(*found, strict=True)
    )
    valid = np.isfinite(drift).all(axis=1)
    first = drift[valid][0] if valid.any() else np.zeros(d)
    n_beads = (used > 0).sum(axis=1).astype(np.float64)
    return CommonMotion(
        drift, variance, shot, valid, n_beads, place + first, weight.mean(axis=1),
        np.stack(jitter, axis=-1), np.asarray(loose.any(axis=-1)), wander,
        np.stack(means, axis=-1), counts,
    )  # fmt: skip


def stray(motion: CommonMotion) -> FloatArray:
    """Return how far each bead strays from the common motion in x and y, shape (b,).

    The root mean square over its localizations of the residual of the mean of its window, along one
    axis; NaN of a single bead, whose own motion and the drift cannot be separated.
    """
    if len(motion.place) < 2:
        return np.full(len(motion.place), np.nan)
    known = np.flatnonzero(motion.valid)
    moved = motion.drift[known] - motion.drift[known[:1]]
    residual = (motion.means[known] - moved[:, None] - motion.place)[:, :, :2]
    weight = motion.counts[known]
    square = (weight[:, :, None] * residual**2).sum(axis=(0, 2))
    return np.asarray(np.sqrt(square / (2 * np.maximum(weight.sum(axis=0), 1))))


def _jitter(x: FloatArray, frame: IntArray | None, bead: IntArray, b: int) -> FloatArray:
    """Return the variance of a localization of each bead, from steps between successive frames.

    Without frames from second differences, to which even motion adds nothing: there is more time
    between localizations.
    """
    out = np.zeros(b)
    for i in range(b):
        rows = bead == i
        if frame is None:
            steps, variance = np.diff(x[rows], n=2), 6.0
        else:
            steps, variance = np.diff(x[rows])[np.diff(frame[rows]) == 1], 2.0
        if len(steps):
            out[i] = (np.median(np.abs(steps)) / MEDIAN_OF_NORMAL) ** 2 / variance
    usual = float(np.median(out[out > 0])) if (out > 0).any() else 1.0
    return np.where(out > 0, out, usual)


def choose_windows(
    positions: FloatArray, beads: Beads, timeline: Timeline
) -> tuple[Windows, IntArray]:
    """Choose how long windows are, by the jitter of the beads, and find jumps."""
    most = min(_MOST, len(timeline.frames))
    if beads.rate is not None:  # beads can be compared where each is seen
        most = min(most, int(np.median(np.bincount(beads.bead))))
    fewest = min(FEWEST, most)
    windows = timeline.evenly(min(_FIRST, most))
    refined = False
    for _ in range(ROUNDS):
        motion = common_motion(positions, beads, windows)
        factor = longer_by(motion.drift, motion.shot, motion.valid)
        k = int(np.clip(round(len(windows) / factor), fewest, most))
        coarser = k < len(windows)
        if SIMILAR[0] < k / len(windows) < SIMILAR[1] or (coarser and refined):
            break
        refined = refined or not coarser
        windows = timeline.evenly(k)
    return cut_at_jumps(positions, beads, windows)


def cut_at_jumps(positions: FloatArray, beads: Beads, windows: Windows) -> tuple[Windows, IntArray]:
    """Let windows end at the very frame in which all beads jump; return these frames, too.

    The frames next to a jump become windows of their own, so that nothing is interpolated across
    it but between the two.
    """
    motion, timeline = common_motion(positions, beads, windows), windows.timeline
    valid = np.flatnonzero(motion.valid)
    drift, variance = motion.drift[valid], motion.shot[valid]
    steps = np.abs(np.diff(drift, axis=0))
    if len(steps) < 4:
        return windows, timeline.jumps
    chance = np.sqrt(variance[1:] + variance[:-1])
    far = (steps > _JUMP * np.maximum(np.median(steps, axis=0), chance)).any(axis=1)
    of_row = timeline.of_rows[beads.row]
    still = positions[beads.row] - motion.place[beads.bead] + drift[0]
    edges, found = set(windows.edges.tolist()), set(timeline.jumps.tolist())
    for jump in np.flatnonzero(far):
        i, j = valid[jump], valid[jump + 1]
        first, last = np.searchsorted(timeline.frames, [windows.edges[i], windows.edges[j + 1]])
        known = timeline.known_jump(windows.edges[i], windows.edges[j + 1])
        if known is not None:
            continue  # windows begin there
        rows = (of_row >= first) & (of_row < last)
        as_after = ((still[rows] - drift[jump + 1]) ** 2).sum(axis=1)
        as_before = ((still[rows] - drift[jump]) ** 2).sum(axis=1)
        gain = np.bincount(of_row[rows] - first, weights=as_after - as_before)
        cut = first + change_point(gain)
        edges -= set(windows.edges[i + 1 : j + 1].tolist())
        near = np.arange(max(cut - 1, first), min(cut + 2, last))
        edges |= set(timeline.frames[near].tolist())
        found.add(int(timeline.frames[min(cut, last - 1)]))
    jumps = np.array(sorted(found), dtype=np.int64)
    return timeline.cut(np.array(sorted(edges), dtype=np.int64)), jumps

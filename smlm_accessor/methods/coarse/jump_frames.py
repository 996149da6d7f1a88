"""Steps of the stage, to the frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.aim.sparse_image import Image, Kernel, WindowDrift
from smlm_accessor.methods.aim.sparse_image import gradient_sums as pulls

_FAR = 2.0  # cells
_UNUSUAL = 8.0  # usual steps from segment to segment
_STAYS = 4  # segments
_LONGEST = 3  # segments that a step may take
_AT_END = 0.1  # of the frames of the segments beside a step
_AROUND = 4  # segments
_WIDTH = 0.6  # of the kernel, in cells


def steps_of(drift: FloatArray) -> list[tuple[int, int]]:
    """Return the segments before and after each step that continuous drift would not take.

    Parameters
    ----------
    drift : ndarray, shape (k, 3)
        In cells; NaN where unknown.

    Examples
    --------
    >>> x = np.array([0.0, 0.1, 0.2, 9.0, 15.0, 15.1, 15.2])
    >>> steps_of(np.column_stack([x, x, x]))
    [(2, 4)]
    """
    known = np.flatnonzero(np.isfinite(drift).all(axis=1))
    if len(known) < 3:
        return []
    length = np.abs(np.diff(drift[known], axis=0)).max(axis=1)
    found = []
    for group in runs(length > max(_FAR, _UNUSUAL * float(np.median(length)))):
        before, after = int(known[group[0]]), int(known[group[-1] + 1])
        # What steps back soon was a segment that went astray.
        earlier = np.median(drift[known[max(group[0] - _STAYS, 0) : group[0] + 1]], axis=0)
        later = np.median(drift[known[group[-1] + 1 : group[-1] + 2 + _STAYS]], axis=0)
        if len(group) <= _LONGEST and np.abs(later - earlier).max() > 0.5 * length[group].max():
            found.append((before, after))
    return found


def with_jumps(
    arrays: tuple[Any, ...],
    edges: IntArray,
    motion: WindowDrift,
    evidence: FloatArray,
    scale: FloatArray,
    given: IntArray | None = None,
) -> tuple[IntArray, WindowDrift, FloatArray, IntArray]:
    """Return segments that begin where the stage jumps, and where that is; some may be known."""
    known = np.empty(0, np.int64) if given is None else np.intersect1d(given, edges[1:-1])
    steps = [s for s in steps_of(motion.drift * scale) if not _bridges(s, edges, known)]
    if not steps:
        return edges, motion, evidence, known
    image = Image(scale)
    image.add(arrays, motion)
    kernel = Kernel((1, 1, int(scale[2] > 0)), np.where(scale > 0, _WIDTH**-2, 0.0), 0.5)
    drift, jumps, uncut = motion.drift, [], edges
    for before, after in reversed(steps):
        jump = located(arrays, uncut, motion, image, kernel, (before, after))
        segment = int(np.searchsorted(edges, jump)) - 1
        low, high = min(before, segment), max(after, segment)
        jump = int(np.clip(jump, edges[low] + 1, edges[high + 1] - 1))
        jumps.append(jump)
        pair = [before, after]
        edges = np.concatenate([edges[: low + 1], [jump], edges[high + 1 :]])
        drift = np.concatenate([drift[:low], drift[pair], drift[high + 1 :]])
        evidence = np.concatenate([evidence[:low], evidence[pair], evidence[high + 1 :]])
    found = np.union1d(known, np.array(jumps, dtype=np.int64))
    return edges, replace(WindowDrift.at_rest(arrays[1], edges), drift=drift), evidence, found


def _bridges(step: tuple[int, int], edges: IntArray, known: IntArray) -> bool:
    before, after = step
    return bool(((known > edges[before]) & (known < edges[after + 1])).any())


def located(
    arrays: tuple[Any, ...],
    edges: IntArray,
    motion: WindowDrift,
    image: Image,
    kernel: Kernel,
    step: tuple[int, int],
) -> int:
    """Return the first frame after a step: the likeliest, all frames before and after together.

    If it seems to be at an end of the two segments, those around them may be on the wrong side.
    """
    jump = _located(arrays, edges, motion, image, kernel, step, step)
    first, stop = edges[step[0]], edges[step[1] + 1]
    if min(jump - first, stop - jump) > _AT_END * (stop - first):
        return jump
    last = len(motion.middle) - 1
    around = max(step[0] - _AROUND, 0), min(step[1] + _AROUND, last)
    return _located(arrays, edges, motion, image, kernel, step, around)


def _located(
    arrays: tuple[Any, ...],
    edges: IntArray,
    motion: WindowDrift,
    image: Image,
    kernel: Kernel,
    step: tuple[int, int],
    around: tuple[int, int],
) -> int:
    before, after = around
    rows = slice(int(motion.bounds[before]), int(motion.bounds[after + 1]))
    frames = np.unique(arrays[1][rows])
    cut = np.append(frames, edges[after + 1])
    single = WindowDrift.at_rest(arrays[1], cut)
    left_out = np.repeat([[rows.start, rows.stop]], len(frames), axis=0)
    evidence = []
    for segment in step:
        single.drift[:] = motion.drift[segment]
        evidence.append(pulls(arrays, motion, image, kernel, left_out, single, 1)[:, 16])
    here, there = evidence
    first = change_point(here - there, inside=True)
    return int(np.clip(cut[first], edges[before] + 1, edges[after + 1] - 1))

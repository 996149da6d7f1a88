"""Jumps of the sample, to the frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.aim.sparse_image import Image, Kernel, WindowDrift, gradient_sums
from smlm_accessor.methods.coarse.checks import kernel_of

_FAR = 2.0  # cells
_UNUSUAL = 8.0  # usual steps from segment to segment
_LONGEST = 3  # segments that a step may take
_AT_END = 0.1  # of the frames of the segments beside a step
_AROUND = 4  # segments on either side of a step that say where the sample was and stays
#: Width of the kernel by which a jump is placed, in cells.
WIDTH = 0.6


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
        earlier = np.median(drift[known[max(group[0] - _AROUND, 0) : group[0] + 1]], axis=0)
        later = np.median(drift[known[group[-1] + 1 : group[-1] + 2 + _AROUND]], axis=0)
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
    """Return segments that begin where the sample jumps, and these frames; some may be given.

    The first frame after a jump is looked for between the jump before it and the one after.
    """
    known = np.empty(0, np.int64) if given is None else np.intersect1d(given, edges[1:-1])
    begins = np.searchsorted(edges, known)
    found = steps_of(motion.drift * scale)
    steps = [s for s in found if not ((s[0] < begins) & (begins <= s[1])).any()]
    if not steps:
        return edges, motion, evidence, known
    begins = np.concatenate([[0], begins, [after for _, after in steps]])
    ends = np.concatenate([begins[begins > 0] - 1, [before for before, _ in steps]])
    image = Image(scale)
    image.add(arrays, motion)
    kernel = kernel_of(scale, WIDTH)
    drift, jumps, uncut, last = motion.drift, [], edges, len(edges) - 2
    for before, after in reversed(steps):
        first = int(begins[begins <= before].max())
        last = int(ends[ends >= after].min(initial=last))
        jump = located(arrays, uncut, motion, image, kernel, (before, after), (first, last))
        segment = min(int(np.searchsorted(edges, jump)) - 1, last)
        low, high = min(before, segment), max(after, segment)
        jump = int(np.clip(jump, edges[low] + 1, edges[high + 1] - 1))
        jumps.append(jump)
        pair = [before, after]
        edges = np.concatenate([edges[: low + 1], [jump], edges[high + 1 :]])
        drift = np.concatenate([drift[:low], drift[pair], drift[high + 1 :]])
        evidence = np.concatenate([evidence[:low], evidence[pair], evidence[high + 1 :]])
        last = low
    known = np.union1d(known, np.array(jumps, dtype=np.int64))
    return edges, replace(WindowDrift.at_rest(arrays[1], edges), drift=drift), evidence, known


def located(
    arrays: tuple[Any, ...],
    edges: IntArray,
    motion: WindowDrift,
    image: Image,
    kernel: Kernel,
    step: tuple[int, int],
    within: tuple[int, int],
) -> int:
    """Return the first frame after a step: the likeliest, all frames before and after together.

    If it seems to be at an end of the two segments, those around them may be on the wrong side, but
    none beyond the first and the last segment it may be ``within``.
    """
    jump = _located(arrays, edges, motion, image, kernel, step, step)
    first, stop = edges[step[0]], edges[step[1] + 1]
    if min(jump - first, stop - jump) > _AT_END * (stop - first):
        return jump
    around = max(step[0] - _AROUND, within[0]), min(step[1] + _AROUND, within[1])
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
        evidence.append(gradient_sums(arrays, motion, image, kernel, left_out, single, 1)[:, 16])
    here, there = evidence
    first = change_point(here - there, inside=True)
    return int(np.clip(cut[first], edges[before] + 1, edges[after + 1] - 1))

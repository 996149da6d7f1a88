"""What follows once the sample was followed: segments that went astray, and jumps."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.methods.aim.sparse_image import Image, Kernel, WindowDrift
from smlm_accessor.methods.aim.sparse_image import gradient_sums as pulls
from smlm_accessor.methods.aim.sparse_image import newton_step as step
from smlm_accessor.methods.aim.sparse_image import search_windows as looks
from smlm_accessor.methods.coarse.jump_frames import located, steps_of

_NEAR = 3  # cells
_LEVEL = 4.5  # standard deviations of chance
_WIDTH = 0.6  # of the kernel, in cells


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


def astray(drift: FloatArray) -> BoolArray:
    """Tell which segments lie farther than two cells from where those around them are."""
    result = np.zeros(len(drift), dtype=bool)
    known = np.flatnonzero(np.isfinite(drift).all(axis=1))
    if len(known) < 9:
        return result
    padded = np.pad(drift[known], ((3, 3), (0, 0)), mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 7, axis=0), axis=-1)
    away = np.abs(drift[known] - usual).max(axis=1)
    result[known] = away > np.maximum(2.0, 10 * np.median(away))
    return result


def bridged(motion: WindowDrift, scale: FloatArray) -> FloatArray:
    """Return the drift, interpolated where both ends of a missing part are close to each other."""
    drift = motion.drift.copy()
    known = np.flatnonzero(np.isfinite(drift).all(axis=1))
    for before, after in pairwise(known):
        near = np.abs((drift[after] - drift[before]) * scale).max() < 1
        if after > before + 1 and near:
            t = motion.middle[before : after + 1]
            part = ((t - t[0]) / (t[-1] - t[0]))[1:-1, None]
            drift[before + 1 : after] = drift[before] + part * (drift[after] - drift[before])
    return drift


def verified(
    arrays: tuple[Any, ...], motion: WindowDrift, scale: FloatArray, threads: int | None
) -> WindowDrift:
    """Look for each segment in all others, and move those that belong elsewhere."""
    image = Image(scale)
    image.add(arrays, motion)
    k = len(motion.middle)
    around = np.stack(
        [
            motion.bounds[np.maximum(np.arange(k) - 1, 0)],
            motion.bounds[np.minimum(np.arange(k) + 2, k)],
        ],
        axis=1,
    )
    near, far = (_NEAR, 10) if scale[2] == 0 else (2, 6)
    reaches = np.array([[near] * 3, [far] * 3]) * (scale > 0)
    seen = looks(arrays, motion, image, around, reaches, _LEVEL, threads)
    elsewhere = (seen[:, 4] >= 0) & (np.abs(seen[:, :3] * scale).max(axis=1) >= 1)
    return replace(motion, drift=motion.drift + np.where(elsewhere[:, None], seen[:, :3], 0.0))


def refined(
    arrays: tuple[Any, ...],
    motion: WindowDrift,
    scale: FloatArray,
    axes: list[int],
    threads: int | None,
) -> WindowDrift:
    """Fit each segment into all others once more."""
    kernel = Kernel((1, 1, 1 if len(axes) == 3 else 0), np.where(scale > 0, 1.0, 0.0), 0.5)
    image = Image(scale)
    image.add(arrays, motion)
    around = np.stack([motion.bounds[:-1], motion.bounds[:-1]], axis=1)
    sums = pulls(arrays, motion, image, kernel, around, motion, threads)
    move, _ = step(sums, kernel, axes)
    move = np.clip(move, -1, 1) / np.where(scale > 0, scale, np.inf)
    return replace(motion, drift=motion.drift + move)


def cell_of(cell: FloatArray) -> FloatArray:
    """Return edges of cells, infinite for axes that do not exist."""
    return np.where(cell > 0, cell, np.inf)

"""The simplest drift that localizations ask for: rest, even motion, jumps, or any course."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.methods.aim.sparse_image import Image, WindowDrift, log_density_sums
from smlm_accessor.methods.coarse.checks import kernel_of
from smlm_accessor.methods.overlap.evidence import chance_of_sum
from smlm_accessor.methods.overlap.jumps.placing import BETWEEN


@dataclass(frozen=True)
class Simple:
    """A drift, the jumps in it, and how dense the image is with it.

    Parameters
    ----------
    motion : WindowDrift
    jumps : ndarray
    score : float
    """

    motion: WindowDrift
    jumps: IntArray
    score: float


def simplest(
    arrays: tuple[Any, ...],
    any_course: Simple,
    edges: IntArray,
    told: IntArray,
    scale: FloatArray,
    threads: int | None,
) -> Simple:
    """Return the drift with the highest log-density of localizations, less what is chosen.

    The sample may move evenly or rest, and jump: at the jumps that are told, and at those found
    without which localizations in most blocks of the field lie worse. Or it takes the course that
    was found. Each level of a window, slope and jump that is chosen has to gain more log-density
    than the best of thousands by chance.
    """
    n, n_windows = len(arrays[0]), int(any_course.motion.known.sum())
    best, highest = any_course, any_course.score * n - BETWEEN * n_windows
    certain = _certain_jumps(arrays, any_course, edges, told, scale, threads)
    for kept in (certain, told) if len(certain) > len(told) else (told,):
        for sloping, motion in _possible(any_course, edges, kept):
            found = score(arrays, motion, scale, threads)
            gain = found * n - BETWEEN * (len(kept) + sloping)
            if gain > highest:
                best, highest = Simple(motion, kept, found), gain
    return best


def _possible(
    course: Simple, edges: IntArray, kept: IntArray
) -> Iterator[tuple[bool, WindowDrift]]:
    """Yield even motion and rest between jumps, and whether it is motion.

    Jumps that are not kept may be none, or mistakes by which the levels are wrong, too.
    """
    every = np.union1d(course.jumps, kept).astype(np.int64)
    for sloping in (True, False):
        for jumps in (kept, every) if len(every) > len(kept) else (kept,):
            yield sloping, between_jumps(course.motion, edges, jumps, kept, sloping=sloping)


def between_jumps(
    motion: WindowDrift, edges: IntArray, jumps: IntArray, kept: IntArray, *, sloping: bool
) -> WindowDrift:
    """Return the drift of a sample that rests, or moves evenly, but for the jumps that are kept.

    The levels between jumps, and the slope of all, are those of least squares; the steps between
    levels are made at the jumps that are kept only. NaN where the drift is not known.
    """
    known, weights = motion.known, np.sqrt(np.diff(motion.bounds))[:, None]
    part = np.searchsorted(jumps, edges[:-1], side="right")
    parts, of_window = np.unique(part[known], return_inverse=True)
    time = ((motion.middle - edges[0]) / (edges[-1] - edges[0]))[:, None]
    columns = [of_window[:, None] == np.arange(len(parts)), time[known][:, : int(sloping)]]
    model = np.concatenate(columns, axis=1) * weights[known]
    found = np.linalg.lstsq(model, motion.drift[known] * weights[known], rcond=None)[0]
    levels, slope = found[: len(parts)], found[len(parts) :]
    # The step to a part is made if one of the jumps since the part before is kept.
    since = np.searchsorted(jumps, kept, side="right")
    made = np.searchsorted(parts, since)
    step = np.zeros_like(levels)
    inside = (made > 0) & (made < len(parts))
    step[made[inside]] = np.diff(levels, axis=0)[made[inside] - 1]
    drift = np.full_like(motion.drift, np.nan)
    drift[known] = np.cumsum(step, axis=0)[of_window]
    if sloping:
        drift[known] += time[known] @ slope
    return replace(motion, drift=drift - drift[known][0])


def score(
    arrays: tuple[Any, ...], motion: WindowDrift, scale: FloatArray, threads: int | None
) -> float:
    """Return how dense the image is where the localizations lie: their mean log-density."""
    sums = _log_densities(arrays, motion, motion, scale, threads)
    return float(sums.sum()) / len(arrays[0])


def _certain_jumps(
    arrays: tuple[Any, ...],
    course: Simple,
    edges: IntArray,
    told: IntArray,
    scale: FloatArray,
    threads: int | None,
) -> IntArray:
    """Return the jumps that are told, and those without which the log-density falls.

    What it falls by is summed over blocks of the field: by chance the sum has Student's t
    distribution, over its standard error from the blocks. A lattice that is off by a period lies
    better here and worse there.
    """
    every = np.union1d(course.jumps, told).astype(np.int64)
    new = np.setdiff1d(every, told)
    if not len(new):
        return told
    blocks = make_field_blocks(arrays[0])
    block = blocks.of(arrays[0])
    weight = np.bincount(block, minlength=blocks.n).astype(np.float64)
    n = effective_number(weight)

    def in_blocks(motion: WindowDrift) -> FloatArray:
        each = np.repeat(np.arange(len(motion.middle)), np.diff(motion.bounds))
        rows = np.arange(len(block) + 1)
        single = WindowDrift(rows, motion.drift[each], motion.slope[each], motion.middle[each])
        sums = _log_densities(arrays, motion, single, scale, threads)
        return np.bincount(block, sums, blocks.n).astype(np.float64)

    def best(jumps: IntArray) -> FloatArray:
        return max((in_blocks(motion) for _, motion in _possible(course, edges, jumps)), key=np.sum)

    with_all, certain = best(every), []
    for jump in new:
        gain = with_all - best(every[every != jump])
        chance = chance_of_sum(weight, gain[:, None])[0] if n > 1 else 1.0
        if chance * len(edges) < FALSE_ALARM:
            certain.append(jump)
    return np.union1d(told, certain).astype(np.int64)


def _log_densities(
    arrays: tuple[Any, ...],
    motion: WindowDrift,
    windows: WindowDrift,
    scale: FloatArray,
    threads: int | None,
) -> FloatArray:
    """Return ``sum(log(1 + density / background))`` over the localizations of windows."""
    image = Image(scale)
    image.add(arrays, motion)
    return log_density_sums(arrays, windows, image, kernel_of(scale), threads)

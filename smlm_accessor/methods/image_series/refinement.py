"""Refine shifts where the images of all chunks would be too large at the best smoothing."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.peak_precision import PeakMatch, about_mean, own_variance
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.grid import PixelGrid
from smlm_accessor.kernels.images.slope_image import SlopeImage
from smlm_accessor.methods.image_series.registration import ROUNDS, Shifts


def refine(
    positions: FloatArray,
    bounds: IntArray,
    shifts: Shifts,
    grid: PixelGrid,
    smoothing: float,
    blocks: FieldBlocks,
    *,
    target: str,
    threads: int | None = None,
    progress: bool = False,
) -> Shifts:
    """Shift every valid chunk to the maximum of its correlation that is next to where it is.

    One large image is made of the reference, and sampled at the localizations of each chunk. A
    chunk for which that gives nothing stays as it is.

    Shifts are good to about one smoothing length, and their influences are those of ``blocks``. The
    grid is from `slope_grid`. With target "all", even and odd chunks take turns in being the
    reference of the others, so that no chunk is compared with itself.
    """
    valid = [int(i) for i in np.flatnonzero(shifts.valid)]
    assert shifts.influence is not None
    influence = shifts.influence.copy()
    shift, variance = shifts.shift.copy(), shifts.variance.copy()
    if len(valid) < 2:
        return shifts
    each = partial(map_threads, threads=threads)
    run = partial(each, progress=progress, description="refinement")

    def aligned(i: int) -> FloatArray:
        return np.asarray(positions[bounds[i] : bounds[i + 1]] - shift[i])

    def match_on(still: list[int], moving: list[int]) -> None:
        reference = np.concatenate([aligned(i) for i in still])
        image = SlopeImage(reference, grid, smoothing, workers=threads or -1, run=each)
        matches = image.match_each([aligned(i) for i in moving], blocks)
        for i, match in zip(moving, matches, strict=True):
            if match is not None:
                shift[i] += match.shift
                variance[i], influence[i] = match.variance, match.influence

    def step(pair: tuple[int, int]) -> PeakMatch | None:
        there, here = (aligned(i) for i in pair)
        match = SlopeImage(there, grid, smoothing, pairs=True).match(here, blocks)
        if match is None:
            return None
        # See `PeakMatcher.match`.
        back = SlopeImage(here - match.shift, grid, smoothing).influence(there, np.zeros(2), blocks)
        return match._replace(influence=(match.influence - back) / 2)

    n = np.diff(bounds)
    first = valid[0]
    if target == "first":
        match_on([first], valid[1:])
        # The first is like the others, but for the number of its localizations.
        variance[first] = np.mean([variance[i] * n[i] for i in valid[1:]], axis=0) / n[first]
    elif target == "all":
        for _ in range(ROUNDS):
            match_on(valid[::2], valid[1::2])
            match_on(valid[1::2], valid[::2])
    else:
        steps = list(pairwise(valid))
        moved, pairs = np.zeros(2), np.zeros_like(variance)
        before = influence.copy()
        for (last, i), match in zip(steps, run(step, steps), strict=True):
            influence[i] = influence[last] + before[i] - before[last]
            pairs[i] = pairs[last]
            if match is not None:
                variance[i] = own_variance(match.variance, match.pair_variance)
                moved, influence[i] = moved + match.shift, influence[last] + match.influence
                pairs[i] += match.pair_variance
                if i == valid[1]:
                    variance[first] = variance[i] * n[i] / n[first]
            shift[i] += moved
        variance[valid] += about_mean(pairs[valid])
    return shifts._replace(shift=shift - shift[first], variance=variance, influence=influence)

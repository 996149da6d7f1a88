"""Sharpen shifts where the images of all chunks would be too large at the best smoothing."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.grid import Grid
from smlm_accessor.kernels.images.slopes import Landing, SlopeMap
from smlm_accessor.methods.image_series.series import Shifts, own_variance

_ROUNDS = 2


def refine(
    positions: FloatArray,
    bounds: IntArray,
    shifts: Shifts,
    grid: Grid,
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

    Parameters
    ----------
    positions : ndarray, shape (n, 2)
    bounds : ndarray of int, shape (k + 1,)
    shifts : Shifts
        Good to about one smoothing length.
    grid : Grid
        From `slope_grid`.
    smoothing : float
    blocks : FieldBlocks
        Of the field, those of ``shifts``.
    target : {"first", "previous", "all"}
        With "all", even and odd chunks take turns in being the reference of the others, so that no
        chunk is compared with itself.
    """
    valid = [int(i) for i in np.flatnonzero(shifts.valid)]
    assert shifts.moves is not None
    moves = shifts.moves.copy()
    out = shifts._replace(shift=shifts.shift.copy(), variance=shifts.variance.copy(), moves=moves)
    if len(valid) < 2:
        return out
    run = partial(map_threads, threads=threads, progress=progress, description="refinement")

    def aligned(i: int) -> FloatArray:
        return np.asarray(positions[bounds[i] : bounds[i + 1]] - out.shift[i])

    def land_on(still: list[int], moving: list[int]) -> None:
        reference = np.concatenate([aligned(i) for i in still])
        image = SlopeMap(reference, grid, smoothing, workers=threads or -1)
        landings = run(lambda i: image.land(aligned(i), blocks), moving)
        for i, landing in zip(moving, landings, strict=True):
            if _usable(landing):
                out.shift[i] += landing.shift
                out.variance[i], moves[i] = landing.variance, landing.moves

    def step(pair: tuple[int, int]) -> Landing:
        still, moving = pair
        there, here = aligned(still), aligned(moving)
        landing = SlopeMap(there, grid, smoothing, pairs=True).land(here, blocks)
        if not _usable(landing):
            return landing
        # See `Precision.match`.
        back = SlopeMap(here - landing.shift, grid, smoothing).moves(there, np.zeros(2), blocks)
        return landing._replace(moves=(landing.moves - back) / 2)

    n = np.diff(bounds)
    first = valid[0]
    if target == "first":
        land_on([first], valid[1:])
        # The first is like the others, but for the number of its localizations.
        out.variance[first] = (
            np.mean([out.variance[i] * n[i] for i in valid[1:]], axis=0) / n[first]
        )
    elif target == "all":
        for _ in range(_ROUNDS):
            land_on(valid[::2], valid[1::2])
            land_on(valid[1::2], valid[::2])
    else:
        steps = list(pairwise(valid))
        moved, pairs = np.zeros(2), np.zeros(2)
        before = moves.copy()
        for (last, i), landing in zip(steps, run(step, steps), strict=True):
            moves[i] = moves[last] + before[i] - before[last]
            if _usable(landing):
                own = own_variance(landing.variance, landing.pair_variance)
                moved, pairs = moved + landing.shift, pairs + landing.pair_variance
                out.variance[i], moves[i] = own + pairs, moves[last] + landing.moves
                if i == valid[1]:
                    out.variance[first] = own * n[i] / n[first]
            out.shift[i] += moved
    out.shift[:] -= out.shift[first]
    return out


def _usable(landing: Landing) -> bool:
    return bool(np.isfinite(landing.shift).all())

"""Register chunks in x and y by their images."""

from __future__ import annotations

from typing import Any

import numpy as np

from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.images.images import transform
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.lateral_plan import CLARITY, LateralPlan, reference_grid
from smlm_accessor.methods.image_series.refinement import refine
from smlm_accessor.methods.image_series.series import Shifts, solve
from smlm_accessor.methods.image_series.spectra import summarize


def register_lateral(
    localizations: ChunkedLocalizations,
    plan: LateralPlan | None,
    *,
    target: str,
    threads: int | None,
    progress: bool,
) -> tuple[Shifts, dict[str, Any]]:
    """Return the shifts of the chunks, and what was chosen.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        With images of all rows if these are only some of them.
    plan : LateralPlan, optional
        None if the field has no extent.
    target, threads, progress
        See `cc`.
    """
    counted, bounds = localizations.counted, localizations.bounds
    counts = np.diff(bounds) if counted is None else counted.counts
    if plan is None:
        nothing = np.full((len(counts), 2), np.nan)
        return Shifts(np.zeros_like(nothing), nothing, nothing[:, 0], counts > 0), {
            "bin_size": 0.0,
            "smoothing": 0.0,
            "max_shift": [0.0, 0.0],
        }
    xy = np.ascontiguousarray(localizations.positions[:, :2])
    chosen, grid = dict(plan.record), plan.grid
    options: dict[str, Any] = {"target": target, "threads": threads, "progress": progress}
    if counted is None:
        spectra = summarize(xy, bounds, grid, threads=threads, progress=progress)
    else:
        spectra = map_threads(
            lambda image: transform(image[None], grid), list(counted.images), threads=threads
        )
    blocks = make_field_blocks(xy)
    shifts = solve(
        spectra,
        counts,
        Correlator(grid, plan.grid_smoothing),
        max_shift=plan.reach,
        clarity=CLARITY,
        blocks=blocks,
        **options,
    ).jackknifed()
    del spectra
    if plan.bin_size < grid.bin_size and shifts.valid.sum() > 1:
        # Two standard deviations off, a chunk still climbs to the right maximum.
        uncertain = 2 * float(np.sqrt(np.nanmedian(shifts.variance)))
        smoothing = max(plan.smoothing, plan.bin_size, uncertain)
        chosen |= {"smoothing": smoothing, "searched_bin_size": grid.bin_size}
        fine = reference_grid(plan.lower, plan.upper)(plan.bin_size, smoothing)
        shifts = refine(xy, bounds, shifts, fine, smoothing, blocks, **options).jackknifed()
    return shifts, chosen

"""Register chunks in x and y by their images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.images.images import Spectrum, transform
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.pixels import SIGNIFICANCE, LateralPlan
from smlm_accessor.methods.image_series.refinement import refine
from smlm_accessor.methods.image_series.registration import ImageSeries, Shifts
from smlm_accessor.methods.image_series.spectra import summarize
from smlm_accessor.methods.image_series.standard_errors import jackknifed

ImageOfChunk = Callable[[int], npt.NDArray[np.float32]]


def register_lateral(
    localizations: ChunkedLocalizations,
    plan: LateralPlan | None,
    counted: tuple[ImageOfChunk, IntArray] | None,
    *,
    target: str,
    threads: int | None,
    progress: bool,
) -> tuple[Shifts, dict[str, Any]]:
    """Return the shifts of the chunks in x and y, and what was chosen.

    The plan is None if the field has no extent. If these are only some of the localizations,
    ``counted`` is the image of each chunk of all of them, as a function of its number, and how many
    these are. For other parameters see `cc`.
    """
    bounds = localizations.bounds
    counts = np.diff(bounds) if counted is None else counted[1]
    if plan is None:
        record = {"bin_size": 0.0, "smoothing": 0.0, "max_shift": [0.0, 0.0]}
        return Shifts.none(counts > 0), record
    xy = np.ascontiguousarray(localizations.positions[:, :2])
    chosen, grid = dict(plan.record), plan.grid
    options: dict[str, Any] = {"threads": threads, "progress": progress}
    if counted is None:
        spectra, blocks = summarize(xy, bounds, grid, **options), make_field_blocks(xy)
    else:
        image, _ = counted

        def spectrum(chunk: int) -> Spectrum:
            return transform(image(chunk)[None], grid)

        # Blocks take as long as many images.
        each = [partial(spectrum, chunk) for chunk in range(len(counts))]
        make: list[Callable[[], Any]] = [partial(make_field_blocks, xy), *each]
        blocks, *spectra = map_threads(lambda one: one(), make, threads=threads)
    correlator = Correlator(grid, plan.grid_smoothing)
    matcher = PeakMatcher(correlator, plan.field.reach, SIGNIFICANCE, blocks)
    shifts = jackknifed(ImageSeries(spectra, counts, matcher, **options).register(target))
    del spectra
    if plan.bin_size < grid.bin_size and shifts.valid.sum() > 1:
        # Two standard errors off, a chunk still climbs to the right maximum.
        uncertain = 2 * float(np.sqrt(np.nanmedian(shifts.variance)))
        smoothing = max(plan.smoothing, plan.bin_size, uncertain)
        chosen |= {"smoothing": smoothing, "searched_bin_size": grid.bin_size}
        fine = plan.field.reference_grid(plan.bin_size, smoothing)
        shifts = jackknifed(
            refine(xy, bounds, shifts, fine, smoothing, blocks, target=target, **options)
        )
    return shifts, chosen

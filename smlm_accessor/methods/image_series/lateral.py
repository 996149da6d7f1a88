"""Register chunks in x and y by their images."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import at_once
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING
from smlm_accessor.kernels.field.blocks import ENOUGH, FieldBlocks, make_field_blocks
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.images.images import Spectrum, transform
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.missing_parts import missing_parts
from smlm_accessor.methods.image_series.pixels import SIGNIFICANCE, LateralPlan
from smlm_accessor.methods.image_series.refinement import refine
from smlm_accessor.methods.image_series.registration import ImageSeries, Shifts
from smlm_accessor.methods.image_series.spectra import SpectrumOfRows, summarize
from smlm_accessor.methods.image_series.standard_errors import jackknifed
from smlm_accessor.methods.image_series.uneven_motion import with_means_of_parts

# Of the padded image of a part of a chunk: they are many, and need only tell where it moves.
_PIXELS_OF_PARTS = 2**16
# One long blink may be most of what a chunk, or a part of one, has.
_BLINKING = SIGNIFICANCE._replace(without_best=3.0)

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
        spectra = summarize(SpectrumOfRows(xy, grid), bounds, **options)
        blocks = make_field_blocks(xy)
    else:
        image, _ = counted

        def spectrum(chunk: int) -> Spectrum:
            return transform(image(chunk)[None], grid)

        # Blocks take as long as many images.
        each = [partial(spectrum, chunk) for chunk in range(len(counts))]
        make: list[Callable[[], Any]] = [partial(make_field_blocks, xy), *each]
        blocks, *spectra = at_once(make, threads=threads)
    correlator = Correlator(grid, plan.grid_smoothing)
    # Where there are a few beads, nothing but beads may match.
    spread = effective_number(np.bincount(blocks.of(xy))) >= ENOUGH
    significance = _BLINKING if spread else SIGNIFICANCE
    matcher = PeakMatcher(correlator, plan.field.reach, significance, blocks)
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
    matcher = _matcher_of_parts(plan, chosen["smoothing"], blocks)
    of_parts = SpectrumOfRows(xy, matcher.grid)
    of_grid: dict[str, Any] = {"grid": grid, "smoothing": plan.grid_smoothing, "blocks": blocks}
    missing = partial(missing_parts, xy, localizations.frames, **of_grid)
    parts_of = {"segment": localizations.segment, "missing": missing, **options}
    shifts, moving = with_means_of_parts(
        shifts, of_parts, bounds, matcher, used=counts > 0, **parts_of
    )
    return shifts, chosen | {"n_moving_chunks": int(moving.sum())}


def _matcher_of_parts(plan: LateralPlan, smoothing: float, blocks: FieldBlocks) -> PeakMatcher:
    """Return what matches parts of chunks, in pixels that are as large as they may be."""
    finest = plan.field.finest_search(_PIXELS_OF_PARTS)
    smoothing = max(smoothing, PIXELS_PER_SMOOTHING * finest)
    grid = plan.field.grid(smoothing / PIXELS_PER_SMOOTHING, smoothing)
    return PeakMatcher(Correlator(grid, smoothing), plan.field.reach, _BLINKING, blocks)

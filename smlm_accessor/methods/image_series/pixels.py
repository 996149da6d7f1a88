"""The field, and the pixels and the smoothing with which chunks are registered in x and y."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.correlation.peak_precision import PeakSignificance
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING, choose_smoothing
from smlm_accessor.kernels.images.grid import PixelGrid, field_of, make_grid
from smlm_accessor.kernels.images.slope_image import slope_grid
from smlm_accessor.methods.image_series.spectra import sample_chunks

#: Pixels, at most, of the padded image of each chunk, and of the one image of a reference with
#: which shifts are refined if those pixels are too large for the structure.
MAX_PIXELS = 2**20
MAX_REFERENCE_PIXELS = 2**23
# Measured on pairs of unrelated images, uniform or of tens of clusters, of 30 to 10,000
# localizations: less than one in a thousand has such a quality.
SIGNIFICANCE = PeakSignificance(quality=7.0)
# Smoothing if there is nothing to choose it by, as part of the field.
_ANY = 1 / 64


class Field(NamedTuple):
    """Corners of the field, and the largest shift that is looked for; all of shape (2,)."""

    lower: FloatArray
    upper: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, xy: FloatArray, max_shift: float | None) -> Field:
        """Return the field of positions, shape (n, 2); shifts reach over half of it by default."""
        lower, upper = field_of(xy)
        extent = upper - lower
        reach = extent / 2 if max_shift is None else np.minimum(max_shift, extent)
        return cls(lower, upper, reach)

    @property
    def extent(self) -> FloatArray:
        """Size of the field."""
        return self.upper - self.lower

    def grid(self, bin_size: float, smoothing: float) -> PixelGrid:
        """Return the grid of images whose shifts are searched."""
        return make_grid(
            self.lower, self.upper, bin_size=bin_size, smoothing=smoothing, max_shift=self.reach
        )

    def reference_grid(self, bin_size: float, smoothing: float) -> PixelGrid:
        """Return the grid of a reference on which shifts are refined."""
        return slope_grid(self.lower, self.upper, bin_size=bin_size, smoothing=smoothing)

    def finest(self, grid: Callable[[float], PixelGrid], pixels: int) -> float:
        """Return the size, within 2 %, of the smallest pixel whose grid has not more of them."""
        extent = self.extent
        size = max(float(np.sqrt(extent.prod() / pixels)), float(extent.max()) / pixels)
        while grid(size).pixels > pixels:
            size *= 1.02
        return size

    def finest_search(self, pixels: int) -> float:
        """Return the same of images that are searched at the smoothing that goes with them."""
        return self.finest(lambda size: self.grid(size, PIXELS_PER_SMOOTHING * size), pixels)


@dataclass(frozen=True)
class LateralPlan:
    """How chunks are registered in x and y.

    ``bin_size`` and ``smoothing`` promise the most precise shifts. The pixels of ``grid``, that of
    the images in which shifts are searched, may be larger, and so may ``grid_smoothing``.
    """

    field: Field
    bin_size: float
    smoothing: float
    grid: PixelGrid
    grid_smoothing: float
    record: dict[str, Any]


def plan_lateral(
    xy: FloatArray,
    bounds: IntArray,
    *,
    bin_size: float | None,
    smoothing: float | None,
    max_shift: float | None,
    pixels: int = MAX_PIXELS,
    threads: int | None = None,
) -> LateralPlan | None:
    """Choose pixels and smoothing, judging by some chunks; None if the field has no extent.

    At least one chunk has rows. The padded image of a chunk has at most so many ``pixels``. For the
    other parameters see `cc`.
    """
    field = Field.of(xy, max_shift)
    extent = field.extent
    if not extent.any():
        return None
    searched = field.finest(lambda size: field.grid(size, size), pixels)
    finest = min(
        searched, field.finest(lambda size: field.reference_grid(size, size), MAX_REFERENCE_PIXELS)
    )
    if bin_size is not None and bin_size < finest:
        raise OptionError(
            f"bin_size={bin_size!r} needs an image of more than {MAX_REFERENCE_PIXELS} pixels for "
            f"a field of {extent[0]:.6g} x {extent[1]:.6g}; use at least "
            f"{finest:.3g}, or leave it out"
        )
    if smoothing is None:
        samples = [xy[rows] for rows in sample_chunks(bounds, np.diff(bounds))]
        least = finest if bin_size is None else bin_size
        smoothing = _smoothing_for(samples, field, least, threads)
    if bin_size is None:
        bin_size = max(smoothing / PIXELS_PER_SMOOTHING, finest)
    coarse = smoothing
    if bin_size < searched:
        coarse = max(smoothing, PIXELS_PER_SMOOTHING * searched)
    record = {
        "bin_size": bin_size,
        "smoothing": smoothing,
        "max_shift": field.reach.tolist() if max_shift is None else max_shift,
    }
    grid = field.grid(max(bin_size, searched), coarse)
    return LateralPlan(field, bin_size, smoothing, grid, coarse, record)


def _smoothing_for(
    samples: list[FloatArray], field: Field, finest: float, threads: int | None
) -> float:
    """Return the smoothing that is best for a few chunks, some of which may show nothing."""
    lower, upper, reach = field
    options: dict[str, Any] = {"max_shift": reach, "significance": SIGNIFICANCE, "finest": finest}
    run = partial(map_threads, threads=threads)
    for _ in range(len(samples) - 1):
        chosen = choose_smoothing(samples, lower, upper, run=run, **options)
        if chosen is not None:
            return chosen
        samples = [*samples[1:], samples[0]]
    return max(min(_ANY * float(field.extent.max()), float(reach.max()) / 4), finest)

"""Choose the pixels and the smoothing with which chunks are registered in x and y."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.correlation.peak_precision import Clarity
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING, choose_smoothing
from smlm_accessor.kernels.images.grid import Grid, field_of, make_grid
from smlm_accessor.kernels.images.slopes import slope_grid
from smlm_accessor.methods.image_series.spectra import sample_chunks

#: Pixels, at most, of the padded image of each chunk, and of the one image of a reference with
#: which shifts are refined if those pixels are too large for the structure.
MAX_PIXELS = 2**20
MAX_REFERENCE_PIXELS = 2**23
# Measured on pairs of unrelated images, uniform or of tens of clusters, of 30 to 10,000
# localizations: less than one in a thousand has such a quality.
CLARITY = Clarity(quality=7.0)
# Smoothing if there is nothing to choose it by, as part of the field.
_ANY = 1 / 64


@dataclass(frozen=True)
class LateralPlan:
    """How chunks are registered: pixels, smoothing, and the field.

    Parameters
    ----------
    lower, upper : ndarray, shape (2,)
        The field.
    reach : ndarray, shape (2,)
        Largest shift.
    bin_size, smoothing : float
        That promise the most precise shifts.
    grid : Grid
        Of the images in which shifts are searched; their pixels may be larger.
    grid_smoothing : float
    record : dict
    """

    lower: FloatArray
    upper: FloatArray
    reach: FloatArray
    bin_size: float
    smoothing: float
    grid: Grid
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
) -> LateralPlan | None:
    """Choose pixels and smoothing, judging by some chunks; None if the field has no extent.

    Parameters
    ----------
    xy : ndarray, shape (n, 2), C order
    bounds : ndarray of int, shape (k + 1,)
        Of the rows of each chunk; at least one chunk has rows.
    bin_size, smoothing, max_shift
        See `cc`.
    pixels : int
        Of the padded image of a chunk, at most.
    """
    lower, upper = field_of(xy)
    extent = upper - lower
    if not extent.any():
        return None
    reach = extent / 2 if max_shift is None else np.minimum(max_shift, extent)

    def search_grid(size: float, smoothing: float) -> Grid:
        return make_grid(lower, upper, bin_size=size, smoothing=smoothing, max_shift=reach)

    searched = _finest(search_grid, extent, pixels)
    finest = min(searched, _finest(reference_grid(lower, upper), extent, MAX_REFERENCE_PIXELS))
    if bin_size is not None and bin_size < finest:
        raise OptionError(
            f"bin_size={bin_size!r} needs an image of more than {MAX_REFERENCE_PIXELS} pixels for "
            f"a field of {extent[0]:.6g} x {extent[1]:.6g}; use at least "
            f"{finest:.3g}, or leave it out"
        )
    if smoothing is None:
        least = finest if bin_size is None else bin_size
        samples = [xy[rows] for rows in sample_chunks(bounds, np.diff(bounds))]
        smoothing = _smoothing_for(samples, lower, upper, reach, least)
    if bin_size is None:
        bin_size = max(smoothing / PIXELS_PER_SMOOTHING, finest)
    coarse = smoothing
    if bin_size < searched:
        coarse = max(smoothing, PIXELS_PER_SMOOTHING * searched)
    record = {
        "bin_size": bin_size,
        "smoothing": smoothing,
        "max_shift": reach.tolist() if max_shift is None else max_shift,
    }
    grid = search_grid(max(bin_size, searched), coarse)
    return LateralPlan(lower, upper, reach, bin_size, smoothing, grid, coarse, record)


def reference_grid(lower: FloatArray, upper: FloatArray) -> Callable[[float, float], Grid]:
    """Return what lays the grid of the reference over a field, for pixels and smoothing."""

    def of(size: float, smoothing: float) -> Grid:
        return slope_grid(lower, upper, bin_size=size, smoothing=smoothing)

    return of


def _smoothing_for(
    samples: list[FloatArray],
    lower: FloatArray,
    upper: FloatArray,
    max_shift: FloatArray,
    finest: float,
) -> float:
    """Return the smoothing that a few chunks ask for, whichever of them may be hopeless."""
    for _ in range(len(samples) - 1):
        chosen = choose_smoothing(
            samples, lower, upper, max_shift=max_shift, clarity=CLARITY, finest=finest
        )
        if chosen is not None:
            return chosen
        samples = [*samples[1:], samples[0]]
    return max(min(_ANY * float((upper - lower).max()), float(max_shift.max()) / 4), finest)


def _finest(grid_of: Callable[[float, float], Grid], extent: FloatArray, pixels: int) -> float:
    """Return the size of the smallest pixel, within 2 %, that makes no more than so many."""
    size = max(float(np.sqrt(extent.prod() / pixels)), float(extent.max()) / pixels)
    while grid_of(size, size).pixels > pixels:
        size *= 1.02
    return size

"""Register chunks in x and y by their images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.correlation import Correlator
from smlm_accessor.kernels.grid import Grid, field_of, make_grid
from smlm_accessor.kernels.precision import Clarity
from smlm_accessor.kernels.resolution import PIXELS_PER_SMOOTHING, choose_smoothing
from smlm_accessor.kernels.slopes import slope_grid
from smlm_accessor.methods._refinement import refine
from smlm_accessor.methods._series import Shifts, solve
from smlm_accessor.methods._spectra import sample_chunks, summarize

#: Pixels, at most, of the padded image of each chunk, and of the one image of a reference with
#: which shifts are refined if those pixels are too large for the structure.
MAX_PIXELS = 2**20
MAX_REFERENCE_PIXELS = 2**23
# Measured on pairs of unrelated images, uniform or of tens of clusters, of 30 to 10,000
# localizations: less than one in a thousand has such a quality.
_CLARITY = Clarity(quality=7.0)
# Smoothing if there is nothing to choose it by, as part of the field.
_ANY = 1 / 64


def register_lateral(
    xy: FloatArray,
    bounds: IntArray,
    *,
    bin_size: float | None,
    smoothing: float | None,
    max_shift: float | None,
    target: str,
    threads: int | None,
    progress: bool,
) -> tuple[Shifts, dict[str, Any]]:
    """Return the shifts of the chunks, and what was chosen.

    Parameters
    ----------
    xy : ndarray, shape (n, 2), C order
    bounds : ndarray of int, shape (k + 1,)
        Of the rows of each chunk; at least one chunk has rows.
    bin_size, smoothing, max_shift, target, threads, progress
        See `cc`.
    """
    counts = np.diff(bounds)
    lower, upper = field_of(xy)
    extent = upper - lower
    if not extent.any():
        nothing = np.full((len(counts), 2), np.nan)
        return Shifts(np.zeros_like(nothing), nothing, nothing[:, 0], counts > 0), {
            "bin_size": 0.0,
            "smoothing": 0.0,
            "max_shift": [0.0, 0.0],
        }
    reach = extent / 2 if max_shift is None else np.minimum(max_shift, extent)

    def search_grid(size: float, smoothing: float) -> Grid:
        return make_grid(lower, upper, bin_size=size, smoothing=smoothing, max_shift=reach)

    def reference_grid(size: float, smoothing: float) -> Grid:
        return slope_grid(lower, upper, bin_size=size, smoothing=smoothing)

    searched = _finest(search_grid, extent, MAX_PIXELS)
    finest = min(searched, _finest(reference_grid, extent, MAX_REFERENCE_PIXELS))
    if bin_size is not None and bin_size < finest:
        raise OptionError(
            f"bin_size={bin_size!r} needs an image of more than {MAX_REFERENCE_PIXELS} pixels for "
            f"a field of {extent[0]:.6g} x {extent[1]:.6g}; use at least "
            f"{finest:.3g}, or leave it out"
        )
    if smoothing is None:
        least = finest if bin_size is None else bin_size
        samples = [xy[rows] for rows in sample_chunks(bounds, counts)]
        smoothing = _smoothing_for(samples, lower, upper, reach, least)
    if bin_size is None:
        bin_size = max(smoothing / PIXELS_PER_SMOOTHING, finest)
    chosen = {
        "bin_size": bin_size,
        "smoothing": smoothing,
        "max_shift": reach.tolist() if max_shift is None else max_shift,
    }
    options: dict[str, Any] = {"target": target, "threads": threads, "progress": progress}
    fine = bin_size >= searched
    coarse = smoothing if fine else max(smoothing, PIXELS_PER_SMOOTHING * searched)
    grid = search_grid(max(bin_size, searched), coarse)
    spectra = summarize(xy, bounds, grid, threads=threads, progress=progress)
    shifts = solve(
        spectra, counts, Correlator(grid, coarse), max_shift=reach, clarity=_CLARITY, **options
    )
    if not fine and shifts.valid.sum() > 1:
        # Two standard deviations off, a chunk still climbs to the right maximum.
        uncertain = 2 * float(np.sqrt(np.nanmedian(shifts.variance)))
        chosen["smoothing"] = smoothing = max(smoothing, bin_size, uncertain)
        chosen["searched_bin_size"] = grid.bin_size
        grid = reference_grid(bin_size, smoothing)
        shifts = refine(xy, bounds, shifts, grid, smoothing, **options)
    return shifts, chosen


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
            samples, lower, upper, max_shift=max_shift, clarity=_CLARITY, finest=finest
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

"""Roughly how windows of time are shifted, however far, by the images of all."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.chance import erratic
from smlm_accessor.methods.image_series.pixels import SIGNIFICANCE, Field
from smlm_accessor.methods.image_series.registration import ImageSeries, Shifts
from smlm_accessor.methods.image_series.spectra import summarize
from smlm_accessor.methods.image_series.z_profiles import register_z

#: Pixels of a padded image. For a search they may be much larger than the structure.
MAX_PIXELS = 2**16
# A correlation may show nothing but itself if it is smoothed too little.
_COARSER = (1.0, 4.0, 12.0)
# Part of the localizations whose windows are enough: the rest is interpolated.
_ENOUGH = 0.9


class WindowShifts(NamedTuple):
    """Roughly how windows are shifted.

    ``drift`` and ``variance``, shape (k, d), are NaN where not ``valid``; ``smoothing``, shape
    (d,), is that at which it was found. ``by_chance`` is whether the shifts look like chance.
    """

    drift: FloatArray
    variance: FloatArray
    valid: BoolArray
    smoothing: FloatArray
    by_chance: bool = False


def search_window_shifts(
    localizations: ChunkedLocalizations,
    *,
    bin_size: float | None,
    max_shift: float | None,
    threads: int | None,
    progress: bool,
    pixels: int = MAX_PIXELS,
) -> WindowShifts:
    """Return the drift of each chunk from the correlation of its image with that of all others.

    At least one chunk has localizations. A padded image has at most so many ``pixels``, if there is
    no ``bin_size``. For the other parameters see `rcc`.
    """
    d = localizations.positions.shape[1]
    xy = np.ascontiguousarray(localizations.positions[:, :2])
    counts = np.diff(localizations.bounds)
    field = Field.of(xy, max_shift)
    if not field.extent.any():
        nothing = np.zeros((len(counts), d))
        return WindowShifts(nothing, nothing, counts > 0, np.zeros(d))
    if bin_size is None:
        bin_size = field.finest(lambda size: field.grid(size, PIXELS_PER_SMOOTHING * size), pixels)
    best, smoothing = Shifts.none(counts < 0), 0.0
    options: dict[str, Any] = {"threads": threads, "progress": progress}
    for coarser in _COARSER:
        now = coarser * PIXELS_PER_SMOOTHING * bin_size
        grid = field.grid(coarser * bin_size, now)
        spectra = summarize(xy, localizations.bounds, grid, **options)
        matcher = PeakMatcher(Correlator(grid, now), field.reach, SIGNIFICANCE)
        shifts = ImageSeries(spectra, counts, matcher, **options).register("all")
        if not smoothing or counts[shifts.valid].sum() > 2 * counts[best.valid].sum():
            best, smoothing = shifts, now
        if counts[best.valid].sum() >= _ENOUGH * counts.sum():
            break
    of_axis = np.full(d, smoothing)
    if d == 3 and best.valid.sum() > 1:
        options |= {"lateral_smoothing": smoothing, "max_shift": max_shift, "target": "all"}
        best, chosen = register_z(localizations, best, **options)
        of_axis[2] = chosen["smoothing_z"]
    drift, variance = np.zeros((2, len(counts), d))
    known = best.shift.shape[1]
    drift[:, :known], variance[:, :known] = best.shift, best.variance
    drift[~best.valid] = variance[~best.valid] = np.nan
    by_chance = erratic(drift, best.valid, smoothing, float(field.extent.max()))
    return WindowShifts(drift, variance, best.valid, of_axis, by_chance)

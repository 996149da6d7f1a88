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
from smlm_accessor.methods.image_series.spectra import SpectrumOfRows, summarize
from smlm_accessor.methods.image_series.z_profiles import register_z

#: Pixels of a padded image. For a search they may be much larger than the structure.
MAX_PIXELS = 2**16
# A correlation may show nothing but itself if it is smoothed too little. Smoothed too much, a
# sparse structure is lost in chance pairs, whose number grows as the square of the smoothing: in a
# membrane and single emitters, 4 to 92 % of the windows were found by the first, 98 to 100 % by
# finer ones. They come before the coarse ones, which match the outlines of the field, too.
_FACTORS = (1.0, 0.5, 0.25, 4.0, 12.0)
# Part of the localizations whose windows are enough: the rest is interpolated.
_ENOUGH = 0.9
# Times as many localizations have to be in windows that a coarser correlation finds.
_COARSER_FINDS = 2.0


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
    finer: bool = False,
) -> WindowShifts:
    """Return the drift of each chunk from the correlation of its image with that of all others.

    At least one chunk has localizations. A padded image has at most so many ``pixels``, if there is
    no ``bin_size``; with ``finer``, more are tried where those do not show enough. For the
    other parameters see `rcc`.
    """
    d = localizations.positions.shape[1]
    xy = np.ascontiguousarray(localizations.positions[:, :2])
    counts = np.diff(localizations.bounds)
    field = Field.of(xy, max_shift)
    if not field.extent.any():
        nothing = np.zeros((len(counts), d))
        return WindowShifts(nothing, nothing, counts > 0, np.zeros(d))
    factors = [f for f in _FACTORS if f >= 1 or (finer and bin_size is None)]
    extent = float(field.extent.max())
    if bin_size is None:
        bin_size = field.finest_search(pixels)
    best, smoothing = Shifts.none(counts < 0), np.zeros(d)
    options: dict[str, Any] = {"threads": threads, "progress": progress}
    for factor in factors:
        lateral = factor * PIXELS_PER_SMOOTHING * bin_size
        grid = field.grid(factor * bin_size, lateral)
        spectra = summarize(SpectrumOfRows(xy, grid), localizations.bounds, **options)
        matcher = PeakMatcher(Correlator(grid, lateral), field.reach, SIGNIFICANCE, by_block=False)
        shifts = ImageSeries(spectra, counts, matcher, **options).register("all")
        in_plane = counts[shifts.valid].sum()
        now = np.full(d, lateral)
        if d == 3 and shifts.valid.sum() > 1:
            along_z: dict[str, Any] = {
                "lateral_smoothing": lateral,
                "max_shift": max_shift,
                "target": "all",
            }
            shifts, chosen = register_z(localizations, shifts, **options, **along_z)
            now[2] = chosen["smoothing_z"]
        found = counts[shifts.valid].sum() / max(counts[best.valid].sum(), 1)
        # A coarser match has to be worth its larger errors. A finer one is not to be chance,
        # of which a few windows do not tell.
        if lateral > smoothing[0]:
            better = bool(not smoothing[0] or found > _COARSER_FINDS)
        else:
            most = counts[shifts.valid].sum() > counts.sum() / 2 and found > 1
            better = bool(most) and not erratic(shifts.shift, shifts.valid, lateral, extent)
        if better:
            best, smoothing = shifts, now
        known = counts[best.valid].sum()
        # Where heights lack, other images of x and y would bring little.
        enough = known > counts.sum() / 2 and in_plane >= _ENOUGH * counts.sum()
        if known >= _ENOUGH * counts.sum() or (better and enough):
            break
    drift, variance = np.zeros((2, len(counts), d))
    axes = best.shift.shape[1]
    drift[:, :axes], variance[:, :axes] = best.shift, best.variance
    drift[~best.valid] = variance[~best.valid] = np.nan
    by_chance = erratic(drift, best.valid, float(smoothing[0]), extent)
    return WindowShifts(drift, variance, best.valid, smoothing, by_chance)

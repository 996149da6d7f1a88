"""Find out roughly how windows of time lie, wherever they may be, by the images of all."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import Clarity
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING
from smlm_accessor.kernels.images.grid import Grid, field_of, make_grid
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.heights import register_heights
from smlm_accessor.methods.image_series.series import solve
from smlm_accessor.methods.image_series.spectra import summarize

#: Pixels of a padded image. For a search they may be much larger than the structure.
MAX_PIXELS = 2**16
# Less than one in a thousand pairs of unrelated images has such a quality: measured for cc.
_CLARITY = Clarity(quality=7.0)
# A correlation may show nothing but itself if it is smoothed too little.
_COARSER = (1.0, 4.0, 12.0)
# Enough windows that are clear: the rest is bridged.
_ENOUGH = 0.9


class Found(NamedTuple):
    """Roughly where windows lie.

    ``drift`` and ``variance``, shape (k, d), are NaN where not ``valid``; ``smoothing``, shape
    (d,), is that at which it was found.
    """

    drift: FloatArray
    variance: FloatArray
    valid: BoolArray
    smoothing: FloatArray


def search(
    localizations: ChunkedLocalizations,
    *,
    bin_size: float | None,
    max_shift: float | None,
    threads: int | None,
    progress: bool,
    pixels: int = MAX_PIXELS,
) -> Found:
    """Return the drift of each chunk from the correlation of its image with that of all others.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        At least one chunk has localizations.
    bin_size, max_shift, threads, progress
        See `rcc`.
    pixels : int
        Of a padded image, at most, if there is no ``bin_size``.
    """
    d = localizations.positions.shape[1]
    xy = np.ascontiguousarray(localizations.positions[:, :2])
    counts = np.diff(localizations.bounds)
    lower, upper = field_of(xy)
    extent = upper - lower
    if not extent.any():
        nothing = np.zeros((len(counts), d))
        return Found(nothing, nothing, counts > 0, np.zeros(d))
    reach = extent / 2 if max_shift is None else np.minimum(max_shift, extent)
    size = _finest(lower, upper, reach, pixels) if bin_size is None else bin_size
    best, smoothing = None, 0.0
    options: dict[str, Any] = {"threads": threads, "progress": progress}
    for coarser in _COARSER:
        now = coarser * PIXELS_PER_SMOOTHING * size
        grid = make_grid(lower, upper, bin_size=coarser * size, smoothing=now, max_shift=reach)
        spectra = summarize(xy, localizations.bounds, grid, **options)
        shifts = solve(
            spectra,
            counts,
            Correlator(grid, now),
            target="all",
            max_shift=reach,
            clarity=_CLARITY,
            **options,
        )
        if best is None or counts[shifts.valid].sum() > 2 * counts[best.valid].sum():
            best, smoothing = shifts, now
        if counts[best.valid].sum() >= _ENOUGH * counts.sum():
            break
    assert best is not None
    drift, variance, of_axis = best.shift, best.variance, np.full(d, smoothing)
    valid = best.valid
    if d == 3 and valid.sum() > 1:
        heights, chosen = register_heights(
            localizations,
            best,
            lateral_smoothing=smoothing,
            max_shift=max_shift,
            target="all",
            **options,
        )
        drift = np.column_stack([drift, heights.shift[:, 1]])
        variance = np.column_stack([variance, heights.variance[:, 1]])
        valid = valid & heights.valid
        of_axis[2] = chosen["smoothing_z"]
    elif d == 3:
        drift = np.column_stack([drift, np.zeros(len(counts))])
        variance = np.column_stack([variance, np.zeros(len(counts))])
    lost = ~valid[:, None]
    return Found(np.where(lost, np.nan, drift), np.where(lost, np.nan, variance), valid, of_axis)


def _finest(lower: FloatArray, upper: FloatArray, reach: FloatArray, pixels: int) -> float:
    """Return the size of the smallest pixel, within 2 %, that makes no more than so many."""

    def grid_of(size: float) -> Grid:
        smoothing = PIXELS_PER_SMOOTHING * size
        return make_grid(lower, upper, bin_size=size, smoothing=smoothing, max_shift=reach)

    extent = upper - lower
    size = max(float(np.sqrt(extent.prod() / pixels)), float(extent.max()) / pixels)
    while grid_of(size).pixels > pixels:
        size *= 1.02
    return size

"""Register chunks along z by their profiles, once they are registered laterally."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import PeakMatcher, PeakSignificance
from smlm_accessor.kernels.correlation.resolution import PIXELS_PER_SMOOTHING, predict
from smlm_accessor.kernels.images.grid import PixelGrid, field_of
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.pixels import Field
from smlm_accessor.methods.image_series.registration import ImageSeries, Shifts
from smlm_accessor.methods.image_series.spectra import (
    ImageTiles,
    SpectrumOfRows,
    sample_chunks,
    summarize,
)
from smlm_accessor.methods.image_series.standard_errors import jackknifed
from smlm_accessor.methods.image_series.uneven_motion import with_means_of_parts

#: Pixels of the profiles of all tiles of a chunk, at most.
MAX_PIXELS = 2**23
# A profile has no far away shifts to compare the height of a maximum with, so its sharpness counts.
_SIGNIFICANCE = PeakSignificance(sharpness=7.0)
# Tiles narrower than this many lateral smoothing lengths cut structures apart.
_NARROWEST = 4.0
_NARROWER = 4.0  # each size of tiles than the one before
# Smoothings of the profiles as parts of their extent; at the middle one, tiles are chosen.
_SMOOTHINGS = tuple(2.0 ** (-j / 2) for j in range(4, 13))
_MIDDLE = 2.0**-4


class Profiles(NamedTuple):
    """Positions (0, z), the tiles they belong to, and the grid and smoothing of their profiles."""

    positions: FloatArray
    tiles: ImageTiles
    grid: PixelGrid
    smoothing: float


def register_z(
    localizations: ChunkedLocalizations,
    lateral: Shifts,
    *,
    lateral_smoothing: float,
    max_shift: float | None,
    target: str,
    threads: int | None,
    progress: bool,
    by_parts: bool = False,
) -> tuple[Shifts, dict[str, Any]]:
    """Return shifts along z, too, of the chunks that are valid laterally, and what was chosen.

    Shifts in x and y were found with ``lateral_smoothing``; their quality is kept. Shifts along z
    reach over all of the extent by default. ``by_parts`` asks for what `with_means_of_parts` does.
    """
    bounds = localizations.bounds
    counts = np.where(lateral.valid, np.diff(bounds), 0)
    aligned = localizations.positions.copy()
    for i in np.flatnonzero(lateral.valid):
        aligned[localizations.rows(int(i)), :2] -= lateral.shift[i]
    extent = float(np.ptp(aligned[:, 2]))
    reach = extent if max_shift is None else min(max_shift, extent)
    if extent == 0:
        axial = Shifts.none(lateral.valid)
        chosen = {"bin_size_z": 0.0, "smoothing_z": 0.0, "max_shift_z": 0.0, "tile_size": None}
    else:
        options: dict[str, Any] = {"threads": threads, "progress": progress}
        profiles = choose_profiles(
            aligned, sample_chunks(bounds, counts), lateral_smoothing=lateral_smoothing, reach=reach
        )
        positions, tiles, grid, smoothing = profiles
        image = SpectrumOfRows(positions, grid, tiles)
        spectra = summarize(image, bounds, **options)
        limits = np.array([0.0, reach])
        matcher = PeakMatcher(Correlator(grid, smoothing), limits, _SIGNIFICANCE)
        axial = jackknifed(ImageSeries(spectra, counts, matcher, **options).register(target))
        chosen = {
            "bin_size_z": grid.bin_size,
            "smoothing_z": smoothing,
            "max_shift_z": reach,
            "tile_size": tiles.size,
        }
        if by_parts:
            parts_of: dict[str, Any] = {"used": lateral.valid, "segment": localizations.segment}
            axial, moving = with_means_of_parts(
                axial, image, bounds, matcher, **parts_of, **options
            )
            chosen["n_moving_chunks_z"] = int(moving.sum())
    shift = np.column_stack([lateral.shift, axial.shift[:, 1]])
    variance = np.column_stack([lateral.variance, axial.variance[:, 1]])
    return Shifts(shift, variance, lateral.quality, lateral.valid & axial.valid), chosen


def choose_profiles(
    positions: FloatArray, samples: list[slice], *, lateral_smoothing: float, reach: float
) -> Profiles:
    """Choose the tiles and the smoothing that promise the most precise shift along z.

    Structures in different tiles may have different heights: then the profile of the whole field
    says little, and that of a tile much. A flat sample is best seen as a whole.

    Positions are aligned laterally. ``samples`` are the rows of a few chunks; the others are
    compared with the first, up to a shift of ``reach``.
    """
    flat = np.zeros((len(positions), 2))
    flat[:, 1] = positions[:, 2]
    field = Field(*field_of(flat), np.array([0.0, reach]))
    extent = float(field.extent[1])

    def grid_for(smoothing: float) -> PixelGrid:
        return field.grid(smoothing / PIXELS_PER_SMOOTHING, smoothing)

    def variances(tiles: ImageTiles, smoothings: tuple[float, ...]) -> list[float]:
        predictions = predict(
            [flat[s] for s in samples],
            grid_for(min(smoothings)),
            smoothings,
            max_shift=field.reach,
            tiles=[tiles.number[s] for s in samples],
            n_tiles=tiles.n,
            significance=_SIGNIFICANCE,
        )
        return [p.variance for p in predictions]

    best = ImageTiles(np.zeros(len(positions), dtype=np.int64), 1, None)
    smoothing = _MIDDLE * extent
    if len(samples) < 2:
        return Profiles(flat, best, grid_for(smoothing), smoothing)
    (variance,) = variances(best, (smoothing,))
    pixels = grid_for(min(_SMOOTHINGS) * extent).pixels
    width = float(by_column.extent(positions[:, :2]).max()) / _NARROWER
    while width >= _NARROWEST * lateral_smoothing > 0:
        tiles = ImageTiles.of_width(positions, width)
        if tiles.n * pixels > MAX_PIXELS:
            break
        (now,) = variances(tiles, (smoothing,))
        if now < variance:
            best, variance = tiles, now
        width /= _NARROWER
    smoothings = tuple(extent * s for s in _SMOOTHINGS)
    of_each = variances(best, smoothings)
    if np.isfinite(of_each).any():
        smoothing = smoothings[int(np.argmin(of_each))]
    return Profiles(flat, best, grid_for(smoothing), smoothing)

"""Register chunks along z by their profiles, once they lie on each other laterally."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.correlation.peak_precision import Clarity
from smlm_accessor.kernels.correlation.resolution import (
    PIXELS_PER_SMOOTHING,
    Prediction,
    Stack,
    predict,
)
from smlm_accessor.kernels.images.grid import Grid, field_of, make_grid
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.series import Shifts, solve
from smlm_accessor.methods.image_series.spectra import Tiles, sample_chunks, summarize

#: Pixels of the profiles of all tiles of a chunk, at most.
MAX_PIXELS = 2**23
# A profile has no far away places to compare the height of a maximum with, so its sharpness counts.
_CLARITY = Clarity(sharpness=7.0)
# Tiles narrower than this many lateral smoothing lengths cut structures apart.
_NARROWEST = 4.0
_NARROWER = 4.0
# Smoothings of the profiles as parts of their extent.
_SMOOTHINGS = tuple(2.0 ** (-j / 2) for j in range(4, 13))
_MIDDLE = 2.0**-4


class Profiles(NamedTuple):
    """Positions (0, z), the tiles they belong to, and the grid and smoothing of their profiles."""

    positions: FloatArray
    tiles: Tiles
    grid: Grid
    smoothing: float


def register_heights(
    localizations: ChunkedLocalizations,
    lateral: Shifts,
    *,
    lateral_smoothing: float,
    max_shift: float | None,
    target: str,
    threads: int | None,
    progress: bool,
) -> tuple[Shifts, dict[str, Any]]:
    """Return the shifts along z of the chunks that are valid laterally, and what was chosen.

    Parameters
    ----------
    localizations : ChunkedLocalizations
    lateral : Shifts
        Of the chunks in x and y.
    lateral_smoothing : float
        With which these were found.
    max_shift : float, optional
        All of the extent by default.

    Returns
    -------
    shifts : Shifts
        In the second column; the first is a dummy axis.
    chosen : dict
    """
    counts = np.where(lateral.valid, np.diff(localizations.bounds), 0)
    aligned = localizations.positions.copy()
    for i in np.flatnonzero(lateral.valid):
        aligned[localizations.rows(int(i)), :2] -= lateral.shift[i]
    extent = float(np.ptp(aligned[:, 2]))
    if extent == 0:
        nothing = np.full((len(counts), 2), np.nan)
        level = Shifts(np.zeros_like(nothing), nothing, nothing[:, 0], lateral.valid)
        return level, {"bin_size_z": 0.0, "smoothing_z": 0.0, "max_shift_z": 0.0, "tile_size": None}
    reach = extent if max_shift is None else min(max_shift, extent)
    limits = np.array([0.0, reach])
    samples = sample_chunks(localizations.bounds, counts)
    profiles = choose_profiles(
        aligned, samples, lateral_smoothing=lateral_smoothing, max_shift=limits
    )
    positions, tiles, grid, smoothing = profiles
    spectra = summarize(
        positions, localizations.bounds, grid, tiles=tiles, threads=threads, progress=progress
    )
    shifts = solve(
        spectra,
        counts,
        Correlator(grid, smoothing),
        target=target,
        max_shift=limits,
        clarity=_CLARITY,
        threads=threads,
        progress=progress,
    ).jackknifed()
    return shifts, {
        "bin_size_z": grid.bin_size,
        "smoothing_z": smoothing,
        "max_shift_z": reach,
        "tile_size": tiles.size,
    }


def choose_profiles(
    positions: FloatArray,
    samples: list[slice],
    *,
    lateral_smoothing: float,
    max_shift: FloatArray,
) -> Profiles:
    """Choose the tiles and the smoothing that promise the most precise shift along z.

    Structures in different places may have different heights: then the profile of the whole field
    says little, and that of a tile much. A flat sample is best seen as a whole.

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        Aligned laterally.
    samples : list of slice
        Rows of a few chunks; the others are compared with the first.
    lateral_smoothing : float
        That of the lateral correlation.
    max_shift : ndarray, shape (2,)
        Largest shift along the two axes of a profile, of which the first has no extent.
    """
    flat = np.zeros((len(positions), 2))
    flat[:, 1] = positions[:, 2]
    lower, upper = field_of(flat)
    extent = float(upper[1] - lower[1])

    def grid_for(smoothing: float) -> Grid:
        return make_grid(
            lower,
            upper,
            bin_size=smoothing / PIXELS_PER_SMOOTHING,
            smoothing=smoothing,
            max_shift=max_shift,
        )

    def predicted(tiles: Tiles, smoothings: tuple[float, ...]) -> list[Prediction]:
        stacks = [Stack(flat[s], tiles.number[s]) for s in samples]
        grid = grid_for(min(smoothings))
        return predict(
            stacks, grid, smoothings, max_shift=max_shift, n_tiles=tiles.n, clarity=_CLARITY
        )

    best = Tiles(np.zeros(len(positions), dtype=np.int64), 1, None)
    smoothing = _MIDDLE * extent
    if len(samples) < 2:
        return Profiles(flat, best, grid_for(smoothing), smoothing)
    variance = predicted(best, (smoothing,))[0].variance
    pixels = grid_for(min(_SMOOTHINGS) * extent).pixels
    width = float(np.ptp(positions[:, :2], axis=0).max()) / _NARROWER
    while width >= _NARROWEST * lateral_smoothing > 0:
        tiles = _tiles(positions, width)
        if tiles.n * pixels > MAX_PIXELS:
            break
        now = predicted(tiles, (smoothing,))[0].variance
        if now < variance:
            best, variance = tiles, now
        width /= _NARROWER
    smoothings = tuple(extent * s for s in _SMOOTHINGS)
    of_each = [p.variance for p in predicted(best, smoothings)]
    if np.isfinite(of_each).any():
        smoothing = smoothings[int(np.argmin(of_each))]
    return Profiles(flat, best, grid_for(smoothing), smoothing)


def _tiles(positions: FloatArray, size: float) -> Tiles:
    """Give a number to each square tile that holds localizations."""
    lower = positions[:, :2].min(axis=0) - 0.381966 * size
    column, row = np.floor((positions[:, :2] - lower) / size).astype(np.int64).T
    used, number = np.unique(column * (row.max() + 1) + row, return_inverse=True)
    return Tiles(number, len(used), size)

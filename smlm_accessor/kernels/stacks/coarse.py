"""Shifts of any size between images, to a fraction of a pixel: maxima of correlations."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.solvers.redundant import solve_pairs
from smlm_accessor.kernels.stacks.spectra import ModeGrid, Spectra, Weights

# Standard deviations of a correlation map by which its maximum is above its mean. The highest of
# 100,000 values of noise is at 4.5.
SIGNIFICANT = 6.0
_OFF = 1.0  # pixels of the map, by which pairs may contradict each other
_AT_A_TIME = 64  # pairs


def lags(n: int, window: int) -> list[int]:
    """Return how far apart images are that are compared: 1, 2, 4, ... up to the window."""
    return [lag for lag in (2**p for p in range(31)) if lag <= min(window, n - 1)]


def pair_shifts(
    grid: ModeGrid, moving: Spectra, fixed: Spectra, weights: Weights
) -> tuple[FloatArray, FloatArray]:
    """Return how far images lie from others, (k, d) pixels, and how far the maximum stands out.

    The correlation ``sum(weights * conj(fixed) * moving * exp(i k s))`` has its maximum at the
    shift; a parabola through the maximum and its neighbours tells parts of a pixel.
    """
    shift, height = np.empty((len(moving), grid.d)), np.empty(len(moving))
    for at in range(0, len(moving), _AT_A_TIME):
        part = slice(at, at + _AT_A_TIME)
        maps = grid.restore((weights * np.conj(fixed[part])) * moving[part])
        shift[part], height[part] = _maxima(grid, maps)
    return shift, height


def _maxima(grid: ModeGrid, maps: np.ndarray) -> tuple[FloatArray, FloatArray]:
    flat = maps.reshape(len(maps), -1)
    best = flat.argmax(axis=1)
    index = np.stack(np.unravel_index(best, grid.kept), axis=1)
    every = np.arange(len(maps))
    top = flat[every, best].astype(float)
    spread = flat.std(axis=1, dtype=float)
    height = np.divide(top - flat.mean(axis=1), spread, out=np.zeros(len(maps)), where=spread > 0)
    shift = np.empty((len(maps), grid.d))
    for axis, (n, m) in enumerate(zip(grid.shape, grid.kept, strict=True)):
        sides = []
        for step in (-1, 1):
            at = index.copy()
            at[:, axis] = (at[:, axis] + step) % m
            sides.append(maps[(every, *at.T)].astype(float))
        bend = sides[0] + sides[1] - 2 * top
        part = np.divide(sides[0] - sides[1], 2 * bend, out=np.zeros(len(maps)), where=bend < 0)
        place = index[:, axis] + np.clip(part, -0.5, 0.5)
        shift[:, axis] = np.where(place > m / 2, place - m, place) * (n / m)
    return shift, height


def coarse_shifts(
    grid: ModeGrid, spectra: Spectra, weights: Weights, window: int, present: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """Return the shift of each image, (k, d) pixels, and which ones are connected.

    Images that are 1, 2, 4, ... apart are compared. Pairs whose maximum does not stand out do not
    count, nor those that contradict the others. Of the images that pairs connect, the most are
    kept.
    """
    k = len(spectra)
    differences, weight = np.zeros((grid.d, k, k)), np.zeros((k, k))
    order = np.flatnonzero(present)  # empty images between do not break the chain
    for lag in lags(len(order), window):
        i, j = order[lag:], order[:-lag]
        shift, height = pair_shifts(grid, spectra[i], spectra[j], weights)
        differences[:, i, j], differences[:, j, i] = shift.T, -shift.T
        weight[i, j] = weight[j, i] = np.where(height > SIGNIFICANT, height**2, 0.0)
    pixel = max(n / m for n, m in zip(grid.shape, grid.kept, strict=True))
    network = solve_pairs(differences, weight, np.full((k, k), _OFF * pixel))
    count = np.bincount(network.component[present]) if present.any() else np.ones(1)
    return network.shift, present & (network.component == int(count.argmax()))

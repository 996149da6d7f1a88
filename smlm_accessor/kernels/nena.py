"""Localization precision from molecules that are seen in two successive frames."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray

_MOST = 60_000  # localizations that are looked at
_FEWEST = 30  # pairs, for a precision
_ITERATIONS = 200
_REACH = 4.0  # in standard deviations of a difference: how far pairs are looked at in the fit
# Frames that are put together until molecules are seen again: bright ones may skip some frames.
_LAYERS = (1, 4, 16, 64)
_ABOVE_CHANCE = 3.0


def precision(
    positions: FloatArray, frames: IntArray, uncertainty: FloatArray | None = None
) -> FloatArray:
    """Return the usual localization precision along each axis.

    The median of the uncertainty of each localization, where it is known. Otherwise from the
    distances to the nearest neighbour in the next frame [1]_: they are a mixture of localizations
    of the same molecule, Rayleigh distributed, and of others, uniform within a small circle.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        In the order of frames; d = 2 or 3, neighbours are looked for in x and y.
    frames : ndarray, shape (n,)
        Increasing.
    uncertainty : ndarray, shape (n, d), optional
        One standard deviation; NaN where unknown.

    Returns
    -------
    ndarray, shape (d,)
        NaN where too few molecules are seen in two successive frames.

    References
    ----------
    .. [1] Endesfelder et al., Histochem. Cell Biol. 141, 629 (2014),
       https://doi.org/10.1007/s00418-014-1192-3

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> molecules = np.repeat(rng.uniform(0, 1000, (200, 2)), 3, axis=0)
    >>> positions = molecules + rng.normal(0, 5, (600, 2))
    >>> precision(positions, np.arange(600) % 3 + 3 * (np.arange(600) // 3)).round(0)
    array([5., 5.])
    """
    d = positions.shape[1]
    result = np.full(d, np.nan)
    if uncertainty is not None:
        for axis in range(d):
            known = uncertainty[:, axis]
            known = known[np.isfinite(known) & (known > 0)]
            if len(known):
                result[axis] = np.median(known)
    if np.isnan(result).any() and len(positions):
        result = np.where(np.isnan(result), _from_neighbours(positions, frames), result)
    return result


def _from_neighbours(positions: FloatArray, frames: IntArray) -> FloatArray:
    layers = np.asarray(frames - frames[0])
    step = len(positions) // _MOST + 1
    for frames_per_layer in _LAYERS:
        # Runs of successive layers, spread over the movie: a pair needs both of its layers.
        layer = layers // frames_per_layer
        rows = np.flatnonzero(layer // 16 % step == 0)
        found = _mixture(_differences(positions[rows], layer[rows]))
        reach = 2 * np.sqrt(2) * found[:2].max()
        per_layer = len(rows) / max(len(np.unique(layer[rows])), 1)
        by_chance = -np.expm1(-np.pi * reach**2 * per_layer / _area(positions[rows]))
        if np.isfinite(reach) and _ABOVE_CHANCE * by_chance < 1:
            return found
    return np.full(positions.shape[1], np.nan)


def _area(positions: FloatArray) -> float:
    """Return the area that localizations cover, in squares of a 64th of the field."""
    edges = [np.linspace(a.min(), a.max() + np.ptp(a) / 1e6 + 1e-300, 65) for a in positions.T[:2]]
    counts = np.histogram2d(*positions.T[:2], bins=edges)[0]  # type: ignore[arg-type]
    pixel = float(np.prod([edge[1] - edge[0] for edge in edges]))
    return pixel * float(counts.sum() ** 2 / max((counts**2).sum(), 1))


def _differences(positions: FloatArray, frames: IntArray) -> FloatArray:
    """Return the difference of each localization to its nearest neighbour in the next frame."""
    from scipy.spatial import cKDTree

    extent = float(np.ptp(positions[:, :2], axis=0).max()) if len(positions) else 0.0
    if extent == 0 or len(positions) < 2:
        return np.empty((0, positions.shape[1]))
    # A frame is a layer; layers are so far apart that neighbours are always in the same one.
    layer = 4.0 * extent
    tree = cKDTree(np.column_stack([positions[:, :2], frames * layer]))
    following = np.column_stack([positions[:, :2], (frames + 1) * layer])
    distance, row = tree.query(following, distance_upper_bound=layer / 2)
    found = np.isfinite(distance)
    neighbour = np.asarray(row)[found]
    return np.asarray(positions[neighbour] - positions[found])


def _mixture(differences: FloatArray) -> FloatArray:
    """Return the precision along each axis, from nearest neighbours in the next frame."""
    d = differences.shape[1]
    squared = (differences[:, :2] ** 2).sum(axis=1)
    squared = squared[squared > 0]
    nothing = np.full(d, np.nan)
    if len(squared) < _FEWEST:
        return nothing
    variance = _start(squared)
    weight = 0.5
    for _ in range(_ITERATIONS):
        limit = 2 * variance * _REACH**2
        near = squared[squared < limit]
        if len(near) < _FEWEST:
            return nothing
        mate = _mates(near, variance, weight, limit)
        new = float((mate * near).sum() / mate.sum() / 4)
        # The part of the Rayleigh distribution beyond the limit is missing: 0.3 %.
        new /= 1 - _REACH**2 / 2 / np.expm1(_REACH**2 / 2)
        weight = float(mate.mean())
        done = abs(new - variance) < 1e-6 * variance
        variance = new
        if done:
            break
    squared = (differences[:, :2] ** 2).sum(axis=1)
    limit = 2 * variance * _REACH**2
    near = (squared < limit) & (squared > 0)
    mate = _mates(squared[near], variance, weight, limit)
    result = np.sqrt((mate[:, None] * differences[near] ** 2).sum(axis=0) / mate.sum() / 2)
    if d == 3:
        # Strangers above each other are as far apart as the sample is thick.
        z = np.abs(differences[near, 2])[mate > 0.5]
        result[2] = np.median(z) / 0.6745 / np.sqrt(2) if len(z) else np.nan
    return np.asarray(result)


def _mates(squared: FloatArray, variance: float, weight: float, limit: float) -> FloatArray:
    """Return the probability of each pair to be one molecule."""
    same = weight * np.exp(-squared / (4 * variance)) / (4 * variance)
    other = (1 - weight) / limit
    return np.asarray(same / (same + other))


def _start(squared: FloatArray) -> float:
    """Return a first variance: where pairs are densest, for their number, in distance."""
    ordered = np.sort(squared)
    number = np.arange(1, len(ordered) + 1)
    # Against chance: as if all were spread uniformly over the area they cover.
    use = number >= _FEWEST // 2
    excess = number[use] - len(ordered) * ordered[use] / np.quantile(ordered, 0.95)
    best = int(np.argmax(excess)) if excess.max() > 0 else 0
    return float(ordered[use][best]) / 8

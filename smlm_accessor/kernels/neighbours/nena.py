"""Localization precision from molecules that are seen in two successive frames."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.neighbours.cluster_scale import cluster_scale
from smlm_accessor.kernels.neighbours.layers import LayerNeighbours

# Localizations that are looked at: of half as many, errors of drift were 1.3 and 1.5 times as large
# in one of ten worlds.
_MOST = 40_000
ENOUGH_TO_CHECK = 10_000  # of them, to check uncertainties: enough for a few percent
# Uncertainties are wrong if they are so many times as large, or as small, as neighbours show. In
# real tables of origami, DNA-PAINT and beads they are 0.48 to 0.97 times as large: they may miss a
# part of the error, but add none. A full width at half maximum is 2.35 standard deviations.
_TOO_LARGE, _TOO_SMALL = 1.5, 4.0
FLATTENING = 2.0  # precision along z over that in x and y, where it is not known
_DONE = 1e-4  # relative change of the variance that ends the iteration
_FEWEST = 30  # pairs, for a precision
_ITERATIONS = 60
_ROOM = 2.0  # times the variance: pairs beyond the limit for it are not looked at again
_REACH = 4.0  # in standard deviations of a difference: how far pairs are looked at in the fit
# Frames that are put together until molecules are seen again: bright ones may skip some frames.
_LAYERS = (1, 4, 16, 64)
# Localizations of the next frame within reach, on average, beyond which the nearest is nearer than
# one of the same molecule usually is. With one of the same molecule, and chance, there are 1.2 at
# most; where all are of it, the nearest has one more within its reach, 2 in all.
_SEVERAL = 1.5
_MOST_PAIRS = 1_000_000  # about
_FARTHEST = 8.0  # precisions: how far pairs are looked at then, until they show no larger one
_WIDENINGS, _SETTLED = 8, 0.05
_EACH = 16  # localizations: one of them tells how many pairs there are
_FOURTH = 4  # one of them tells whether there are several near ones: 10,000 do, to a percent
_ABOVE_CHANCE = 3.0  # times as many pairs as by chance
MEDIAN_OF_NORMAL = 0.6745  # of the absolute value of a normal number, in standard deviations
# Localizations of which the cluster scale may tell that it is clearly above that: by a step of its
# radii, to which it is known.
_FEW, _CLEARLY = 10_000, 2.0**0.5
_SAME_SCALE = 2.0  # times the cluster scale: a precision above it is that of a structure


def precision(
    positions: FloatArray, frames: IntArray, uncertainty: FloatArray | None = None
) -> FloatArray:
    """Return the usual localization precision along each axis; NaN where nothing tells.

    Where uncertainties are known, that at which half of the information, one over the square, is
    reached. Otherwise from the distances to the nearest neighbour in the next frame [1]_, in x and
    y: a mixture of localizations of the same molecule, Rayleigh distributed, and of others, uniform
    within a small circle. Where no molecule is seen twice, from the smallest structures: see
    `cluster_scale`. Localizations are in the order of frames.

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
            result[axis] = _half_information(uncertainty[:, axis])
    if np.isnan(result).any() and len(positions):
        found = _from_neighbours(positions, frames)
        result = np.where(np.isnan(result), found, result)
    return result


def with_axial(precision: FloatArray) -> FloatArray:
    """Return the precision along each axis; along z, where it is not known, twice that along x."""
    axial = np.where(precision[2:] > 0, precision[2:], FLATTENING * precision[:1])
    return np.concatenate([precision[:2], axial])


def _half_information(uncertainty: FloatArray) -> float:
    """Return the uncertainty at which half of the information is reached; NaN if none is known."""
    known = uncertainty[np.isfinite(uncertainty) & (uncertainty > 0)]
    if not len(known):
        return np.nan
    ordered = np.sort(known)
    information = np.cumsum((ordered / ordered[0]) ** -2.0)
    return float(ordered[np.searchsorted(information, information[-1] / 2)])


def neighbour_precision(
    positions: FloatArray, frames: IntArray, *, most: int = _MOST
) -> FloatArray:
    """Return the precision along each axis that successive frames show, shape (d,).

    NaN where hardly any molecule is seen in two of them. The parameters are those of `precision`,
    and how many localizations are looked at.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> molecules = np.repeat(rng.uniform(0, 1000, (200, 2)), 2, axis=0)
    >>> positions = molecules + rng.normal(0, 5, (400, 2))
    >>> neighbour_precision(positions, np.arange(400)).round(0)
    array([5., 5.])
    """
    if not len(positions):
        return np.full(positions.shape[1], np.nan)
    found, clear = _in_layers(positions, np.asarray(frames - frames[0]), most)
    return found if clear else np.full(positions.shape[1], np.nan)


def contradiction(
    positions: FloatArray, frames: IntArray, uncertainty: FloatArray
) -> tuple[float, float] | None:
    """Return the usual uncertainty, and the precision that contradicts it by far; None if none.

    Neighbours in successive frames may be farther apart than uncertainties say, by what these do
    not know of: up to twice as far in real tables. They cannot be nearer. The parameters are those
    of `precision`, in x and y.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> molecules = np.repeat(rng.uniform(0, 1000, (200, 2)), 2, axis=0)
    >>> positions = molecules + rng.normal(0, 5, (400, 2))
    >>> for said in (5.0, 500.0):
    ...     found = contradiction(positions, np.arange(400), np.full((400, 2), said))
    ...     print(found if found is None else np.round(found))
    None
    [500.   5.]
    """
    if not np.isfinite(uncertainty[:, :2]).any():
        return None
    said = float(np.mean([np.nan_to_num(_half_information(u)) for u in uncertainty[:, :2].T]))
    shown = float(neighbour_precision(positions, frames, most=ENOUGH_TO_CHECK)[:2].mean())
    if not shown > 0 or shown / _TOO_SMALL <= said <= shown * _TOO_LARGE:
        return None
    if 0 < said < shown:  # the nearest may be another molecule of the same structure
        scale = cluster_scale(positions, frames)
        if said * _TOO_SMALL >= scale:
            return None
    return said, shown


def _from_neighbours(positions: FloatArray, frames: IntArray) -> FloatArray:
    layers = np.asarray(frames - frames[0])
    for frames_per_layer in _LAYERS:
        found, clear = _in_layers(positions, layers // frames_per_layer)
        if clear:
            break
    else:
        found = np.full(positions.shape[1], np.nan)
    if frames_per_layer == 1:
        return found
    # The nearest in many frames may be another molecule of the same structure.
    most = float(found[:2].max()) * _CLEARLY
    if len(positions) > _FEW and most < _SAME_SCALE * cluster_scale(positions, frames, most=_FEW):
        return found
    scale = cluster_scale(positions, frames)
    if np.isfinite(scale) and not found[:2].max() < _SAME_SCALE * scale:
        found[:2], found[2:] = scale, np.nan
    return found


def _in_layers(
    positions: FloatArray, layer: IntArray, most: int = _MOST
) -> tuple[FloatArray, bool]:
    """Return the precision along each axis, and whether chance would give far fewer pairs."""
    # Runs of successive layers, spread over all: a pair needs both of its layers.
    step = len(positions) // most + 1
    rows = np.flatnonzero(layer // 16 % step == 0)
    positions, layer = positions.take(rows, axis=0), layer[rows]
    neighbours = LayerNeighbours.of(positions, layer)
    found = _mixture(_differences(positions, neighbours))
    per_layer = len(rows) / len(neighbours.number)
    area = _area(positions)

    def is_clear() -> bool:
        reach = 2 * np.sqrt(2) * found[:2].max()
        if not (np.isfinite(reach) and area > 0):
            return False
        by_chance = -np.expm1(-np.pi * reach**2 * per_layer / area)
        return bool(_ABOVE_CHANCE * by_chance < 1)

    if is_clear():
        several = _of_several(positions, layer, neighbours, float(found[:2].max()))
        found = found if several is None else several
    return found, is_clear()


def _area(positions: FloatArray) -> float:
    """Return the area that localizations cover, in squares of a 64th of the field."""
    low, extent = by_column.lowest(positions[:, :2]), by_column.extent(positions[:, :2])
    cells = np.minimum((positions[:, :2] - low) * (64 / np.maximum(extent, 1e-300)), 63)
    index = cells.astype(np.int64) @ [64, 1]
    counts = np.bincount(index).astype(np.float64)
    return float(np.prod(extent / 64) * counts.sum() ** 2 / max((counts**2).sum(), 1.0))


def _differences(positions: FloatArray, neighbours: LayerNeighbours) -> FloatArray:
    """Return the difference of each localization to its nearest neighbour in the next frame."""
    neighbour, _, _ = neighbours.nearest(1)
    found = np.flatnonzero(neighbour >= 0)
    return np.asarray(positions.take(neighbour[found], axis=0) - positions.take(found, axis=0))


def _of_several(
    positions: FloatArray, frames: IntArray, neighbours: LayerNeighbours, nearest: float
) -> FloatArray | None:
    """Return the precision along each axis from all that are near in the next frame.

    None if only a few localizations have several near ones there. Where most have, the nearest is
    too near.

    Parameters
    ----------
    nearest : float
        The precision that nearest neighbours show.
    """
    _, _, within = neighbours.nearest(1, 2 * np.sqrt(2) * nearest, every=_FOURTH)
    if not within.sum() > _SEVERAL * np.count_nonzero(within):
        return None
    from scipy.spatial import cKDTree

    layer = 8.0 * float(by_column.extent(positions[:, :2]).max())  # frames are layers, far apart
    tree = cKDTree(np.column_stack([positions[:, :2], frames * layer]))
    following = np.column_stack([positions[:, :2], (frames + 1) * layer])
    sigma = nearest
    for _ in range(_WIDENINGS):
        far = min(_FARTHEST * sigma, layer / 8)
        near = tree.query_ball_point(following[::_EACH], far, return_length=True)
        rows = slice(None, None, 1 + _EACH * int(near.sum()) // _MOST_PAIRS)
        pairs = cKDTree(following[rows]).sparse_distance_matrix(tree, far, output_type="ndarray")
        found = _mixture(positions[pairs["j"]] - positions[rows][pairs["i"]])
        wider = float(found[:2].max())
        if not wider > (1 + _SETTLED) * sigma:
            break
        sigma = wider
    return found


def _mixture(differences: FloatArray) -> FloatArray:
    """Return the precision along each axis, from nearest neighbours in the next frame."""
    d = differences.shape[1]
    squares = differences[:, :2] ** 2
    apart = np.flatnonzero((squares[:, 0] > 0) | (squares[:, 1] > 0))
    squares = squares.take(apart, axis=0)
    nothing = np.full(d, np.nan)
    if len(squares) < _FEWEST:
        return nothing
    variance = np.full(2, _start(squares[:, 0] + squares[:, 1]))
    weight, largest = 0.5, np.zeros(2)
    for _ in range(_ITERATIONS):
        # In units in which mates are exponentially distributed, up to a limit.
        if (variance > largest).any():  # those beyond the limit for it do not count
            largest = _ROOM * variance
            within = np.flatnonzero(squares @ (0.25 / largest) < _REACH**2 / 2)
            some = squares.take(within, axis=0)
        distance = some @ (0.25 / variance)
        near = np.flatnonzero(distance < _REACH**2 / 2)
        if len(near) < _FEWEST:
            return nothing
        # The probability of each pair to be one molecule.
        same = weight * np.exp(-distance[near])
        mate = same / (same + (1 - weight) / (_REACH**2 / 2))
        new = mate @ some.take(near, axis=0) / mate.sum() / 2
        # What lies beyond the limit is missing.
        new /= 1 - _REACH**2 / 2 / np.expm1(_REACH**2 / 2)
        weight = float(mate.mean())
        done = (np.abs(new - variance) < _DONE * variance).all()
        variance = new
        if done or not (variance > 0).all():
            break
    result = np.full(d, np.nan)
    result[:2] = np.sqrt(variance)
    if d == 3:
        # Strangers above each other are as far apart as the sample is thick.
        z = np.abs(differences[apart[within[near[mate > 0.5]]], 2])
        result[2] = np.median(z) / MEDIAN_OF_NORMAL / np.sqrt(2) if len(z) else np.nan
    return result


def _start(squared: FloatArray) -> float:
    """Return a first variance: where pairs are densest, for their number, in distance."""
    ordered = np.sort(squared)
    number = np.arange(1, len(ordered) + 1)
    # Against chance: as if all were spread uniformly over the area they cover.
    use = number >= _FEWEST // 2
    excess = number[use] - len(ordered) * ordered[use] / np.quantile(ordered, 0.95)
    best = int(np.argmax(excess)) if excess.max() > 0 else 0
    return float(ordered[use][best]) / 8

"""The rough shifts of many tables, from those of all pairs whose fields overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.global_shift import CLEAR, find_shift_at_any_scale
from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs
from smlm_accessor.kernels.solvers.redundant import solve_pairs

_FINEST = 0.7  # precisions: the last smoothing
_FEWEST = 10  # localizations of each table where two fields overlap
_REACH = 2.0  # smoothings, by which a shift that was found in images may be wrong
# Standard deviations of a shift of which no finer images are needed: they take seconds, differences
# of localizations refine what was found, and other pairs check it.
_CERTAIN = 8.0
# Differences of localizations of a pair of tables, which are counted: 0.05 s.
_MOST_DIFFERENCES = 2e5
# The largest residual of a pair, so many times, is how far a shift from pairs may be wrong; and not
# less than so many precisions.
_AS_FAR, _LEAST_REACH = 2.0, 4.0


@dataclass(frozen=True)
class RoughShifts:
    """Shifts of tables from those of pairs.

    Parameters
    ----------
    shift : ndarray, shape (k, d)
        ``corrected = position + shift``; NaN for tables that no pair connects with the most.
    reach : float
        How far the shifts may be wrong.
    significance : ndarray, shape (k, k)
        Of the shift of each pair, in standard deviations of chance; 0 of pairs not compared.
    compared, left_out : ndarray of bool, shape (k, k)
        Pairs whose fields overlap, and those whose shift contradicts the others.
    """

    shift: FloatArray
    reach: float
    significance: FloatArray
    compared: BoolArray
    left_out: BoolArray


def rough_shifts(
    positions: Sequence[FloatArray],
    precision: FloatArray,
    *,
    max_shift: float | None,
    progress: bool,
) -> RoughShifts:
    """Compare all pairs of tables whose fields overlap, and solve their shifts together.

    Only where the fields overlap, or may after the largest shift, are two tables compared: tiles
    that do not touch cost nothing. Without ``max_shift`` the fields are trusted by as much as they
    overlap: the largest shift along x and y is the smaller side of what they have in common.

    Parameters
    ----------
    positions : sequence of ndarray, shape (n, d)
    precision : ndarray, shape (d,)
        Of a usual localization.
    max_shift : float, optional
        By which the positions of two tables may differ along x and y.
    progress : bool
    """
    k, d = len(positions), positions[0].shape[1]
    fields = np.array([(p[:, :2].min(axis=0), p[:, :2].max(axis=0)) for p in positions])
    found = map_threads(
        lambda pair: _compare(positions, fields, *pair, precision, max_shift),
        list(combinations(range(k), 2)),
        progress=progress,
        description="pairs",
    )
    differences, smoothing = np.zeros((d, k, k)), np.full((k, k), np.inf)
    significance = np.zeros((k, k))
    compared = np.zeros((k, k), dtype=np.bool_)
    for (i, j), pair in zip(combinations(range(k), 2), found, strict=True):
        if pair is None:
            continue
        compared[i, j] = compared[j, i] = True
        significance[i, j] = significance[j, i] = pair.significance
        if pair.significance >= CLEAR:
            differences[:, i, j], differences[:, j, i] = -pair.shift, pair.shift
            smoothing[i, j] = smoothing[j, i] = pair.smoothing
    clear = np.isfinite(smoothing)
    weights = np.where(clear, 1 / np.maximum(smoothing, 1e-300) ** 2, 0.0)
    usual = float(np.median(smoothing[clear])) if clear.any() else 0.0
    limit = _REACH * np.maximum(np.where(clear, smoothing, 0.0), usual)
    network = solve_pairs(differences, weights, np.maximum(limit, 1e-300))
    sizes = np.bincount(network.component)
    main = (network.component == int(np.argmax(sizes))) & (sizes.max() > 1)
    reach = _REACH * float(smoothing[network.used].max(initial=0.0))
    if network.used.sum() // 2 >= k:  # loops: pairs that agree are better than their images
        off = differences - (network.shift.T[:, :, None] - network.shift.T[:, None, :])
        worst = float(np.abs(off[:2, network.used]).max())
        reach = min(reach, max(_AS_FAR * worst, _LEAST_REACH * float(precision[:2].max())))
    shift = np.where(main[:, None], network.shift, np.nan)
    return RoughShifts(shift, reach, significance, compared, clear & ~network.used)


@dataclass(frozen=True)
class _PairShift:
    """Shift of the second of two tables onto the first."""

    shift: FloatArray
    significance: float
    smoothing: float


def _compare(
    positions: Sequence[FloatArray],
    fields: FloatArray,
    i: int,
    j: int,
    precision: FloatArray,
    max_shift: float | None,
) -> _PairShift | None:
    """Return the shift of table ``j`` onto ``i``; None if their fields do not overlap."""
    lower = np.maximum(fields[i, 0], fields[j, 0])
    upper = np.minimum(fields[i, 1], fields[j, 1])
    largest = float((upper - lower).min()) if max_shift is None else max_shift
    if not (upper - lower > (0.0 if max_shift is None else -max_shift)).all():
        return None
    near: list[IntArray] = [
        np.flatnonzero(((p[:, :2] >= lower - largest) & (p[:, :2] <= upper + largest)).all(axis=1))
        for p in (positions[i], positions[j])
    ]
    if min(len(rows) for rows in near) < _FEWEST:
        return None
    origin = (lower + upper) / 2
    reference, moving = positions[i][near[0]], positions[j][near[1]]
    reference[:, :2] -= origin
    moving[:, :2] -= origin
    finest = _FINEST * float(precision[:2].max())
    xy = [np.ascontiguousarray(p[:, :2]) for p in (reference, moving)]
    found = find_shift_at_any_scale(xy[0], xy[1], finest, np.full(2, largest), certain=_CERTAIN)
    shift = np.zeros(len(precision))
    if found.significance >= CLEAR:
        shift[:2] = found.shift
        near_by = _REACH * found.smoothing
        shift += shift_of_pairs(
            reference, moving + shift, precision, near_by, most_pairs=_MOST_DIFFERENCES
        )
    return _PairShift(shift, found.significance, found.smoothing)

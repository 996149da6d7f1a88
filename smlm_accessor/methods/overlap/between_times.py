"""What windows of time know of each other: joint drift, its errors, parts that share nothing."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.couplings import connected_parts, least_connection, shares
from smlm_accessor.kernels.time_series.joint_drift import JointDrift, joint_drift, laplacian
from smlm_accessor.methods.overlap.density import CouplingSums, Density
from smlm_accessor.methods.overlap.iteration import DriftEstimate
from smlm_accessor.timeline import Windows

# Windows: enough to see that some do not know others, and to solve; a little below powers of 2, for
# blocks of blocks of them.
_COARSE, _FINE, _FINEST = 125, 250, 500
# Of the couplings may be between nearest windows: what molecules tell that live as long as a window
# is lost.
_MOST_NEAR = 0.7
_FEW, _MANY = 25_000, 1_000_000  # events that are paired with others then
# Where earlier and later windows know each other this much less than all know all, errors are
# a tenth larger than those against a perfect map: the trend through windows is good enough.
_CONNECTED = 0.8
_ROUNDS = 3
_TOLERANCE = 0.5  # standard deviations


@dataclass(frozen=True)
class DriftOfWindows:
    """The drift of windows that were asked for.

    Parameters
    ----------
    level, std : ndarray, shape (n_windows, d)
    connected : ndarray of bool, shape (n_windows,)
        Whether a window is in the largest part of those that share structures.
    others : list of tuple
        First frame and first frame after each of the other parts.
    smoothing_time : float
        Frames of which the errors are alike.
    """

    level: FloatArray
    std: FloatArray
    connected: BoolArray
    others: list[tuple[float, float]]
    smoothing_time: float


def drift_of_windows(estimate: DriftEstimate, windows: Windows, density: Density) -> DriftOfWindows:
    r"""Return the drift of windows and its error, from what windows know of each other.

    For pairs of windows, the responsibilities :math:`R_{st}` of events add up, and the curvatures
    :math:`C_{st}`. Their share :math:`\rho = C / R` tells true pairs from those by chance. Where
    it is the same for all pairs, the trend through the windows is what is known. Where molecules
    bleach, windows know only those near in time, and errors add up. Then the gradient
    :math:`\rho_{st} F_{st}`, antisymmetric, and the information

    .. math:: L = \operatorname{diag}(W 1) - W, \qquad W_{st} = \rho_{st}^2 R_{st} / \kappa,

    with the variance :math:`\kappa` of a gradient per responsibility, give the joint drift of all
    windows and its covariance. It is iterated, since the gradient is not linear.
    """
    timeline = windows.timeline
    level, std = estimate.level, estimate.std
    smoothing = estimate.smoothing_time(windows)
    connected = np.ones(len(windows), dtype=np.bool_)
    everywhere = DriftOfWindows(level, std, connected, [], smoothing)
    coarse = timeline.evenly(_COARSE)
    if len(coarse) < 3:
        return everywhere
    pairs = density.couplings(estimate.drift, coarse, n_events=_FEW)
    share = shares(pairs.curvature, pairs.responsibility)
    responsibility = pairs.responsibility.sum(axis=0)
    if least_connection(share * responsibility) > _CONNECTED:
        return everywhere
    fine = timeline.evenly(_FINE if _near(share * responsibility) < _MOST_NEAR else _FINEST)
    drift = estimate.drift
    for turn in range(_ROUNDS):
        pairs = density.couplings(drift, fine, n_events=_MANY)
        if turn == 0:
            part = _parts(pairs, drift, fine, density)
            main = part == 0
        now = fine.mean(drift)
        found = _joint(pairs, now, fine, density.precision, main)
        moved = np.where(main[:, None], np.stack([f.level for f in found], axis=1) - now, 0.0)
        moved -= np.average(moved, axis=0, weights=np.where(main, fine.counts, 0))
        error = np.sqrt(np.stack([f.variance for f in found], axis=1))
        drift = drift + _in_frames(moved, fine)
        if (
            np.sqrt((moved[main] ** 2).mean(axis=0)) < _TOLERANCE * np.median(error[main], axis=0)
        ).all():
            break
    # Of windows that are shorter, the trend knows the rest.
    short = len(windows) > len(fine)
    if not short:
        drift = _in_frames(fine.mean(drift), fine)
    variance = np.stack(
        [np.interp(windows.mean_frame, fine.mean_frame, e) for e in (error**2).T], axis=1
    )
    std = np.sqrt(variance + std**2) if short else np.sqrt(variance)
    inside = windows.mean(main[fine.of_frame].astype(np.float64)) > 0.5
    extent = float(timeline.frames[-1] - timeline.frames[0]) + timeline.unit
    smoothing = max(extent / min(f.n_errors for f in found), smoothing)
    return DriftOfWindows(windows.mean(drift), std, inside, _ranges(part, fine), smoothing)


def _near(couplings: FloatArray) -> float:
    """Return the part of the couplings that is between windows at most two apart."""
    near = np.triu(np.tril(couplings, 2), -2)
    return float(near.sum() / max(couplings.sum(), 1e-300))


def _joint(
    pairs: CouplingSums, now: FloatArray, windows: Windows, precision: FloatArray, main: BoolArray
) -> list[JointDrift]:
    """Return the joint drift of the windows along each axis; the others are not connected."""
    responsibility = pairs.responsibility.sum(axis=0)
    share = shares(pairs.curvature, pairs.responsibility) * np.outer(main, main)
    curvature = float((pairs.curvature.sum(axis=0)).sum())
    found = []
    for axis, w in enumerate(precision):
        kappa = w**2 * pairs.squared[axis] / responsibility.sum()
        scale = pairs.total_curvature[axis] / curvature
        information = laplacian(share**2 * responsibility) * scale**2 / kappa
        gradient = (share * pairs.gradient[..., axis]).sum(axis=1) * scale * w / kappa
        found.append(
            joint_drift(
                information,
                information @ now[:, axis] - gradient,
                windows.mean_frame,
                windows.segment,
                np.where(main, windows.counts, 0).astype(np.float64),
            )
        )
    return found


def _parts(pairs: CouplingSums, drift: FloatArray, windows: Windows, density: Density) -> IntArray:
    """Return the part that each window belongs to, see `connected_parts`.

    Where the drift takes a step over a window, there were as many other positions as near.
    """
    events = np.bincount(
        windows.of_frame[density.events.frame], density.events.weight, len(windows)
    ).astype(np.float64)
    level, precision = windows.mean(drift), density.precision[:2]
    step = np.zeros((len(windows), 2))
    step[1:-1] = level[2:, :2] - level[:-2, :2]
    alternatives = np.maximum(pi * ((step / precision) ** 2).sum(axis=1), 1.0)
    return connected_parts(pairs.curvature, pairs.responsibility, events, alternatives)


def _in_frames(level: FloatArray, windows: Windows) -> FloatArray:
    """Return lines through the levels of windows, level before the first and after the last."""
    flat = np.zeros(len(windows))
    return np.stack([windows.lines(column, flat) for column in level.T], axis=1)


def _ranges(part: IntArray, windows: Windows) -> list[tuple[float, float]]:
    """Return the frames of each run of windows that are not in the largest part."""
    other = np.concatenate([[False], part != 0, [False]])
    first, stop = (np.flatnonzero(np.diff(other.astype(np.int8)) == s) for s in (1, -1))
    return [(windows.edges[a], windows.edges[b]) for a, b in zip(first, stop, strict=True)]

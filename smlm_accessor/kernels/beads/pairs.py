"""The transformation between two tables from beads that are in both, and its covariance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.geometry.similarity import fit_matrix

_ROUNDS = 20
_CONVERGED = 1e-9  # of the size of the field: a smaller step ends the iteration
_HALVINGS = 60  # of the interval in which a variance is
# With fewer degrees of freedom the mean square of Student's t is infinite.
_FEWEST_FREE = 3


class PairFit(NamedTuple):
    """``reference = shift + matrix @ moving``, about the origin of the moving beads.

    ``covariance`` is of the shift, then of angle and log scale as far as they are fitted;
    ``scatter`` (d,) how far beads lie from each other beyond their own errors, one standard
    deviation.
    """

    shift: FloatArray
    angle: float
    log_scale: float
    covariance: FloatArray
    scatter: FloatArray


def fewest_beads(*, with_rotation: bool, with_scaling: bool) -> int:
    """Return how many beads it takes to fit a transformation in the plane, and know its error.

    Examples
    --------
    >>> fewest_beads(with_rotation=False, with_scaling=False)
    3
    >>> fewest_beads(with_rotation=True, with_scaling=True)
    4
    """
    return (2 + with_rotation + with_scaling + _FEWEST_FREE + 1) // 2


def fit_pairs(
    reference: FloatArray,
    moving: FloatArray,
    variance: FloatArray,
    *,
    with_rotation: bool,
    with_scaling: bool,
) -> PairFit:
    """Fit by least squares, weighted by ``1 / (variance + scatter**2)``.

    Positions have shape (k, d); ``variance``, (k, d), is of the difference of the two places of a
    bead by its own jitter and wander. ``scatter`` is what beads differ by beyond that: the one at
    which the weighted sum of squared residuals is the number of degrees of freedom (Paule &
    Mandel, J. Res. Natl. Bur. Stand. 87, 377 (1982)), alike in x and y, apart in z. It is
    known from few beads; its part in the covariance is that of Student's t, ``f / (f - 2)`` times
    larger with ``f`` degrees of freedom.

    Examples
    --------
    >>> moving = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [9.0, 9.0]])
    >>> variance = np.full((4, 2), 0.01)
    >>> fit = fit_pairs(moving + 5, moving, variance, with_rotation=False, with_scaling=False)
    >>> fit.shift.round(6), np.sqrt(np.diag(fit.covariance)).round(6)
    (array([5., 5.]), array([0.05, 0.05]))
    """
    k, d = moving.shape
    target, source = reference[:, :2].mean(axis=0), moving[:, :2].mean(axis=0)
    t, s = reference[:, :2] - target, moving[:, :2] - source
    start = fit_matrix(t.T @ s, s.T @ s, with_rotation=with_rotation, with_scaling=with_scaling)
    if not np.isfinite(start).all():
        start = np.eye(2)
    angle = float(np.arctan2(start[1, 0], start[0, 0])) if with_rotation else 0.0
    log_scale = float(np.log(np.linalg.det(start)) / 2) if with_scaling else 0.0
    shift = reference.mean(axis=0) - moving.mean(axis=0)
    shift[:2] = target - start @ source
    fitted = np.array([True] * d + [with_rotation, with_scaling])
    n_plane = 2 + with_rotation + with_scaling
    # Rows of one bead follow each other: which of them are in the plane, and which along z.
    plane = np.tile(np.arange(d) < 2, k)
    groups: list[tuple[BoolArray, int]] = [(plane, 2 * k - n_plane)]
    if d == 3:
        groups.append((~plane, k - 1))
    own = variance.ravel()
    coarser = float(np.median(own[~plane]) / np.median(own[plane])) if d == 3 else 1.0
    more = np.zeros(k * d)
    size = max(float(np.ptp(moving, axis=0).max()), 1e-300)
    jacobian = np.zeros((k * d, int(fitted.sum())))
    for _ in range(_ROUNDS):
        c, n = np.cos(angle), np.sin(angle)
        at = moving.copy()
        at[:, :2] = moving[:, :2] @ (np.exp(log_scale) * np.array([[c, n], [-n, c]]))
        jacobian = _jacobian(at)[:, fitted]
        residual = (reference - at - shift).ravel()
        step = _solve(jacobian, residual, own + more)
        for rows, free in groups:
            scatter = _scatter(jacobian[rows], residual[rows], own[rows], free)
            # So few beads do not tell it along z: beside their own errors it is no less than in
            # the plane.
            least = 0.0 if free >= _FEWEST_FREE else float(more[0]) * coarser
            more[rows] = max(scatter, least)
        step = _solve(jacobian, residual, own + more)
        steps = np.zeros(len(fitted))
        steps[fitted] = step
        shift = shift + steps[:d]
        angle += float(steps[d])
        log_scale += float(steps[d + 1])
        if max(np.abs(steps[:d]).max(), np.abs(steps[d:]).max() * size) <= _CONVERGED * size:
            break
    weighed = own + more
    for rows, free in groups:
        f = free if free >= _FEWEST_FREE else max(free + groups[0][1], _FEWEST_FREE)
        weighed[rows] += more[rows] * 2 / (f - 2)
    weights = 1 / (own + more)
    inverse = np.linalg.pinv(jacobian.T @ (jacobian * weights[:, None]))
    gain = inverse @ (jacobian * weights[:, None]).T
    return PairFit(shift, angle, log_scale, (gain * weighed) @ gain.T, np.sqrt(more[:d]))


def _jacobian(at: FloatArray) -> FloatArray:
    """Return the derivatives of transformed beads (k, d), shape (k * d, d + 2)."""
    k, d = at.shape
    out = np.zeros((k, d, d + 2))
    out[:, np.arange(d), np.arange(d)] = 1.0
    out[:, 0, d], out[:, 1, d] = -at[:, 1], at[:, 0]
    out[:, :2, d + 1] = at[:, :2]
    return out.reshape(k * d, d + 2)


def _solve(jacobian: FloatArray, residual: FloatArray, variance: FloatArray) -> FloatArray:
    root = 1 / np.sqrt(variance)
    return np.asarray(np.linalg.lstsq(jacobian * root[:, None], residual * root, rcond=None)[0])


def _scatter(jacobian: FloatArray, residual: FloatArray, own: FloatArray, free: int) -> float:
    """Return the variance beyond their own at which residuals are what they should be."""

    def excess(variance: float) -> float:
        left = residual - jacobian @ _solve(jacobian, residual, own + variance)
        return float((left**2 / (own + variance)).sum()) - free

    if free < 1 or excess(0.0) <= 0:
        return 0.0
    left = residual - jacobian @ _solve(jacobian, residual, np.ones_like(own))
    low, high = 0.0, float((left**2).sum()) / free
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2

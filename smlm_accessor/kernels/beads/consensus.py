"""What several beads move together, and how far each of them strays from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray

_ROUNDS = 50
_CONVERGED = 1e-6  # jitters: a smaller change of the drift ends the iteration
_FAR = 3.0  # standard deviations beyond which the residual of a bead counts less (Huber)
# A bead that has all of a window's weight but this part says nothing of how far it strays.
_LEAST_SHARE = 0.05


class Consensus(NamedTuple):
    """Of ``k`` windows and ``b`` beads along one axis.

    ``drift`` and ``variance`` (k,), NaN where no bead is seen; ``shot`` (k,), the part of the
    variance that is from jitter, independent from window to window; ``place`` (b,) of the beads
    where the drift is 0; ``wander`` (b,), the variance of a bead about the consensus beyond its
    jitter; ``weight`` (b,), the part of each bead in the weight of all.
    """

    drift: FloatArray
    variance: FloatArray
    shot: FloatArray
    place: FloatArray
    wander: FloatArray
    weight: FloatArray


def consensus(means: FloatArray, counts: IntArray, jitter: FloatArray) -> Consensus:
    """Find the common motion of beads that are not seen all the time.

    Weighted least squares of ``means = place + drift`` for the places of the beads and the drift
    together, so that a bead that appears or is lost makes no step. The weight of a bead in a window
    is ``1 / (jitter / count + wander)``, less where its residual is large; ``wander``, the variance
    of its own motion, is that of its residuals beyond jitter. Weights and solution are iterated.

    ``means``, (k, b), are the mean positions of each bead in each window, of ``counts``
    localizations; ``jitter``, (b,), is the variance of one localization.

    Examples
    --------
    >>> drift = np.array([0.0, 1.0, 3.0, 6.0])
    >>> means = drift[:, None] + [10.0, 20.0, 30.0]
    >>> counts = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1], [0, 1, 1]])
    >>> found = consensus(means, counts, np.full(3, 0.01))
    >>> (found.drift - found.drift[0]).round(3)
    array([0., 1., 3., 6.])
    """
    seen = counts > 0
    x = np.where(seen, means, 0.0)
    shot = np.where(seen, jitter / np.maximum(counts, 1), np.inf)
    wander = np.zeros(means.shape[1])
    huber = np.ones(means.shape)
    drift, place, weights = _solve(x, huber / shot)
    for number in range(_ROUNDS):
        weights = huber / (shot + wander)
        before = drift
        drift, place, weights = _solve(x, weights)
        residual = np.where(seen, x - place - drift[:, None], 0.0)
        total = weights.sum(axis=1, keepdims=True)
        share = np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
        # What a bead contributes to the consensus does not show in its residual.
        free = np.where(seen & (share < 1 - _LEAST_SHARE), 1 - share, np.inf)
        known = np.isfinite(free)
        squared = np.where(known, huber * residual**2 / free, 0.0)
        beyond = squared - np.where(known, huber * np.where(seen, shot, 0.0), 0.0)
        n = (huber * known).sum(axis=0)
        wander = np.maximum(beyond.sum(axis=0) / np.maximum(n, 1), 0.0)
        spread = np.sqrt(np.where(seen, shot, 0.0) + wander)
        z = np.abs(residual) / np.where(spread > 0, spread, 1.0)
        huber = _FAR / np.maximum(z, _FAR)
        moved = np.abs(drift - before).max(initial=0.0)
        if number > 0 and moved <= _CONVERGED * np.sqrt(np.median(jitter)):
            break
    total = weights.sum(axis=1)
    nowhere = ~(total > 0)
    variance = 1 / np.where(nowhere, np.nan, total)
    share = weights / np.where(nowhere, np.nan, total)[:, None]
    from_jitter = (share**2 * np.where(seen, shot, 0.0)).sum(axis=1)
    part = weights.sum(axis=0)
    return Consensus(
        np.where(nowhere, np.nan, drift),
        variance,
        from_jitter,
        place,
        wander,
        part / max(part.sum(), 1e-300),
    )


def _solve(x: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Solve for drift and places with given weights; of separate groups each has mean place 0."""
    total = weights.sum(axis=1)
    some = total > 0
    share = weights[some] / total[some, None]
    w = weights[some]
    normal = np.diag(w.sum(axis=0)) - share.T @ w
    right = (w * x[some]).sum(axis=0) - share.T @ (w * x[some]).sum(axis=1)
    place = np.linalg.lstsq(normal, right, rcond=1e-10)[0]
    drift = np.zeros(len(x))
    drift[some] = (share * (x[some] - place)).sum(axis=1)
    return drift, place, weights

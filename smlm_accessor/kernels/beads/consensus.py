"""What several beads move together, and how far each of them strays from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.beads.own_motion import own_motion

_ROUNDS = 50
_CONVERGED = 1e-6  # jitters: a smaller change of the drift ends the iteration
_FAR = 3.0  # standard deviations beyond which the residual of a bead counts less (Huber)


class Consensus(NamedTuple):
    """Of ``k`` windows and ``b`` beads along one axis.

    ``drift`` and ``variance`` (k,), NaN where no bead is seen; ``shot`` (k,), the part of the
    variance that is from jitter, independent from window to window; ``place`` (b,) of the beads
    where the drift is 0; ``wander`` (b,), the variance of the own motion of a bead, beyond jitter,
    on average over all time; ``weight`` (b,), the part of each bead in the weight of all; ``loose``
    (b,), which beads move more than the others, beyond chance.
    """

    drift: FloatArray
    variance: FloatArray
    shot: FloatArray
    place: FloatArray
    wander: FloatArray
    weight: FloatArray
    loose: BoolArray


def consensus(
    means: FloatArray, counts: IntArray, jitter: FloatArray, time: FloatArray | None = None
) -> Consensus:
    """Find the common motion of beads that are not seen all the time.

    Weighted least squares of ``means = place + drift`` for the places of the beads and the drift
    together, so that a bead that appears or is lost makes no step. The weight of a bead in a window
    is ``1 / (jitter / count + wander)``, less where its residual is large. The ``wander`` of a bead
    is the variance of its own motion over all time, from how beads move against each other: see
    `own_motion`. Weights and solution are iterated. The variance of the drift is ``sum(share**2 *
    (jitter / count + own))``, with the part ``share`` of each bead in the weight of a window, and
    ``own`` the variance of its own motion at that time.

    Parameters
    ----------
    means : ndarray, shape (k, b)
        Mean position of each bead in each window.
    counts : ndarray, shape (k, b)
        Of how many localizations.
    jitter : ndarray, shape (b,)
        Variance of one localization.
    time : ndarray, shape (k,), optional
        Of the windows, increasing. By default all are as long as each other.

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
    time = np.arange(float(len(means))) if time is None else time
    part_of_time = (time - time[:1]) / np.maximum(np.ptp(time) if len(time) else 0.0, 1e-300)
    by_jitter = np.where(seen, shot, 0.0)
    own = own_motion(means, seen, by_jitter, part_of_time)
    wander = own.white + own.walk / 6
    spread = np.sqrt(by_jitter + wander)
    huber = np.ones(means.shape)
    drift, place, weights = _solve(x, huber / (shot + wander))
    for _ in range(_ROUNDS):
        residual = np.where(seen, x - place - drift[:, None], 0.0)
        z = np.abs(residual) / np.where(spread > 0, spread, 1.0)
        huber = _FAR / np.maximum(z, _FAR)
        before = drift
        drift, place, weights = _solve(x, huber / (shot + wander))
        moved = np.abs(drift - before).max(initial=0.0)
        if moved <= _CONVERGED * np.sqrt(np.median(jitter)):
            break
    total = weights.sum(axis=1)
    nowhere = ~(total > 0)
    share = weights / np.where(nowhere, np.nan, total)[:, None]
    from_jitter = (share**2 * by_jitter).sum(axis=1)
    variance = from_jitter + (share**2 * own.variance(part_of_time)).sum(axis=1)
    part = weights.sum(axis=0)
    return Consensus(
        np.where(nowhere, np.nan, drift),
        variance,
        from_jitter,
        place,
        wander,
        part / max(part.sum(), 1e-300),
        own.alone & (wander > np.max(wander[~own.alone], initial=0.0)),
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

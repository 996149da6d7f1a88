"""The drift of windows that know their positions only relative to each other, and its variance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.trend_loops import QUIETEST

# Rates of the random walks, in decades of their effect on the drift that is known best: from one
# that changes nothing to one that smooths nothing.
_DECADES = np.arange(-2.0, 9.0, 0.5)
# Factor of the variances: as little as that of the local linear trend, and not so much that a fast
# random walk could pass for noise.
_NOISIEST = 2.0
_RIDGE = 1e-9  # of the information on a level or slope: where there is none, the variance is large
_NO_INFORMATION = 1e-9  # of the largest eigenvalue


class JointDrift(NamedTuple):
    """Drift less its weighted mean.

    Parameters
    ----------
    level : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    noise : float
        Common factor of the variances: how much more the gradient scatters than it should.
    """

    level: FloatArray
    covariance: FloatArray
    noise: float

    @property
    def variance(self) -> FloatArray:
        """Variance of each level, shape (k,)."""
        return np.diagonal(self.covariance)

    @property
    def n_errors(self) -> float:
        """How many independent errors the levels have."""
        return float(np.trace(self.covariance) ** 2 / max(np.sum(self.covariance**2), 1e-300))


def laplacian(couplings: FloatArray) -> FloatArray:
    """Return the information of windows with these couplings, (..., k, k): its rows add up to 0."""
    diagonal = couplings.sum(axis=-1)[..., None] * np.eye(couplings.shape[-1])
    return np.asarray(diagonal - couplings)


def joint_drift(
    information: FloatArray,
    score: FloatArray,
    time: FloatArray,
    segment: IntArray,
    weight: FloatArray,
) -> JointDrift:
    r"""Return the mean and the variance of the drift, given what windows know of each other.

    With the information matrix :math:`L`, whose rows add up to 0, and the score
    :math:`h = L \hat d`, the drift is :math:`d = B \beta + F w`. In each segment, :math:`B` has a
    constant and a slope, which are free; :math:`F w` is a random walk of the level, or of the
    slope, and :math:`w` has the variance :math:`q`. With :math:`M = F^T L F` and
    :math:`r = F^T h`, both less what :math:`B` explains, and :math:`M = V \mu V^T`, the logarithm
    of the marginal likelihood is

    .. math:: -\tfrac12 n \log\Big(S - \sum_k \frac{q (V^T r)_k^2}{1 + q \mu_k}\Big)
              - \tfrac12 \sum_k \log(1 + q \mu_k), \quad S = \sum_k (V^T r)_k^2 / \mu_k.

    Drift and variance are means over the rates :math:`q` and both kinds of walks, weighted by their
    likelihood; the spread of the drifts adds to the variance.

    Parameters
    ----------
    information : ndarray, shape (k, k)
    score : ndarray, shape (k,)
    time : ndarray, shape (k,)
        Increasing.
    segment : ndarray of int, shape (k,)
    weight : ndarray, shape (k,)
        The mean with these is 0, and without variance.
    """
    share = weight / weight.sum()
    score = score - share * score.sum()
    base = _lines(time, segment)
    known = base.T @ information @ base
    known[np.diag_indices_from(known)] += _RIDGE * (float(np.trace(known)) or 1.0)
    inverse = np.linalg.inv(known)
    explained = inverse @ (base.T @ information)
    beta = inverse @ (base.T @ score)
    logs: list[FloatArray] = []
    levels, factors, shapes, gains = [], [], [], []
    center = np.eye(len(time)) - share
    for walk in _walks(time, segment):
        free = walk - base @ (explained @ walk)
        matrix = free.T @ information @ free
        mu, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        mu = np.maximum(mu, 0.0)
        r = vectors.T @ (free.T @ score)
        if not logs:  # walks of the slope hardly reach the fastest changes
            seen = mu > _NO_INFORMATION * mu[-1]
            total, n = float((r[seen] ** 2 / mu[seen]).sum()), int(seen.sum())
        shape = center @ free @ vectors
        q = 10.0 ** _DECADES[:, None] / (float(mu[-1]) or 1.0)
        gain = q / (1 + q * mu)
        rest = total - (gain * r**2).sum(axis=1)
        factor = np.clip(rest / max(n, 1), QUIETEST, _NOISIEST)
        changes = np.log1p(q * mu).sum(axis=1)
        logs.append(-0.5 * (n * np.log(factor) + rest / factor + changes))
        levels.append((gain * r) @ shape.T)
        factors.append(factor)
        shapes.append(shape)
        gains.append(factor[:, None] * gain)
    log, level, factor = map(np.concatenate, (logs, levels, factors))
    p = np.exp(log - log.max())
    p /= p.sum()
    mean = p @ level
    noise = float(p @ factor)
    covariance = noise * center @ base @ inverse @ base.T @ center.T
    covariance += (p * (level - mean).T) @ (level - mean)
    for shape, gain, one in zip(shapes, gains, np.split(p, len(shapes)), strict=True):
        covariance += shape * (one @ gain) @ shape.T
    return JointDrift(center @ (base @ beta) + mean, covariance, noise)


def _lines(time: FloatArray, segment: IntArray) -> FloatArray:
    """Return a constant and a slope in each segment; the constant of the first is not needed."""
    columns = []
    for number in np.unique(segment):
        inside = segment == number
        if number != segment[0]:
            columns.append(inside.astype(np.float64))
        if inside.sum() > 1:
            t = time[inside] - time[inside].mean()
            column = np.zeros(len(time))
            column[inside] = t / np.abs(t).max()
            columns.append(column)
    return np.stack(columns, axis=1) if columns else np.zeros((len(time), 0))


def _walks(time: FloatArray, segment: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the random walks of the level and of the slope, shape (k, k) each.

    Each column is a step of unit variance per unit of time; it ends with the segment.
    """
    step = np.diff(time, prepend=time[0])
    root = np.sqrt(step / max(float(np.median(step[1:])), 1e-300))
    begins = np.diff(segment, prepend=segment[0] - 1) != 0
    root[begins] = 0.0
    after = (time[:, None] >= time) & (segment[:, None] == segment)
    level = after * root
    middle = time - step / 2
    slope = np.where(after, (time[:, None] - middle) / max(float(np.ptp(time)), 1e-300), 0.0) * root
    return level, slope

"""Slopes of lines through noisy values, as large as the values say that slopes are."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray

# Squares of slopes in standard deviations, on average, from which they are worth their cost: twice
# the log-likelihood gains as much for each, by the criterion of Akaike.
_WORTH = 2.0


def excess_of_slopes(evidence: FloatArray) -> float:
    """Return the part of slopes that is rather noise, by their squares in standard deviations.

    All of them is, if they are not worth what so many numbers cost by the criterion of Akaike [1]_:
    where nothing moves, no motion is most often found. Otherwise they are drawn from a normal
    distribution about 0, whose variance, in units of theirs, has the largest marginal likelihood.
    The posterior mean of a slope ``b`` is ``b * (1 - 1 / mean(evidence))``, the rule of James and
    Stein [2]_; one that is clear stays as it is.

    References
    ----------
    .. [1] Akaike, IEEE Trans. Autom. Control 19, 716 (1974),
       https://doi.org/10.1109/TAC.1974.1100705
    .. [2] Efron and Morris, J. Am. Stat. Assoc. 68, 117 (1973),
       https://doi.org/10.1080/01621459.1973.10481350

    Examples
    --------
    >>> excess_of_slopes(np.array([0.3, 1.2])), excess_of_slopes(np.array([100.0]))
    (1.0, 0.01)
    """
    mean = float(np.mean(evidence)) if len(evidence) else 0.0
    return 1 / mean if mean > _WORTH else 1.0


def excess_lines(
    time: FloatArray, value: FloatArray, variance: FloatArray, *, free: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return what is rather noise in the slopes of the lines through segments.

    The slopes of all segments and axes are judged together, see `excess_of_slopes`.

    Parameters
    ----------
    time : ndarray, shape (n,)
        In order.
    value, variance : ndarray, shape (n, d)
        A variance of infinity means that there is no value.
    free : ndarray of bool, shape (n,)
        Where segments begin.

    Returns
    -------
    level, slope : ndarray, shape (n, d)
        Of straight lines with this slope, 0 in the middle of each segment.

    Examples
    --------
    >>> time, one = np.arange(4.0), np.ones((4, 1))
    >>> begins = np.array([True, False, False, False])
    >>> excess_lines(time, 0.1 * time[:, None], one, free=begins)[0][:, 0].round(3).tolist()
    [-0.15, -0.05, 0.05, 0.15]
    >>> excess_lines(time, 100 * time[:, None], one, free=begins)[0][:, 0].round(3).tolist()
    [-0.003, -0.001, 0.001, 0.003]
    """
    begins, weight = np.union1d([0], np.flatnonzero(free)), 1 / variance
    segment = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(time)))
    seen = np.where(np.isfinite(variance), value, 0.0)
    total = np.maximum(np.add.reduceat(weight, begins), 1e-300)
    away = time[:, None] - (np.add.reduceat(weight * time[:, None], begins) / total)[segment]
    information = np.add.reduceat(weight * away**2, begins)
    told = information > 0
    slope = np.add.reduceat(weight * away * seen, begins)
    slope = np.divide(slope, information, out=np.zeros_like(slope), where=told)
    excess = (slope * excess_of_slopes((slope**2 * information)[told]))[segment]
    return np.asarray(excess * away), np.asarray(excess)

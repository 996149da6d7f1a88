"""Slopes of lines through noisy values, as large as the values say that slopes are."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray


def excess_lines(
    time: FloatArray, value: FloatArray, variance: FloatArray, *, free: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return what is rather noise in the slope of the line through each segment.

    The slopes of all segments are drawn from a normal distribution about 0, whose variance has the
    largest marginal likelihood. With slopes ``b`` and their standard deviations ``s``, the
    posterior mean of a slope is ``b * (1 - 1 / mean((b / s)**2))``, or 0 if that is negative: the
    rule of James and Stein [1]_. Where nothing moves, no motion is most often found, and a slope
    that is clear stays as it is.

    Parameters
    ----------
    time, value, variance : ndarray, shape (n,)
        In the order of time. A variance of infinity means that there is no value.
    free : ndarray of bool, shape (n,)
        Where segments begin.

    Returns
    -------
    level, slope : ndarray, shape (n,)
        Of straight lines with this slope, 0 in the middle of each segment.

    References
    ----------
    .. [1] Efron and Morris, J. Am. Stat. Assoc. 68, 117 (1973),
       https://doi.org/10.1080/01621459.1973.10481350

    Examples
    --------
    >>> time, one = np.arange(4.0), np.ones(4)
    >>> begins = np.array([True, False, False, False])
    >>> excess_lines(time, 0.1 * time, one, free=begins)[0].round(3).tolist()
    [-0.15, -0.05, 0.05, 0.15]
    >>> excess_lines(time, 100 * time, one, free=begins)[0].round(3).tolist()
    [-0.003, -0.001, 0.001, 0.003]
    """
    segment, weight = np.cumsum(free), 1 / variance
    n = int(segment[-1]) + 1
    total = np.maximum(np.bincount(segment, weight, n), 1e-300)
    seen = np.where(np.isfinite(variance), value, 0.0)
    away = time - (np.bincount(segment, weight * time, n) / total)[segment]
    information = np.bincount(segment, weight * away**2, n)
    told = information > 0
    slope = np.bincount(segment, weight * away * seen, n)
    slope = np.divide(slope, information, out=np.zeros(n), where=told)
    square = (slope**2 * information)[told].mean() if told.any() else 0.0
    shrunk = np.asarray(slope * min(1 / max(float(square), 1e-300), 1.0), dtype=np.float64)
    excess = shrunk[segment]
    return np.asarray(excess * away), excess

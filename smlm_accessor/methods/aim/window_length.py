"""How long a window should be: short enough to follow the sample, long enough to see it."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.interpolation import interpolate

_FEWEST = 8  # windows that a length must leave
# Variance of a cubic through independent values, in theirs: midway between two, and on average.
_MIDWAY, _BETWEEN = 0.5, 0.7
_ASTRAY = 20  # medians: squared errors of a few windows that went astray count no more than this


def best_length(
    middle: FloatArray, drift: FloatArray, variance: FloatArray, weight: IntArray
) -> int:
    """Return how many short windows should make one, so that the error of the curve is least.

    Every other short window is predicted from the rest, joined to longer ones and interpolated. The
    mean squared error of this prediction is that of the curve, plus the variance of what is
    predicted, plus that by which the curve of half of the windows is noisier than that of all.

    Parameters
    ----------
    middle : ndarray, shape (k,)
        Mean frames, increasing.
    drift, variance : ndarray, shape (k, d)
        Of each short window, in units in which axes may be added.
    weight : ndarray, shape (k,)
        Localizations of each.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> rng, time = np.random.default_rng(1), np.arange(400.0)
    >>> noise, ones = rng.normal(size=(400, 1)), np.ones((400, 1))
    >>> best_length(time, noise + 0.01 * time[:, None], ones, np.ones(400)) > 20
    True
    >>> best_length(time, noise + 100 * np.sin(time / 3)[:, None], ones, np.ones(400)) < 5
    True
    """
    k = len(middle)
    noise = float(np.median(variance.sum(axis=1)))
    best, least = 1, np.inf
    for m in _ladder(k // _FEWEST):
        error = _prediction_error(middle, drift, weight, m)
        # The error of the prediction holds that of what is predicted, and of half the segments;
        # the curve of all has its own.
        halved = _MIDWAY if m <= 3 else _BETWEEN / (m // 2)
        own = 1.0 if m == 1 else _BETWEEN / m
        risk = error + noise * (own - halved - 1)
        if risk < least * (1 - 1e-9):
            best, least = m, risk
    return best


def _ladder(most: int) -> list[int]:
    steps = np.unique(np.round(2 ** np.arange(0, np.log2(max(most, 1)) + 0.01, 0.5)).astype(int))
    return [int(m) for m in steps] or [1]


def _prediction_error(middle: FloatArray, drift: FloatArray, weight: IntArray, m: int) -> float:
    squares = []
    for half in range(2):
        known = np.arange(half, len(middle), 2)
        asked = np.arange(1 - half, len(middle), 2)
        starts = np.arange(0, len(known), max(m // 2, 1)) if m > 1 else np.arange(len(known))
        w = np.add.reduceat(weight[known].astype(float), starts)
        time = np.add.reduceat(weight[known] * middle[known], starts) / w
        value = np.add.reduceat(weight[known, None] * drift[known], starts) / w[:, None]
        if len(time) < 2:
            return np.inf
        inside = asked[(middle[asked] > time[0]) & (middle[asked] < time[-1])]
        curve = interpolate(time, value, middle[inside], kind="cubic")
        squares.append(((drift[inside] - curve) ** 2).sum(axis=1))
    joined = np.concatenate(squares)
    return float(np.minimum(joined, _ASTRAY * np.median(joined) + 1e-300).mean())

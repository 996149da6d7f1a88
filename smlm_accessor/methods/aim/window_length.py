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
    middle: FloatArray,
    drift: FloatArray,
    variance: FloatArray,
    weight: IntArray,
    jumps: IntArray | None = None,
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
    jumps : ndarray, optional
        First frame after each; nothing is interpolated across them.

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
    ends = np.searchsorted(middle, np.empty(0) if jumps is None else jumps)
    best, least = 1, np.inf
    for m in _ladder(k // _FEWEST):
        error = _prediction_error(middle, drift, weight, ends, m)
        # The error of the prediction holds that of what is predicted, and of half the segments;
        # the curve of all has its own.
        halved = _MIDWAY if m <= 3 else _BETWEEN / (m // 2)
        own = 1.0 if m == 1 else _BETWEEN / m
        risk = error + noise * (own - halved - 1)
        if risk < least * (1 - 1e-9):
            best, least = m, risk
    return best


def _ladder(most: int) -> list[int]:
    """Return 1 and even numbers, of whose windows half can be left out, a root of 2 apart."""
    steps = np.round(2 ** np.arange(0, np.log2(max(most / 2, 1)) + 0.01, 0.5)).astype(int)
    return [1, *(2 * np.unique(steps)).tolist()] if most > 1 else [1]


def _prediction_error(
    middle: FloatArray,
    drift: FloatArray,
    weight: IntArray,
    ends: IntArray,
    m: int,
) -> float:
    squares, many = [np.zeros(0)], max(m // 2, 1)
    for segment in np.split(np.arange(len(middle)), ends):
        for half in range(2):
            known, asked = segment[half::2], segment[1 - half :: 2]
            starts = np.arange(0, len(known), many)
            if len(starts) < 2:
                continue
            w = np.add.reduceat(weight[known].astype(float), starts)
            time = np.add.reduceat(weight[known] * middle[known], starts) / w
            value = np.add.reduceat(weight[known, None] * drift[known], starts) / w[:, None]
            inside = asked[(middle[asked] > time[0]) & (middle[asked] < time[-1])]
            curve = interpolate(time, value, middle[inside], kind="cubic")
            squares.append(((drift[inside] - curve) ** 2).sum(axis=1))
    every = np.concatenate(squares)
    if not len(every):
        return np.inf
    return float(np.minimum(every, _ASTRAY * np.median(every) + 1e-300).mean())

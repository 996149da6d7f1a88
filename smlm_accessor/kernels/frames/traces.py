"""Traces whose localizations are known: each is one observation of one place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import digamma, polygamma

from smlm_accessor._typing import FloatArray, IntArray

_MOST_FREEDOM = 1e4  # degrees of freedom of a prior: with so many, all variances are the same
_STEPS = 50  # of Newton's iteration, which ends at the last digit after about six


class TraceMeans(NamedTuple):
    """One observation of each trace, or of each part of a long one.

    ``event`` (n,) is that of each row; ``position`` (m, d) and ``frame`` (m,) are means, ``rows``
    (m,) how many they are of, and ``variance`` (m, d) that of one row, from the spread within the
    trace. ``usual`` (d,) is the variance that the spreads of all have in common; NaN if no trace
    has two rows.
    """

    event: IntArray
    position: FloatArray
    frame: FloatArray
    rows: IntArray
    variance: FloatArray
    usual: FloatArray


def trace_means(
    positions: FloatArray,
    frames: IntArray,
    trace: IntArray,
    segment: IntArray,
    *,
    longest: int,
) -> TraceMeans:
    """Take the mean of each trace.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    frames : ndarray, shape (n,)
        Increasing.
    trace : ndarray, shape (n,)
        The same number within a trace; a negative one is not known, and a trace by itself.
    segment : ndarray, shape (n,)
        A trace ends with its segment.
    longest : int
        Frames that an observation lasts, at most. A longer trace shows how the sample moves, and is
        cut into equal times.

    Examples
    --------
    >>> x = np.array([[0.0, 0], [50, 0], [2, 0], [9, 9]])
    >>> found = trace_means(x, np.arange(4), np.array([5, 8, 5, 8]), np.zeros(4, int), longest=9)
    >>> found.position.tolist(), found.rows.tolist(), found.frame.tolist()
    ([[1.0, 0.0], [29.5, 4.5]], [2, 2], [1.0, 2.0])
    """
    n, d = positions.shape
    own = trace < 0
    known = np.where(own, trace.max(initial=0) + 1 + np.arange(n), trace)
    _, first, of = np.unique(known, return_index=True, return_inverse=True)
    began = frames[first][of]
    last = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(last, of, frames)
    lasts = last[of] - began + 1
    parts = -(-lasts // max(longest, 1))
    part = (frames - began) * parts // lasts
    _, event = np.unique(np.stack([of, segment, part], axis=1), axis=0, return_inverse=True)
    event = event.reshape(-1)
    count = np.bincount(event)
    position = np.stack([np.bincount(event, x) / count for x in positions.T], axis=1)
    rest = positions - position[event]
    square = np.stack([np.bincount(event, x**2) for x in rest.T], axis=1)
    shrunk = [shrunk_variances(s, count - 1) for s in square.T]
    variance = np.stack([v for v, _ in shrunk], axis=1).reshape(-1, d)
    usual = np.array([u for _, u in shrunk])
    return TraceMeans(event, position, np.bincount(event, frames) / count, count, variance, usual)


def shrunk_variances(squares: FloatArray, freedom: IntArray) -> tuple[FloatArray, float]:
    """Return the variance of each of many small samples, and the one they have in common.

    Variances ``sigma**2`` are taken to be spread as ``nu * usual / chi2(nu)``. Both, ``nu`` and
    ``usual``, are from the mean and the variance of ``log(squares / freedom)``, and a sample has
    ``(nu * usual + squares) / (nu + freedom)`` (empirical Bayes [1]_): its own if it is large, and
    the usual one if it is small, or if all differ by no more than chance.

    Parameters
    ----------
    squares : ndarray, shape (m,)
        Sum of squares about the mean of each sample.
    freedom : ndarray, shape (m,)
        Degrees of freedom: one less than how many there are.

    References
    ----------
    .. [1] Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004), https://doi.org/10.2202/1544-6115.1027

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found, usual = shrunk_variances(4 * rng.chisquare(9, 2000), np.full(2000, 9))
    >>> round(usual, 1), bool(np.abs(found - 4).max() < 0.5)
    (4.0, True)
    """
    known = (freedom > 0) & (squares > 0)
    if not known.any():
        return np.full(len(squares), np.nan), float("nan")
    half = freedom[known] / 2
    logs = np.log(squares[known] / freedom[known]) - digamma(half) + np.log(half)
    # Each log has the variance trigamma(half), and that of the prior on top.
    weight = 1 / polygamma(1, half)
    mean = float(weight @ logs / weight.sum())
    n = len(logs)
    excess = float(weight @ ((logs - mean) ** 2 - (1 - 1 / n) / weight) / weight.sum())
    nu = 2 * _inverse_trigamma(excess) if excess > 0 else np.inf
    nu = min(nu, _MOST_FREEDOM)
    usual = float(np.exp(mean + digamma(nu / 2) - np.log(nu / 2)))
    return (nu * usual + squares) / (nu + np.maximum(freedom, 0)), usual


def _inverse_trigamma(value: float) -> float:
    """Return where the trigamma function, about ``1 / x + 1 / (2 * x**2)``, has this value."""
    x = 0.5 + 1 / value
    for _ in range(_STEPS):
        now = float(polygamma(1, x))
        step = now * (1 - now / value) / float(polygamma(2, x))
        x += step
        if -step < 1e-12 * x:
            break
    return x

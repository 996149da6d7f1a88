"""By how much two series of values of one curve differ more than their errors allow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from smlm_accessor._typing import FloatArray, IntArray

_FEWEST = 4  # runs: a line, and what bends, can be told of so many
_LARGEST = 15.0  # decades: factor of a variance


class Disagreement(NamedTuple):
    """What two series differ by.

    Parameters
    ----------
    chance : float
        Probability of as much by chance, in runs of this length.
    factor : float
        Of the variances of the second series, with which that is what is expected; at least 1.
    found, expected : float
        Root mean square of the differences of runs, weighted by their information, and what the
        errors of both let expect.
    """

    chance: float
    factor: float
    found: float
    expected: float


def disagreement(
    difference: FloatArray, covariance: FloatArray, variance: FloatArray, level: float
) -> Disagreement:
    """Return by how much series differ, but for a constant.

    Means over runs of 1, 2, 4, ... successive values are compared with what the errors of both
    series give, ``chi2 = d @ inv(C + V) @ d``: what is wrong slowly shows in long runs.

    Parameters
    ----------
    difference : ndarray, shape (k,)
        Second series less the first.
    covariance : ndarray, shape (k, k)
        Of the first; the constant may have any variance.
    variance : ndarray, shape (k,)
        Of the second; infinite where it says nothing.
    level : float
        Probability by chance, below which the series do differ: of the lengths of runs that do, the
        one that asks for the largest factor counts.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> some = rng.normal(0, 1, 64)
    >>> found = disagreement(some, 0.01 * np.eye(64), np.ones(64), 1e-3)
    >>> found.factor, round(disagreement(5 * some, 0.01 * np.eye(64), np.ones(64), 1e-3).factor)
    (1.0, 26)
    """
    use = np.flatnonzero(np.isfinite(variance))
    k = len(use)
    difference, variance = difference[use], variance[use]
    covariance = covariance[np.ix_(use, use)]
    lengths = [1 << n for n in range(k.bit_length()) if k // (1 << n) >= _FEWEST]
    found = []
    for length in lengths:
        means = _means(np.minimum(np.arange(k) // length, k // length - 1), 1 / variance)
        d, c = means @ difference, means @ covariance @ means.T
        found.append(_of_runs(d, c, (means**2) @ variance, level / len(lengths)))
    none = Disagreement(1.0, 1.0, 0.0, 0.0)
    return max(found, key=lambda one: (one.factor, -one.chance), default=none)


def _of_runs(
    difference: FloatArray, covariance: FloatArray, variance: FloatArray, level: float
) -> Disagreement:
    """Return by how much runs differ, each of which is as precise as it says."""
    n = len(difference) - 1

    def over(decade: float) -> float:
        """Return chi-squared less what is expected of it, with a larger variance."""
        both = np.linalg.inv(covariance + np.diag(10.0**decade * variance))
        free = both.sum(axis=1)
        return float(difference @ both @ difference - (free @ difference) ** 2 / free.sum()) - n

    chance = float(chdtrc(n, over(0.0) + n))
    factor = 1.0
    if chance < level:
        from scipy.optimize import brentq

        factor = 10.0 ** float(brentq(over, 0.0, _LARGEST))
    # The variance of each run if the others are known, for the constant may have any.
    weight = 1 / (1 / np.diag(np.linalg.inv(covariance)) + variance)
    d = difference - np.average(difference, weights=weight)
    found, expected = np.sqrt(np.average(d**2, weights=weight)), np.sqrt(n / weight.sum())
    return Disagreement(chance, factor, float(found), float(expected))


def _means(run: IntArray, weight: FloatArray) -> FloatArray:
    """Return the matrix that takes the weighted means of runs."""
    matrix = np.zeros((int(run[-1]) + 1, len(run)))
    matrix[run, np.arange(len(run))] = weight
    return np.asarray(matrix / matrix.sum(axis=1)[:, None])

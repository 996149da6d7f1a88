"""A course of waves at which near pairs of events overlap best."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.spatial import cKDTree

from smlm_accessor._typing import FloatArray, IntArray

# Widths of the overlap in precisions, wide ones first, as in graduated optimization.
_WIDTHS = (16.0, 11.0, 8.0, 5.6, 4.0, 2.8, 2.0)
_REACH = 3.5  # widths: pairs farther apart overlap by .002
#: Precisions: how far pairs count at the largest width.
REACH = _REACH * _WIDTHS[0]
_TURNS = 8  # of weights and solution, at each width
_SAME = 4  # turns with the same pairs: the course moves little in them
_LARGEST = 40.0  # precisions: amplitude of the first wave, one standard deviation


def most_likely(where: FloatArray, time: FloatArray, number: int) -> tuple[float, FloatArray]:
    """Return the log-likelihood, and the coefficients of the waves.

    The course is a sum of cosines of time, ``d(t) = sum_m c_m cos(pi m t)``. Its log-likelihood is
    ``sum_i log(1 + sum_j exp(-r_ij**2 / (2 w**2)))`` with the distances ``r`` of the events less
    their drift, in precisions. It is maximized for smaller and smaller widths ``w``, with more and
    more waves, by expectation and maximization: pairs are weighted by the part of the sum that each
    is, and weighted least squares gives the coefficients.

    Parameters
    ----------
    where : ndarray, shape (n, d)
        Precisions.
    time : ndarray, shape (n,)
        From 0 to 1.
    number : int
        Waves.

    Returns
    -------
    float
    ndarray, shape (number, d)
    """
    waves, found = waves_at(time, number), np.zeros((number, where.shape[1]))
    n = len(where)
    for step, width in enumerate(_WIDTHS):
        m = max(1, round(number * ((step + 1) / len(_WIDTHS)) ** 2))
        some, prior = waves[:, :m], np.diag((np.arange(1, m + 1) / _LARGEST) ** 2)
        for turn in range(_TURNS):
            still = where - some @ found[:m]
            if turn % _SAME == 0:
                pairs = _pairs(still, width)
            weight = _overlap(still, pairs, width)
            share = 1 / (1 + _of_events(pairs, weight, n))
            weight *= share[pairs[0]] + share[pairs[1]]
            # Sums over pairs of differences are those of the Laplacian of the weights.
            half = coo_array((weight, pairs), shape=(n, n))
            left = _of_events(pairs, weight, n)[:, None] * some - half @ some - half.T @ some
            left = left.T / width**2
            found[:m] = np.linalg.solve(left @ some + prior, left @ where)
    return log_likelihood(where - waves @ found), found


def log_likelihood(still: FloatArray) -> float:
    """Return that of events less their drift, in precisions, at the smallest width."""
    pairs = _pairs(still, _WIDTHS[-1])
    return float(np.log1p(_of_events(pairs, _overlap(still, pairs, _WIDTHS[-1]), len(still))).sum())


def waves_at(time: FloatArray, number: int) -> FloatArray:
    """Return ``cos(pi m t)`` of the first waves, shape (n, number)."""
    return np.cos(np.pi * time[:, None] * np.arange(1, number + 1))


def near_pairs(where: FloatArray) -> int:
    """Return how many pairs are near at the largest width."""
    tree = cKDTree(where)
    return int(tree.count_neighbors(tree, REACH) - len(where)) // 2


def _pairs(still: FloatArray, width: float) -> IntArray:
    """Return near pairs of events, shape (2, p)."""
    return np.ascontiguousarray(cKDTree(still).query_pairs(_REACH * width, output_type="ndarray").T)


def _overlap(still: FloatArray, pairs: IntArray, width: float) -> FloatArray:
    """Return ``exp(-r**2 / (2 width**2))`` of pairs of events."""
    square = np.zeros(pairs.shape[1])
    for x in still.T:
        square += (x[pairs[0]] - x[pairs[1]]) ** 2
    return np.exp(square / (-2 * width**2))


def _of_events(pairs: IntArray, weight: FloatArray, n: int) -> FloatArray:
    """Return the sum of weights of the pairs of each event, shape (n,)."""
    return np.asarray(np.bincount(pairs[0], weight, n) + np.bincount(pairs[1], weight, n))

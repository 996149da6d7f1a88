"""Variances of estimates by the jackknife over field blocks, and effective sample sizes."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray

_FEWEST = 3.0  # effective blocks: fewer tell it badly


def effective_number(weights: FloatArray | IntArray) -> float:
    """Return the effective number of field blocks (Kish): ``sum(weights)**2 / sum(weights**2)``."""
    return float(effective_numbers(np.asarray(weights, np.float64).ravel()))


def effective_numbers(weights: FloatArray | IntArray) -> FloatArray:
    """Return the same of weights along the first axis, for each of the others."""
    squares = np.maximum(np.sum(np.square(weights, dtype=float), axis=0), 1e-300)
    return np.asarray(np.sum(weights, axis=0, dtype=float) ** 2 / squares)


def influence(slope: FloatArray, curvature: FloatArray) -> FloatArray:
    """Return how a shift would change without each block, to first order: ``slope / curvature``.

    ``slope``, (..., n_blocks, d), is how the correlation changes, at its maximum, as the
    localizations of each block move; ``curvature`` is minus the second derivatives. 0 where that is
    not positive.
    """
    step = np.divide(1.0, curvature, out=np.zeros(np.shape(curvature)), where=curvature > 0)
    return np.asarray(slope * step)


def variances(influences: FloatArray, independent: FloatArray) -> FloatArray:
    """Return variances of estimates but for what is common to all, which cannot be known.

    They are those of `jackknife`, and at least ``independent``, (k, d), those of independent
    localizations: a block that tells nearly all, such as the only bead in background, lies at its
    own maximum and is not seen to vary, however many others there are.
    """
    return np.maximum(jackknife(influences), independent)


def jackknife(influences: FloatArray) -> FloatArray:
    """Return variances of estimates as field blocks tell them, shape (k, d).

    ``influences``, (k, n_blocks, d), are how each of ``k`` estimates would change without each
    block. With the effective number ``n`` of blocks, the variance of an estimate is the sum of its
    squared influences, less their mean over all estimates, times ``k / (k - 1) * n / (n - 1)``.
    Of a single estimate it is 0.

    References
    ----------
    Wu, Ann. Statist. 14, 1261 (1986), DOI 10.1214/aos/1176350142.
    """
    if len(influences) < 2:
        return np.zeros((len(influences), influences.shape[2]))
    squares = squares_but_common(influences)
    of_each = squares.sum(axis=2)
    # Of all estimates together, or the median if one estimate has gone astray.
    n = max(
        effective_number(of_each.sum(axis=0)),
        float(np.median(effective_numbers(of_each.T))),
        _FEWEST,
    )
    # The sum over the blocks is zero.
    return np.asarray(squares.sum(axis=1) * (n / (n - 1)))


def squares_but_common(influences: FloatArray) -> FloatArray:
    """Return squared influences on two or more estimates, less what is common to all, (k, n, d).

    These are the squares of the differences to the mean, times ``k / (k - 1)``, as the mean
    contains each estimate itself.
    """
    k = len(influences)
    return np.asarray((influences - influences.mean(axis=0)) ** 2 * (k / (k - 1)))


def inflation(influences: FloatArray, variance: FloatArray, counts: IntArray) -> FloatArray:
    """Return by how much variances exceed those of independent localizations, shape (d,).

    It is ``sum(counts * jackknifed) / sum(counts * variance)`` over all estimates, at least 1.
    ``variance``, (k, d), is that of independent localizations; ``counts``, (k,), are their numbers.
    """
    factor = np.ones(influences.shape[2])
    expected = counts @ variance
    seen = counts @ jackknife(influences)
    np.divide(seen, expected, out=factor, where=expected > 0)
    return np.maximum(factor, 1.0)

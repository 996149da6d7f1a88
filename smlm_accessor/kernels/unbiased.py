"""Squared slopes of windows that lie where their slopes add up to nothing."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray


def unbiased_squares(squares: FloatArray, counts: IntArray) -> FloatArray:
    """Return the sums of squares that windows would have at their true drift.

    A window is where its slopes add up to nothing, which takes one degree of freedom: a single
    localization has no slope at all there. Each window gains what one localization has in the mean.

    Parameters
    ----------
    squares : ndarray, shape (k, ...)
        Of the slopes of the localizations of each window, or their products.
    counts : ndarray of int, shape (k,)
        Localizations in it; 0 of those that are not known.

    Examples
    --------
    >>> unbiased_squares(np.array([[0.0], [8.0]]), np.array([1, 5]))
    array([[ 2.],
           [10.]])
    """
    free = np.maximum(counts - 1, 0).sum()
    return np.asarray(squares + squares.sum(axis=0) / max(free, 1))

"""The parabola through the values of a series."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray


def parabola(values: FloatArray, weights: FloatArray | IntArray) -> FloatArray:
    """Return parabolas through columns, shape (k, d), by weighted least squares.

    Examples
    --------
    >>> parabola(np.array([[1.0], [2.0], [5.0], [99.0]]), np.array([1, 1, 1, 0]))[:, 0].round(9)
    array([ 1.,  2.,  5., 10.])
    """
    time, root = np.linspace(-1, 1, len(values)), np.sqrt(weights)[:, None]
    powers = time[:, None] ** np.arange(3)
    return np.asarray(powers @ np.linalg.lstsq(powers * root, values * root, rcond=None)[0])

"""A part of the field that holds all localizations of the molecules in it."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray


def in_strip(x: FloatArray, most: int) -> BoolArray:
    """Tell which localizations lie in a strip in the middle of the field; all if they are few.

    Parameters
    ----------
    x : ndarray, shape (n,)
        NaN where a localization does not count.
    most : int
        Localizations in the strip, about.

    Examples
    --------
    >>> in_strip(np.array([5.0, 1.0, np.nan, 3.0, 2.0, 4.0]), 3)
    array([False, False, False,  True,  True,  True])
    """
    known = np.isfinite(x)
    n = int(known.sum())
    if n <= most:
        return np.asarray(known)
    half = 50 * most / n
    low, high = np.percentile(x[known], [50 - half, 50 + half])
    return np.asarray((x >= low) & (x <= high))

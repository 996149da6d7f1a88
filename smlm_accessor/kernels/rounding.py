"""Coordinates that were rounded before they were stored."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray

_MOST = 20_000  # values that are looked at
_FEWEST = 100  # different ones, side by side: a few can be multiples of anything
_FAR = (1.5, 20.0, 1000.0)  # steps that values are apart
_OFF = 0.2  # of a step, by which a multiple of it may be off: decimals of single precision
_SINGLE = 16  # spacings of single precision: numbers that are stored so are no rounding


def rounding_step(values: FloatArray, largest: float) -> float:
    """Return the step of which all differences of values are multiples, 0 if there is none.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.
    largest : float
        Of the values as they were stored.

    Examples
    --------
    >>> x = np.random.default_rng(1).uniform(0, 5000, 1000)
    >>> rounding_step((x / 10).round() * 10, 5000), rounding_step(x, 5000)
    (10.0, 0.0)
    """
    different = np.unique(values[:: len(values) // _MOST + 1])
    if len(different) < _FEWEST:
        return 0.0
    apart = np.diff(different)
    least = float(apart.min())
    if least < _SINGLE * np.spacing(np.float32(largest)):
        return 0.0
    step = least
    for far in _FAR:  # the more steps apart, the better one is known
        near = apart[apart < far * step]
        multiples = (near / step).round()
        if len(near) < _FEWEST - 1 or (np.abs(near / step - multiples) > _OFF).any():
            return 0.0
        step = float(near.sum() / multiples.sum())
    return step

"""Variances from how estimates would change if places of the field were left out."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field.blocks import effective_number

_FEWEST = 3.0  # places that tell anything


def variances(moves: FloatArray) -> FloatArray | None:
    """Return variances of estimates but for what is common to all, which cannot be known.

    Parameters
    ----------
    moves : ndarray, shape (k, n_places, d)
        How each of ``k`` estimates would change without each place.

    Returns
    -------
    ndarray, shape (k, d), or None
        None if too few places have a say, or if there is a single estimate.

    References
    ----------
    Wu, Ann. Statist. 14, 1261 (1986), DOI 10.1214/aos/1176350142.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = variances(rng.normal(0, 0.1, (50, 100, 2)))
    >>> bool(0.95 < np.sqrt(found).mean() < 1.05)
    True
    """
    k = len(moves)
    if k < 2:
        return None
    moves = moves - moves.mean(axis=0)
    squares = moves**2
    of_each = squares.sum(axis=2)
    # Together, or of most of them, if one has gone astray.
    n = max(
        effective_number(of_each.sum(axis=0)),
        float(np.median([effective_number(s) for s in of_each])),
    )
    if not n >= _FEWEST:
        return None
    # The mean contains each estimate itself, and the sum over the places is zero.
    return np.asarray(squares.sum(axis=1) * (k / (k - 1) * n / (n - 1)))

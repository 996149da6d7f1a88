"""Whole numbers sorted, equal ones in the order of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray

_BITS = 63  # of a number, but for its sign


def sorted_rows(keys: npt.NDArray[np.signedinteger[Any]]) -> tuple[IntArray, IntArray]:
    """Return the rows in the order of keys, and the keys in this order.

    Each key and its row are put into one number if they fit: numpy sorts numbers, of which no two
    are equal, six to ten times as fast as it finds a stable order.

    Examples
    --------
    >>> sorted_rows(np.array([7, -2, 7, 5]))
    (array([1, 3, 0, 2]), array([-2,  5,  7,  7]))
    """
    n = len(keys)
    if n == 0:
        return np.arange(0), np.arange(0)
    lowest, bits = int(keys.min()), (n - 1).bit_length()
    if (int(keys.max()) - lowest).bit_length() + bits > _BITS:
        order = np.argsort(keys, kind="stable")
        return order, keys[order].astype(np.int64)
    both = (keys.astype(np.int64) - lowest) << bits
    both |= np.arange(n)
    both.sort()
    order = both & ((1 << bits) - 1)
    both >>= bits
    both += lowest
    return order, both

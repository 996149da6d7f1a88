"""Whole numbers sorted, equal ones in the order of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray
from smlm_accessor.kernels.compilation import kernel

_BITS = 63  # of a number, but for its sign
_DIGIT = 11  # bits: places for so many digits fit into the cache


def sorted_rows(keys: npt.NDArray[np.signedinteger[Any]]) -> tuple[IntArray, IntArray]:
    """Return the rows in the order of keys, and the keys in this order.

    Each key and its row are put into one number if they fit, and sorted by one digit of the key
    after the other, the last one first: six times as fast as numpy sorts numbers, which takes a
    sixth of the time in which it finds a stable order.

    Examples
    --------
    >>> sorted_rows(np.array([7, -2, 7, 5]))
    (array([1, 3, 0, 2]), array([-2,  5,  7,  7]))
    """
    n = len(keys)
    if n == 0:
        return np.arange(0), np.arange(0)
    lowest, bits = int(keys.min()), (n - 1).bit_length()
    until = (int(keys.max()) - lowest).bit_length() + bits
    if until > _BITS:
        order = np.argsort(keys, kind="stable")
        return order, keys[order].astype(np.int64)
    both, other = keys.astype(np.int64), np.arange(n)  # and nothing else as large
    both -= lowest
    both <<= bits
    both |= other
    for shift in range(bits, until, _DIGIT):
        _by_digit(both, other, shift, np.zeros(1 << _DIGIT, np.int64))
        both, other = other, both
    order = np.bitwise_and(both, (1 << bits) - 1, out=other)
    both >>= bits
    both += lowest
    return order, both


def equal_runs(ordered: IntArray) -> tuple[IntArray, IntArray]:
    """Return where each run of equal keys begins, of keys in order, and how long it is.

    Examples
    --------
    >>> equal_runs(np.array([-2, 5, 7, 7]))
    (array([0, 1, 2]), array([1, 1, 2]))
    """
    differs = ordered[1:] != ordered[:-1]
    begins = np.flatnonzero(np.concatenate([np.ones(min(len(ordered), 1), np.bool_), differs]))
    return begins, np.diff(begins, append=len(ordered))


@kernel
def _by_digit(numbers, to, shift, place):  # type: ignore[no-untyped-def]
    """Write the numbers in the order of a digit; ``place`` is room for as many as there are."""
    last = len(place) - 1
    for number in numbers:
        place[(number >> shift) & last] += 1
    total = 0
    for digit in range(len(place)):
        place[digit], total = total, total + place[digit]
    for number in numbers:
        digit = (number >> shift) & last
        to[place[digit]] = number
        place[digit] += 1

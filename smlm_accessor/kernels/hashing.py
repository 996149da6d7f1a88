"""Hashes: bits as good as random, but always the same ones for the same numbers.

Multipliers and shifts are those of SplitMix64: Steele et al., OOPSLA 2014,
DOI 10.1145/2660193.2660195.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray
from smlm_accessor.kernels.compilation import part

#: 2**64 over the golden ratio: multiples of it are spread evenly.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
#: Odd numbers of which a product spreads every bit over those above it.
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

Bits = npt.NDArray[np.uint64]


def mixed(h: Bits) -> Bits:
    """Return 64 bits for each number, every one of which depends on all bits of it."""
    h = (h ^ (h >> np.uint64(30))) * FIRST
    h = (h ^ (h >> np.uint64(27))) * SECOND
    return np.asarray(h ^ (h >> np.uint64(31)))


def split_mix64(number: IntArray) -> Bits:
    """Return 64 bits for each number: what SplitMix64 gives at this place from a seed of 0.

    Examples
    --------
    >>> bool(abs(split_mix64(np.arange(10_000)).mean() / 2.0**64 - 0.5) < 0.01)
    True
    """
    return mixed(number.astype(np.uint64) * GOLDEN)


@part
def slot_of(key, mask):  # type: ignore[no-untyped-def]
    """Return where to look for a key first in a hash table of ``mask + 1`` slots, a power of two.

    Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
    """
    return np.int64((np.uint64(key) * GOLDEN) >> np.uint64(32)) & mask

"""How many localizations lie in each square of a lattice that is as fine as memory allows.

Squares have edges of a power of two and corners at multiples of it, whatever the field, so that
what is counted in parts of a table adds up, and is the same for any parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import constant, kernel, part
from smlm_accessor.kernels.hashing import Bits, mixed, slot_of

MOST = 4096  # squares
_ROOM = 4 * MOST
_BITS = 31  # of the number of a square along an axis
_FINEST = -1000
_TABLE = 2**20  # squares that are looked up in a table


@dataclass(frozen=True)
class Squares:
    """The squares that hold localizations.

    Their edge is ``2.0**level``; square ``i`` reaches from ``number[i] * edge``, shape (2,), to
    ``(number[i] + 1) * edge`` and holds ``count[i]`` localizations.
    """

    level: int
    number: IntArray
    count: IntArray

    def coarser(self, level: int) -> Squares:
        """Return the same localizations in larger squares, in the order of their numbers."""
        shift = min(max(level - self.level, 0), 63)
        number = self.number >> shift
        low = number.min(axis=0, initial=0)
        # In the order of x, then of y: one key sorts faster than two numbers.
        keys, block = np.unique(_key(number - low), return_inverse=True)
        count = np.bincount(block.ravel(), self.count, len(keys)).astype(np.int64)
        return Squares(max(level, self.level), _number(keys) + low, count)

    def at_most(self, n: int) -> Squares:
        """Return the smallest squares of which there are no more than so many."""
        found = self
        while len(found.count) > n:
            found = found.coarser(found.level + 1)
        return found

    def order(self) -> IntArray:
        """Return a random order of the squares that is always the same."""
        return np.lexsort((self.number[:, 1], self.number[:, 0], self.hashed()))

    def hashed(self) -> Bits:
        """Return what the order of the squares goes by: bits that depend on their numbers."""
        x, y = self.number.astype(np.uint64).T
        return mixed(mixed(x) ^ y)


def count_squares(xy: FloatArray, known: Squares | None = None) -> Squares:
    """Count localizations in the smallest squares of which there are at most `MOST`.

    Positions, shape (n, 2 or more), are finite and in C order; further axes do not count. What was
    counted before, ``known``, is added.
    """
    if known is None:
        known = Squares(_FINEST, np.zeros((0, 2), np.int64), np.zeros(0, np.int64))
    row, n, xy = 0, len(xy), constant(xy)
    if n:
        # Numbers of squares have to fit into half an integer.
        largest = max(_largest(xy), np.finfo(float).tiny)
        least = int(np.ceil(np.log2(largest))) - _BITS + 2
        if least > known.level:
            known = known.coarser(least)
    while row < n:
        keys = np.zeros(_ROOM, np.int64)
        counts = np.zeros(_ROOM, np.int64)
        _enter(known.number, known.count, keys, counts)
        row = _tally(xy, 2.0**-known.level, row, len(known.count), keys, counts)
        used = np.flatnonzero(counts)
        known = Squares(known.level, _number(keys[used]), counts[used])
        if row < n:
            known = known.coarser(known.level + 1)
    return known.at_most(MOST)


def add_up(parts: Sequence[Squares]) -> Squares:
    """Add what was counted in several parts."""
    level = max(part.level for part in parts)
    coarse = [part.coarser(level) for part in parts]
    together = Squares(
        level,
        np.concatenate([part.number for part in coarse]),
        np.concatenate([part.count for part in coarse]),
    )
    return together.coarser(level).at_most(MOST)


def rank_in(xy: FloatArray, squares: Squares) -> IntArray:
    """Return which of the squares each position lies in, -1 if in none or not finite."""
    rank, xy = np.empty(len(xy), np.int64), constant(xy)
    low = squares.number.min(axis=0)
    wide = squares.number.max(axis=0) - low + 1
    if wide[0] * wide[1] <= _TABLE:
        table = np.full(wide, -1)
        table[tuple((squares.number - low).T)] = np.arange(len(squares.number))
        _look_up(xy, 2.0**-squares.level, low, table, rank)
        return rank
    keys = _key(squares.number)
    order = np.argsort(keys)
    _find(xy, 2.0**-squares.level, keys[order], order, rank)
    return rank


def _key(number: IntArray) -> IntArray:
    """Return both numbers of each square, of 32 bits, in one."""
    key: IntArray = (number[:, 0] << 32) | (number[:, 1] & 0xFFFFFFFF)
    return key


def _number(keys: IntArray) -> IntArray:
    """Return the numbers of squares, shape (n, 2), the lower half of a key with its sign."""
    return np.stack([keys >> 32, (keys << 32) >> 32], axis=1)


@kernel
def _largest(xy):  # type: ignore[no-untyped-def]
    largest = 0.0
    for r in range(len(xy)):
        largest = max(largest, max(abs(xy[r, 0]), abs(xy[r, 1])))
    return largest


@part
def _slot(keys, counts, key):  # type: ignore[no-untyped-def]
    mask = len(keys) - 1
    i = slot_of(key, mask)
    while counts[i] != 0 and keys[i] != key:
        i = (i + 1) & mask
    return i


@kernel
def _enter(number, count, keys, counts):  # type: ignore[no-untyped-def]
    for j in range(len(count)):
        key = (number[j, 0] << 32) | (number[j, 1] & 0xFFFFFFFF)
        i = _slot(keys, counts, key)
        keys[i] = key
        counts[i] = count[j]


@kernel
def _tally(xy, per_length, row, used, keys, counts):  # type: ignore[no-untyped-def]
    """Count from a row on; return the row for whose square there is no room."""
    last, at = np.int64(0), np.int64(-1)
    for r in range(row, len(xy)):
        kx = np.int64(np.floor(xy[r, 0] * per_length))
        ky = np.int64(np.floor(xy[r, 1] * per_length))
        key = (kx << 32) | (ky & 0xFFFFFFFF)
        if key != last or at < 0:
            at = _slot(keys, counts, key)
            last = key
            if counts[at] == 0:
                if used == MOST:
                    return r
                used += 1
                keys[at] = key
        counts[at] += 1
    return len(xy)


@kernel
def _look_up(xy, per_length, low, table, rank):  # type: ignore[no-untyped-def]
    n, m = table.shape
    for r in range(len(xy)):
        a, b = xy[r, 0] * per_length - low[0], xy[r, 1] * per_length - low[1]
        inside = 0 <= a < n and 0 <= b < m
        rank[r] = table[int(a), int(b)] if inside else -1


@kernel
def _find(xy, per_length, keys, order, rank):  # type: ignore[no-untyped-def]
    n = len(keys)
    largest = 2.0**30
    for r in range(len(xy)):
        rank[r] = -1
        x, y = xy[r, 0] * per_length, xy[r, 1] * per_length
        if not (abs(x) < largest and abs(y) < largest):
            continue
        key = (np.int64(np.floor(x)) << 32) | (np.int64(np.floor(y)) & 0xFFFFFFFF)
        low, high = 0, n
        while low < high:
            middle = (low + high) // 2
            if keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        if low < n and keys[low] == key:
            rank[r] = order[low]

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


class SquareCounter:
    """Counts localizations in the smallest squares of which there are at most `MOST`.

    The squares are no smaller than those of the ``level``.
    """

    _level: int
    _used: int
    _keys: IntArray
    _counts: IntArray

    def __init__(self, level: int = _FINEST) -> None:
        self._enter(Squares(level, np.zeros((0, 2), np.int64), np.zeros(0, np.int64)))

    def add(self, xy: FloatArray, largest: float) -> None:
        """Count positions, shape (n, 2 or more); further axes do not count.

        They are finite and in C order; none is larger than the largest, with or without its sign.
        """
        # Numbers of squares have to fit into half an integer.
        least = int(np.ceil(np.log2(max(largest, np.finfo(float).tiny)))) - _BITS + 2
        if least > self._level:
            self._enter(self._found().coarser(least))
        row, n, xy = 0, len(xy), constant(xy)
        while True:
            of_level = (self._used, self._keys, self._counts)
            row, self._used = _tally(xy, 2.0**-self._level, row, *of_level)
            if row == n:
                return
            self._enter(self._found().coarser(self._level + 1))

    def squares(self) -> Squares:
        """Return what was counted."""
        return self._found().at_most(MOST)

    def _found(self) -> Squares:
        used = np.flatnonzero(self._counts)
        return Squares(self._level, _number(self._keys[used]), self._counts[used])

    def _enter(self, squares: Squares) -> None:
        self._level, self._used = squares.level, len(squares.count)
        self._keys, self._counts = np.zeros(_ROOM, np.int64), np.zeros(_ROOM, np.int64)
        _enter(squares.number, squares.count, self._keys, self._counts)


def count_squares(xy: FloatArray) -> Squares:
    """Count localizations in squares; see `SquareCounter`."""
    counter = SquareCounter()
    if len(xy):
        counter.add(xy, float(np.abs(corners(xy)[:, :2]).max()))
    return counter.squares()


def corners(positions: FloatArray) -> FloatArray:
    """Return the lowest and the highest of each column of some positions, shape (2, d)."""
    found = np.empty((2, positions.shape[1]))
    _corners(constant(positions), found)
    return found


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


class SquareIndex:
    """Finds what lies in some squares, and in which."""

    def __init__(self, squares: Squares) -> None:
        self._per_length = 2.0**-squares.level
        self._low = squares.number.min(axis=0)
        wide = squares.number.max(axis=0) - self._low + 1
        self._table: IntArray | None = None
        if wide[0] * wide[1] <= _TABLE:
            self._table = np.full(wide, -1)
            self._table[tuple((squares.number - self._low).T)] = np.arange(len(squares.number))
            return
        keys = _key(squares.number)
        self._order = np.argsort(keys)
        self._keys = keys[self._order]

    def rows(self, xy: FloatArray) -> tuple[IntArray, IntArray]:
        """Return the rows of the positions that lie in one of the squares, and its rank."""
        rows, rank, xy = np.empty(len(xy), np.int64), np.empty(len(xy), np.int64), constant(xy)
        if self._table is None:
            n = _find(xy, self._per_length, self._keys, self._order, rows, rank)
        else:
            n = _look_up(xy, self._per_length, self._low, self._table, rows, rank)
        return rows[:n].copy(), rank[:n].copy()


def rank_in(xy: FloatArray, squares: Squares) -> IntArray:
    """Return which of the squares each position lies in, -1 if in none or not finite."""
    found = np.full(len(xy), -1)
    rows, rank = SquareIndex(squares).rows(xy)
    found[rows] = rank
    return found


def _key(number: IntArray) -> IntArray:
    """Return both numbers of each square, of 32 bits, in one."""
    key: IntArray = (number[:, 0] << 32) | (number[:, 1] & 0xFFFFFFFF)
    return key


def _number(keys: IntArray) -> IntArray:
    """Return the numbers of squares, shape (n, 2), the lower half of a key with its sign."""
    return np.stack([keys >> 32, (keys << 32) >> 32], axis=1)


@kernel
def _corners(positions, found):  # type: ignore[no-untyped-def]
    for c in range(positions.shape[1]):
        low, high = np.inf, -np.inf
        for r in range(len(positions)):
            low, high = min(low, positions[r, c]), max(high, positions[r, c])
        found[0, c], found[1, c] = low, high


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
    """Count from a row on; return the row for whose square there is no room, and the squares."""
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
                    return r, used
                used += 1
                keys[at] = key
        counts[at] += 1
    return len(xy), used


@kernel
def _look_up(xy, per_length, low, table, rows, rank):  # type: ignore[no-untyped-def]
    n, (wide, high) = 0, table.shape
    for r in range(len(xy)):
        a, b = xy[r, 0] * per_length - low[0], xy[r, 1] * per_length - low[1]
        if 0 <= a < wide and 0 <= b < high:
            found = table[int(a), int(b)]
            if found >= 0:
                rows[n], rank[n] = r, found
                n += 1
    return n


@kernel
def _find(xy, per_length, keys, order, rows, rank):  # type: ignore[no-untyped-def]
    n, m = 0, len(keys)
    largest = 2.0**30
    for r in range(len(xy)):
        x, y = xy[r, 0] * per_length, xy[r, 1] * per_length
        if not (abs(x) < largest and abs(y) < largest):
            continue
        key = (np.int64(np.floor(x)) << 32) | (np.int64(np.floor(y)) & 0xFFFFFFFF)
        low, high = 0, m
        while low < high:
            middle = (low + high) // 2
            if keys[middle] < key:
                low = middle + 1
            else:
                high = middle
        if low < m and keys[low] == key:
            rows[n], rank[n] = r, order[low]
            n += 1
    return n

"""Loops of `tiles`, in one file: numba's cache does not notice changes in others.

All are serial and release the GIL. ``table`` is an open hash table of the tiles that are not empty:
keys in the first row, their numbers in the second, -1 where free.
"""

from __future__ import annotations

import numba
import numpy as np

from smlm_accessor.kernels.hashing import slot_of


@numba.njit(cache=True, nogil=True)
def corners(x, low, high):  # type: ignore[no-untyped-def]
    """Write the lowest and highest coordinates."""
    for i in range(x.shape[0]):
        for c in range(x.shape[1]):
            low[c] = min(low[c], x[i, c])
            high[c] = max(high[c], x[i, c])


@numba.njit(cache=True, nogil=True)
def _slot(table, key):  # type: ignore[no-untyped-def]
    mask = table.shape[1] - 1
    i = slot_of(key, mask)
    while table[0, i] != -1 and table[0, i] != key:
        i = (i + 1) & mask
    return i


@numba.njit(cache=True, nogil=True)
def collect(x, frame, drift, low, size, shape, table):  # type: ignore[no-untyped-def]
    """Enter the keys of all tiles that localizations lie in; False if the table is too small."""
    n, d = x.shape
    free = table.shape[1] // 2
    for i in range(n):
        key = 0
        for c in range(d):
            cell = int((x[i, c] - drift[frame[i], c] - low[c]) / size[c])
            key = key * shape[c] + min(max(cell, 0), shape[c] - 1)
        k = _slot(table, key)
        if table[0, k] == -1:
            if free == 0:
                return False
            free -= 1
            table[0, k] = key
    return True


@numba.njit(cache=True, nogil=True)
def enter(table, keys):  # type: ignore[no-untyped-def]
    """Enter the keys, numbered in their order."""
    for k in range(len(keys)):
        i = _slot(table, keys[k])
        table[0, i] = keys[k]
        table[1, i] = k


@numba.njit(cache=True, nogil=True)
def _around(y, low, size, shape, halo, first, last):  # type: ignore[no-untyped-def]
    """Write the range of tiles that a position lies in, or within the halo of."""
    for c in range(len(y)):
        u = y[c] - low[c]
        first[c] = min(max(int(np.floor((u - halo[c]) / size[c])), 0), shape[c] - 1)
        last[c] = min(max(int(np.floor((u + halo[c]) / size[c])), 0), shape[c] - 1)


@numba.njit(cache=True, nogil=True)
def count(x, frame, drift, low, size, shape, halo, table, counts):  # type: ignore[no-untyped-def]
    """Count the localizations in and around each tile that is not empty."""
    n, d = x.shape
    y = np.zeros(d)
    a, b = np.zeros(3, np.int64), np.zeros(3, np.int64)
    deep = shape[2] if d == 3 else 1
    for i in range(n):
        for c in range(d):
            y[c] = x[i, c] - drift[frame[i], c]
        _around(y, low, size, shape, halo, a, b)
        for tx in range(a[0], b[0] + 1):
            for ty in range(a[1], b[1] + 1):
                for tz in range(a[2], b[2] + 1):
                    t = table[1, _slot(table, (tx * shape[1] + ty) * deep + tz)]
                    if t >= 0:
                        counts[t] += 1


@numba.njit(cache=True, nogil=True)
def fill(  # type: ignore[no-untyped-def]
    x, frame, weight, drift, low, size, shape, halo, table, free, where, frames, weights, rows, own
):
    """Write each localization into its tile and those around, in the order given.

    ``free`` holds the next free place of each tile. Positions are relative to the tile's corner.
    """
    n, d = x.shape
    y = np.zeros(d)
    a, b = np.zeros(3, np.int64), np.zeros(3, np.int64)
    home, cell = np.zeros(3, np.int64), np.zeros(3, np.int64)
    deep = shape[2] if d == 3 else 1
    for i in range(n):
        for c in range(d):
            y[c] = x[i, c] - drift[frame[i], c]
            home[c] = min(max(int((y[c] - low[c]) / size[c]), 0), shape[c] - 1)
        _around(y, low, size, shape, halo, a, b)
        for tx in range(a[0], b[0] + 1):
            for ty in range(a[1], b[1] + 1):
                for tz in range(a[2], b[2] + 1):
                    t = table[1, _slot(table, (tx * shape[1] + ty) * deep + tz)]
                    if t < 0:
                        continue
                    cell[0], cell[1], cell[2] = tx, ty, tz
                    k = free[t]
                    free[t] += 1
                    at_home = True
                    for c in range(d):
                        where[k, c] = y[c] - low[c] - cell[c] * size[c]
                        at_home = at_home and cell[c] == home[c]
                    frames[k] = frame[i]
                    weights[k], rows[k] = weight[i], i
                    own[k] = at_home

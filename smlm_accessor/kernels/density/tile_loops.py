"""Loops of `tiles`.

All are serial and release the GIL. ``table`` is an open hash table of the tiles that are not empty:
keys in the first row, their numbers in the second, -1 where free.
"""

from __future__ import annotations

import math

import numpy as np

from smlm_accessor.kernels.compilation import kernel, part
from smlm_accessor.kernels.hashing import slot_of


@part
def _slot(table, key):  # type: ignore[no-untyped-def]
    mask = table.shape[1] - 1
    i = slot_of(key, mask)
    while table[0, i] != -1 and table[0, i] != key:
        i = (i + 1) & mask
    return i


@kernel
def collect(x, frame, drift, low, size, shape, table):  # type: ignore[no-untyped-def]
    """Enter the keys of all tiles that localizations lie in; False if the table is too small."""
    n, d = x.shape
    free = table.shape[1] // 2
    for i in range(n):
        key = np.int64(0)  # a plain 0 would be another type
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


@kernel
def enter(table, keys):  # type: ignore[no-untyped-def]
    """Enter the keys, numbered in their order."""
    for k in range(len(keys)):
        i = _slot(table, keys[k])
        table[0, i] = keys[k]
        table[1, i] = k


@kernel
def fill(  # type: ignore[no-untyped-def]
    first, x, frame, weight, drift, low, size, shape, halo, table, y, cell, free,
    where, frames, weights, rows, own,
):  # fmt: skip
    """Write each localization into its tile and those around, in the order given.

    ``first`` is the number of the first localization, ``free`` holds the next free place of each
    tile. Positions are relative to the tile's corner. Where there is no room, localizations are
    counted only. ``y`` holds a position, ``cell``, zeros at first, the first tile that it reaches,
    its own, the last and each.
    """
    n, d = x.shape
    deep = shape[2] if d == 3 else 1
    for i in range(n):
        for c in range(d):
            y[c] = x[i, c] - drift[frame[i], c] - low[c]
            for k in range(3):
                if k > 0 and halo[c] == 0.0:  # divisions take most of the time
                    cell[k, c] = cell[0, c]
                    continue
                part = (y[c] + (k - 1) * halo[c]) / size[c]
                cell[k, c] = min(max(math.floor(part), 0), shape[c] - 1)
        for tx in range(cell[0, 0], cell[2, 0] + 1):
            for ty in range(cell[0, 1], cell[2, 1] + 1):
                for tz in range(cell[0, 2], cell[2, 2] + 1):
                    t = table[1, _slot(table, (tx * shape[1] + ty) * deep + tz)]
                    if t < 0:
                        continue
                    k = free[t]
                    free[t] += 1
                    if k >= rows.shape[0]:
                        continue
                    cell[3, 0], cell[3, 1], cell[3, 2] = tx, ty, tz
                    at_home = True
                    for c in range(d):
                        where[k, c] = y[c] - cell[3, c] * size[c]
                        at_home = at_home and cell[3, c] == cell[1, c]
                    frames[k] = frame[i]
                    weights[k], rows[k] = weight[i], first + i
                    own[k] = at_home

"""A sparse image of the field, and the gradient of its density at localizations.

The image holds, for each occupied cell, how many localizations it has and the sum of their
positions within it, in whole numbers, so that what is taken out again leaves no trace. It is a
tuple ``(slots, keys, values, used)``: an open-addressed table of int32 rows, or -1; the key of each
row, one int64 for the three numbers of the cell; its count and sums, int32, shape (rows, 4); and
the number of rows in use, shape (1,). Lengths are in cells, positions C-ordered (n, d), d = 2 or 3;
an axis whose ``scale`` (cells per unit length) is 0 does not exist, and has no drift. All loops are
serial and release the GIL.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from smlm_accessor.kernels.compilation import kernel, part

#: Bits of a key for each axis; a field that has more cells is folded.
BITS = 21
MASK = (1 << BITS) - 1
#: Of the table of exp(-q / 64), by which the kernel is interpolated.
STEPS = 32 * 24
EXP = np.exp(-np.arange(STEPS + 1) / 64.0)
# Not plain Python numbers, for each value of which numba would compile a function anew.
IN, OUT = np.int64(1), np.int64(-1)
#: Sums, in the same order: gradient (3), its outer product (6), second moments (6), weight and
#: logarithm of the density.
N_GRADIENT_SUMS = 17


@part
def cell_key(x, y, z):  # type: ignore[no-untyped-def]
    """Return one number for the three of a cell."""
    return (x & MASK) | ((y & MASK) << BITS) | ((z & MASK) << (2 * BITS))


@part
def line_hash(x, y, z):  # type: ignore[no-untyped-def]
    """Return the first slot for eight cells that follow each other in x, of a table of any size."""
    h = ((x & MASK) >> 3) * 0x1E3779B97F4A7C15 + y * 0x3F58476D1CE4E5B9 + z * 0x14D049BB133111EB
    h ^= h >> 31
    h *= 0x2545F4914F6CDD1D
    h ^= h >> 29
    return h << 3


@part
def slot_in_line(slots, keys, line, x, key):  # type: ignore[no-untyped-def]
    """Return the slot of a cell, or the empty one for it, by the hash of its line."""
    mask = slots.shape[0] - 1
    slot = (line + (x & 7)) & mask
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = (slot + 9) & mask
    return slot


@part
def find_slot(slots, keys, x, y, z):  # type: ignore[no-untyped-def]
    """Return the slot of a cell, or the empty one for it; neighbours in x lie together."""
    return slot_in_line(slots, keys, line_hash(x, y, z), x, cell_key(x, y, z))


def with_room(image: tuple[Any, ...], more: int) -> tuple[Any, ...]:
    """Return the image with room for so many cells more; small tables stay in the cache."""
    slots, keys, values, used = image
    n = int(used[0])
    need = n + more
    if need > len(keys):
        added = max(need, 2 * len(keys)) - n
        keys = np.concatenate([keys[:n], np.zeros(added, np.int64)])
        values = np.concatenate([values[:n], np.zeros((added, 4), np.int32)])
    if 2 * need > len(slots):
        size = len(slots)
        while size < 2 * need:
            size *= 2
        slots = np.full(size, -1, np.int32)
        half = 1 << (BITS - 1)
        cells = [((keys[:n] >> (BITS * axis)) + half & MASK) - half for axis in range(3)]
        _enter(slots, keys, *cells)
    return slots, keys, values, used


@kernel
def _enter(slots, keys, x, y, z):  # type: ignore[no-untyped-def]
    """Enter the cells, in their order, into slots that are free."""
    for row in range(x.shape[0]):
        slots[find_slot(slots, keys, x[row], y[row], z[row])] = row


@kernel
def add(localizations, motion, scale, image, quantum, rows, sign):  # type: ignore[no-untyped-def]
    """Put rows into the image, or take them out; return the first that finds no room."""
    positions, frames = localizations
    bounds, drift, slope, middle = motion
    slots, keys, values, used = image
    window, above, last = 0, bounds.shape[0], positions.shape[1] - 1
    while above - window > 1:
        half = (window + above) // 2
        if bounds[half] <= rows[0]:
            window = half
        else:
            above = half
    for row in range(rows[0], rows[1]):
        while row >= bounds[window + 1]:
            window += 1
        if math.isnan(drift[window, 0]):
            continue
        t = frames[row] - middle[window]
        # In two dimensions there is no scale along z.
        x = positions[row, 0] * scale[0] - (drift[window, 0] + slope[window, 0] * t)
        y = positions[row, 1] * scale[1] - (drift[window, 1] + slope[window, 1] * t)
        z = positions[row, last] * scale[2] - (drift[window, 2] + slope[window, 2] * t)
        i, j, k = math.floor(x), math.floor(y), math.floor(z)
        slot = find_slot(slots, keys, i, j, k)
        at = slots[slot]
        if at < 0:
            at = used[0]
            if 2 * at >= slots.shape[0] or at >= keys.shape[0]:
                return row
            slots[slot] = at
            keys[at] = cell_key(i, j, k)
            used[0] += 1
        values[at, 0] += sign
        values[at, 1] += sign * int((x - i) * quantum)
        values[at, 2] += sign * int((y - j) * quantum)
        values[at, 3] += sign * int((z - k) * quantum)
    return rows[1]


@kernel
def gradient_sums(  # type: ignore[no-untyped-def]
    localizations, motion, scale, image, quantum, kernel, windows, around, there, every, out
):
    """Sum gradient, its outer product and second moments of the density at localizations.

    With the density ``rho``, a Gaussian kernel over the centres of mass of the cells around, and
    its moments ``m`` and ``v``: ``m / (eps + rho)``, its products, ``v / (eps + rho)``,
    ``rho / (eps + rho)`` and ``log(1 + rho / eps)``; over one in ``every`` rows of each of a run of
    windows, the image being without the rows ``around`` it.

    The image, which holds the rows as ``motion`` has them, is changed on the way. The windows and
    their drift are those of ``there``.
    """
    positions, frames = localizations
    bounds, drift, slope, middle = there
    slots, keys, values, _ = image
    reach, gamma, eps = kernel
    deep = positions.shape[1] - 1
    step = 1.0 / quantum
    first = last = around[windows[0], 0]
    for s in range(windows[0], windows[1]):
        if math.isnan(drift[s, 0]):
            continue
        begin, end = around[s, 0], around[s, 1]
        # Of what is out of the image: all goes in if it lies before, the rest if some is to stay.
        if begin > first:
            add(localizations, motion, scale, image, quantum, (first, min(begin, last)), IN)
            first, last = begin, max(begin, last)
        if end > last:
            add(localizations, motion, scale, image, quantum, (last, end), OUT)
            last = end
        sums = out[s]
        for row in range(bounds[s], bounds[s + 1], every):
            t = frames[row] - middle[s]
            x = positions[row, 0] * scale[0] - (drift[s, 0] + slope[s, 0] * t)
            y = positions[row, 1] * scale[1] - (drift[s, 1] + slope[s, 1] * t)
            z = positions[row, deep] * scale[2] - (drift[s, 2] + slope[s, 2] * t)
            i, j, k = math.floor(x), math.floor(y), math.floor(z)
            rho = ex = ey = ez = exx = eyy = ezz = exy = exz = eyz = 0.0
            for dk in range(k - reach[2], k + reach[2] + 1):
                for dj in range(j - reach[1], j + reach[1] + 1):
                    line = line_hash(i - reach[0], dj, dk)
                    for di in range(i - reach[0], i + reach[0] + 1):
                        if di & 7 == 0:
                            line = line_hash(di, dj, dk)
                        key = cell_key(di, dj, dk)
                        c = slots[slot_in_line(slots, keys, line, di, key)]
                        if c < 0:
                            continue
                        n = values[c, 0]
                        if n <= 0:
                            continue
                        part = step / n
                        u = di - x + values[c, 1] * part + 0.5 * step
                        v = dj - y + values[c, 2] * part + 0.5 * step
                        w = dk - z + values[c, 3] * part + 0.5 * step
                        q = 32.0 * (u * u * gamma[0] + v * v * gamma[1] + w * w * gamma[2])
                        b = int(q)
                        if b >= STEPS:
                            continue
                        p = n * (EXP[b] + (q - b) * (EXP[b + 1] - EXP[b]))
                        pu, pv, pw = p * u, p * v, p * w
                        rho += p
                        ex += pu
                        ey += pv
                        ez += pw
                        exx += pu * u
                        eyy += pv * v
                        ezz += pw * w
                        exy += pu * v
                        exz += pu * w
                        eyz += pv * w
            r = 1.0 / (eps + rho)
            ex, ey, ez = ex * r, ey * r, ez * r
            sums[0] += ex
            sums[1] += ey
            sums[2] += ez
            sums[3] += ex * ex
            sums[4] += ey * ey
            sums[5] += ez * ez
            sums[6] += ex * ey
            sums[7] += ex * ez
            sums[8] += ey * ez
            sums[9] += exx * r
            sums[10] += eyy * r
            sums[11] += ezz * r
            sums[12] += exy * r
            sums[13] += exz * r
            sums[14] += eyz * r
            sums[15] += rho * r
            sums[16] += math.log(1.0 + rho / eps)

"""How the localizations of two tables lie in each other's density, in tiles of the field.

The loop stands in this file only: numba's cache does not notice changes in others. It is serial and
releases the GIL.
"""

from __future__ import annotations

import numba
import numpy as np

#: Columns of the sums: overlap; pull and stiffness along x, y and z; overlap times the place in the
#: tile along x, y and z.
N_SUMS = 10


@numba.njit(cache=True, nogil=True)
def common_sums(  # type: ignore[no-untyped-def]
    tiles, start, where, table, own, size, width, pixels_per_width, half, border, sums
):
    """Add up, by tile, how far each table should move to lie on the other.

    A localization with the densities ``s`` of the other table and ``u`` of its own, itself
    included, and the sum ``m`` of the distances to the other table, all with the weights of the
    kernel, adds ``s / (s + u)`` to the overlap and ``m / (s + u)`` to the pull of the table with
    the number 1 towards that with the number 0 (with the opposite sign if it belongs to 0). So a
    molecule counts as ``a b / (a + b)`` if it is seen ``a`` and ``b`` times: by its information.

    Parameters
    ----------
    tiles : ndarray of int
        Numbers of the tiles to go through.
    start, where, own
        As in `Tiles`.
    table : ndarray of int32
        0 or 1, which table each place belongs to; 2 or 3 if it is too close to an edge of a field,
        where the other table ends, to be pulled.
    size, width : ndarray, shape (d,)
        Of a tile, and standard deviation of the kernel.
    pixels_per_width, half : int
        Pixels of the density, and how many the kernel has to either side.
    border : int
        Pixels beyond the tile.
    sums : ndarray, shape (n_tiles, N_SUMS)
        Added to; pull in widths, the stiffness is the rate at which it falls.
    """
    d = where.shape[1]
    pixel = width / pixels_per_width
    shape = np.ones(3, np.int64)
    for c in range(d):
        shape[c] = int(np.ceil(size[c] / pixel[c])) + 2 * border + 2
    image = np.zeros((2, shape[2], shape[1], shape[0]), np.float32)
    n = 2 * half + 1
    kernel = np.ones((3, 3, n), np.float32)  # axis; power of the distance; pixel
    kernel[2, 1:] = 0.0
    first = np.zeros(3, np.int64)
    lines = n if d == 3 else 1
    for t in tiles:
        a, b = start[t], start[t + 1]
        if b - a < 2:
            continue
        image[:] = 0
        for i in range(a, b):
            _share(image[table[i] & 1], where, i, pixel, border)
        out = sums[t]
        for i in range(a, b):
            if not own[i] or table[i] > 1:
                continue
            inside = True
            for c in range(d):
                place = where[i, c] / pixel[c] + border
                first[c] = int(np.floor(place + 0.5)) - half
                inside = inside and first[c] >= 0 and first[c] + n <= shape[c]
                for k in range(n):
                    r = (first[c] + k - place) / pixels_per_width
                    g = np.exp(-0.5 * r * r)
                    kernel[c, 0, k], kernel[c, 1, k], kernel[c, 2, k] = g, g * r, g * r * r
            if not inside:
                continue
            other, mine = image[1 - table[i]], image[table[i]]
            s = mx = my = mz = xx = yy = zz = u = 0.0
            for k in range(lines):
                for j in range(n):
                    s0 = s1 = s2 = u0 = 0.0
                    for m in range(n):
                        v = other[first[2] + k, first[1] + j, first[0] + m]
                        s0 += v * kernel[0, 0, m]
                        s1 += v * kernel[0, 1, m]
                        s2 += v * kernel[0, 2, m]
                        u0 += mine[first[2] + k, first[1] + j, first[0] + m] * kernel[0, 0, m]
                    g, h = kernel[1, 0, j], kernel[2, 0, k]
                    s += s0 * g * h
                    mx += s1 * g * h
                    xx += s2 * g * h
                    my += s0 * kernel[1, 1, j] * h
                    yy += s0 * kernel[1, 2, j] * h
                    mz += s0 * g * kernel[2, 1, k]
                    zz += s0 * g * kernel[2, 2, k]
                    u += u0 * g * h
            if s <= 0:
                continue
            q = 1.0 / (s + u)
            sign = 1.0 if table[i] == 1 else -1.0
            s, mx, my, mz = s * q, mx * q, my * q, mz * q
            out[0] += s
            out[1] += sign * mx
            out[2] += sign * my
            out[4] += s - xx * q + mx * mx
            out[5] += s - yy * q + my * my
            if d == 3:
                out[3] += sign * mz
                out[6] += s - zz * q + mz * mz
            for c in range(d):
                out[7 + c] += s * where[i, c]


@numba.njit(cache=True, nogil=True)
def _share(image, where, i, pixel, border):  # type: ignore[no-untyped-def]
    """Share a localization among the pixels around it."""
    d = where.shape[1]
    low = np.zeros(3, np.int64)
    part = np.zeros(3)
    for c in range(d):
        place = where[i, c] / pixel[c] + border
        low[c] = int(np.floor(place))
        part[c] = place - low[c]
        if low[c] < 0 or low[c] + 1 >= image.shape[2 - c]:
            return
    for k in range(2 if d == 3 else 1):
        pz = part[2] if k else 1.0 - part[2]
        for j in range(2):
            py = part[1] if j else 1.0 - part[1]
            for m in range(2):
                px = part[0] if m else 1.0 - part[0]
                image[low[2] + k, low[1] + j, low[0] + m] += px * py * pz

"""Sums over localizations of the density of another table at them, its gradient and curvature.

The density is an image of counts, convolved with a Gaussian kernel at each localization. The loops
are serial and release the GIL. Inlined helpers make them a fifth faster.

tiles : ndarray of int
    Numbers of the tiles to go through.
start, where, own
    As in `Tiles`.
size, width : ndarray, shape (d,)
    Of a tile, and standard deviation of the kernel.
pixels_per_width, half, border : float, int, int
    Pixels of the density, how many the kernel has to either side, and how many lie beyond the tile.
"""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.compilation import allocating, inlined, part

#: Columns of `common_sums`: overlap; gradient and curvature along x, y and z; overlap times the
#: position in the tile along x, y and z.
N_COMMON_SUMS = 10


@inlined
def _deposit(image, p, pixel, border, d, weight):  # type: ignore[no-untyped-def]
    """Share a localization at ``p`` among the pixels around it, by linear interpolation."""
    x, y = p[0] / pixel[0] + border, p[1] / pixel[1] + border
    ix, iy = int(np.floor(x)), int(np.floor(y))
    if ix < 0 or iy < 0 or ix + 1 >= image.shape[2] or iy + 1 >= image.shape[1]:
        return
    fx, fy = np.float32(x - ix), np.float32(y - iy)
    one = np.float32(1.0)
    iz, fz = 0, np.float32(0.0)
    if d == 3:
        z = p[2] / pixel[2] + border
        iz = int(np.floor(z))
        if iz < 0 or iz + 1 >= image.shape[0]:
            return
        fz = np.float32(z - iz)
    for k in range(d - 1):
        part = weight * (fz if k else one - fz)
        image[iz + k, iy, ix] += part * (one - fx) * (one - fy)
        image[iz + k, iy, ix + 1] += part * fx * (one - fy)
        image[iz + k, iy + 1, ix] += part * (one - fx) * fy
        image[iz + k, iy + 1, ix + 1] += part * fx * fy


@part
def _kernel(p, pixel, border, half, width, powers):  # type: ignore[no-untyped-def]
    """Write a Gaussian, and it times distance and squared distance, at the pixels around ``p``.

    Distances are in widths. Return the first of the pixels.
    """
    first = int(np.floor(p / pixel + 0.5)) + border - half
    for k in range(2 * half + 1):
        u = ((first + k - border) * pixel - p) / width
        powers[0, k] = np.exp(-0.5 * u * u)
        powers[1, k] = powers[0, k] * u
        powers[2, k] = powers[1, k] * u
    return first


@part
def _kernels(p, d, shape, pixel, border, half, width, first, kx, ky, kz):  # type: ignore[no-untyped-def]
    """Write the kernels along all axes; return whether they lie within the image."""
    n = 2 * half + 1
    first[0] = _kernel(p[0], pixel[0], border, half, width[0], kx)
    first[1] = _kernel(p[1], pixel[1], border, half, width[1], ky)
    if d == 3:
        first[2] = _kernel(p[2], pixel[2], border, half, width[2], kz)
        if first[2] < 0 or first[2] + n > shape[2]:
            return False
    return first[0] >= 0 and first[1] >= 0 and first[0] + n <= shape[0] and first[1] + n <= shape[1]


@inlined
def _moments(image, first, n, nz, kx, ky, kz):  # type: ignore[no-untyped-def]
    """Return the density, its first moments and its second moments along x, y and z.

    They are sums over the pixels of count times kernel, times distance, times squared distance.
    """
    x0, y0, z0 = first[0], first[1], first[2]
    g, g1, g2 = kx[0], kx[1], kx[2]
    h, h1, h2 = ky[0], ky[1], ky[2]
    s = mx = my = mz = mxx = myy = mzz = 0.0
    for k in range(nz):
        b0 = b1 = b2 = c1 = c2 = 0.0
        for j in range(n):
            a0 = np.float32(0.0)
            a1 = np.float32(0.0)
            a2 = np.float32(0.0)
            for m in range(n):
                v = image[z0 + k, y0 + j, x0 + m]
                a0 += v * g[m]
                a1 += v * g1[m]
                a2 += v * g2[m]
            b0 += h[j] * a0
            b1 += h[j] * a1
            b2 += h[j] * a2
            c1 += h1[j] * a0
            c2 += h2[j] * a0
        s += kz[0, k] * b0
        mx += kz[0, k] * b1
        mxx += kz[0, k] * b2
        my += kz[0, k] * c1
        myy += kz[0, k] * c2
        mz += kz[1, k] * b0
        mzz += kz[2, k] * b0
    return s, mx, my, mz, mxx, myy, mzz


@allocating
def common_sums(  # type: ignore[no-untyped-def]
    tiles, start, where, table, own, size, width, pixels_per_width, half, border, sums
):
    """Add up, by tile, how far each of two tables should move to lie on the other.

    A localization with the densities ``s`` of the other table and ``u`` of its own, itself
    included, and the first moment ``m`` of the other table adds ``s / (s + u)`` to the overlap and
    ``m / (s + u)`` to the gradient of the table with the number 1 towards that with the number 0
    (with the opposite sign if it belongs to 0). So a molecule counts as ``a b / (a + b)`` if it is
    seen ``a`` and ``b`` times: by its information.

    Parameters
    ----------
    table : ndarray of int32
        0 or 1, which table each row belongs to; 2 or 3 if it is too close to an edge of a field,
        where the other table ends, to count.
    sums : ndarray, shape (n_tiles, N_COMMON_SUMS)
        Added to; the gradient in widths, the curvature is the rate at which it falls.
    """
    d = where.shape[1]
    pixel = width / pixels_per_width
    shape = np.ones(3, np.int64)  # pixels of the image of a tile
    for c in range(d):
        shape[c] = int(np.ceil(size[c] / pixel[c])) + 2 * border + 2
    image = np.zeros((2, shape[2], shape[1], shape[0]), np.float32)
    p, first = np.zeros(3), np.zeros(3, np.int64)
    n = 2 * half + 1
    nz = n if d == 3 else 1
    kx, ky, kz = np.zeros((3, n), np.float32), np.zeros((3, n)), np.zeros((3, n))
    kz[0] = 1.0
    for t in tiles:
        a, b = start[t], start[t + 1]
        if b - a < 2:
            continue
        image[:] = 0
        for i in range(a, b):
            for c in range(d):
                p[c] = where[i, c]
            _deposit(image[table[i] & 1], p, pixel, border, d, np.float32(1.0))
        out = sums[t]
        for i in range(a, b):
            if not own[i] or table[i] > 1:
                continue
            for c in range(d):
                p[c] = where[i, c]
            if not _kernels(p, d, shape, pixel, border, half, width, first, kx, ky, kz):
                continue
            s, mx, my, mz, mxx, myy, mzz = _moments(image[1 - table[i]], first, n, nz, kx, ky, kz)
            if s <= 0:
                continue
            q = 1.0 / (s + _moments(image[table[i]], first, n, nz, kx, ky, kz)[0])
            sign = 1.0 if table[i] == 1 else -1.0
            s, mx, my, mz = s * q, mx * q, my * q, mz * q
            out[0] += s
            out[1] += sign * mx
            out[2] += sign * my
            out[4] += s - mxx * q + mx * mx
            out[5] += s - myy * q + my * my
            if d == 3:
                out[3] += sign * mz
                out[6] += s - mzz * q + mz * mz
            for c in range(d):
                out[7 + c] += s * where[i, c]

"""Loops of the method overlap: how localizations lie in the density of those of other times.

They stand in one file: numba's cache does not notice changes in others. All are serial and release
the GIL.
"""

from __future__ import annotations

import numba
import numpy as np

#: Columns of the sums: weight; gradient, curvature and squared gradient along x, y and z.
N_SUMS = 10


@numba.njit(cache=True, nogil=True)
def _deposit(image, p, pixel, border, d, weight):  # type: ignore[no-untyped-def]
    """Share a localization among the pixels around it."""
    x, y = p[0] / pixel[0] + border, p[1] / pixel[1] + border
    ix, iy = int(np.floor(x)), int(np.floor(y))
    if ix < 0 or iy < 0 or ix + 1 >= image.shape[2] or iy + 1 >= image.shape[1]:
        return
    fx, fy = np.float32(x - ix), np.float32(y - iy)
    one = np.float32(1.0)
    if d == 2:
        image[0, iy, ix] += weight * (one - fx) * (one - fy)
        image[0, iy, ix + 1] += weight * fx * (one - fy)
        image[0, iy + 1, ix] += weight * (one - fx) * fy
        image[0, iy + 1, ix + 1] += weight * fx * fy
        return
    z = p[2] / pixel[2] + border
    iz = int(np.floor(z))
    if iz < 0 or iz + 1 >= image.shape[0]:
        return
    fz = np.float32(z - iz)
    for k in range(2):
        part = weight * (fz if k else one - fz)
        image[iz + k, iy, ix] += part * (one - fx) * (one - fy)
        image[iz + k, iy, ix + 1] += part * fx * (one - fy)
        image[iz + k, iy + 1, ix] += part * (one - fx) * fy
        image[iz + k, iy + 1, ix + 1] += part * fx * fy


@numba.njit(cache=True, nogil=True)
def _deposit_place(k, image, where, frame, drift, weight, p, pixel, border):  # type: ignore[no-untyped-def]
    """Deposit the localization at place ``k``, less its drift."""
    d = where.shape[1]
    for c in range(d):
        p[c] = where[k, c] - drift[frame[k], c]
    _deposit(image, p, pixel, border, d, weight)


@numba.njit(cache=True, nogil=True)
def _kernel(p, pixel, border, half, width, g, g1, g2):  # type: ignore[no-untyped-def]
    """Write a Gaussian, and it times distance and squared distance, at the pixels around ``p``.

    Distances are in widths. Returns the first of the pixels.
    """
    first = int(np.floor(p / pixel + 0.5)) + border - half
    for k in range(2 * half + 1):
        u = ((first + k - border) * pixel - p) / width
        g[k] = np.exp(-0.5 * u * u)
        g1[k] = g[k] * u
        g2[k] = g1[k] * u
    return first


@numba.njit(cache=True, nogil=True)
def overlap_sums(  # type: ignore[no-untyped-def]
    tiles,
    start,
    where,
    frame,
    weight,
    own,
    drift,
    segment,
    left_out,
    size,
    width,
    pixels_per_width,
    half,
    floor,
    border,
    sums,
):
    """Add up, by segment, how localizations lie in the density of those of other times.

    With the density ``s`` of others at a localization and its first moment ``m`` (the mean distance
    to them, times ``s``), in widths of the kernel: the gradient is ``m / (floor + s)`` and the
    curvature the rate at which the gradient falls when the localization is moved.

    Parameters
    ----------
    tiles : ndarray of int
        Numbers of the tiles to go through.
    start, where, frame, weight, own
        As in `Tiles`.
    drift : ndarray, shape (n_frames, d)
    segment : ndarray, shape (n_frames,)
    left_out : ndarray, shape (n_frames, 2)
        Localizations of these frames (half open) are not in the density.
    size, width : ndarray, shape (d,)
        Of a tile, and standard deviation of the kernel.
    pixels_per_width, half, floor
        Pixels of the density, how many the kernel has to either side, and what is added to it.
    border : int
        Pixels beyond the tile.
    sums : ndarray, shape (n_segments, N_SUMS)
        Added to.
    """
    d = where.shape[1]
    pixel = width / pixels_per_width
    shape = np.ones(3, np.int64)
    for c in range(d):
        shape[c] = int(np.ceil(size[c] / pixel[c])) + 2 * border + 2
    image = np.zeros((shape[2], shape[1], shape[0]), np.float32)
    p = np.zeros(3)
    n = 2 * half + 1
    gx, gx1, gx2 = np.zeros(n, np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)
    gy, gy1, gy2 = np.zeros(n), np.zeros(n), np.zeros(n)
    gz, gz1, gz2 = np.ones(n), np.zeros(n), np.zeros(n)
    nz, z0 = (n, 0) if d == 3 else (1, 0)
    for t in tiles:
        a, b = start[t], start[t + 1]
        if b - a < 2:
            continue
        image[:] = 0
        for i in range(a, b):
            _deposit_place(i, image, where, frame, drift, weight[i], p, pixel, border)
        back, ahead = a, a  # places from `back` to `ahead` are not in the image
        for i in range(a, b):
            if not own[i]:
                continue
            f = frame[i]
            while ahead < b and frame[ahead] < left_out[f, 1]:
                _deposit_place(ahead, image, where, frame, drift, -weight[ahead], p, pixel, border)
                ahead += 1
            while back < ahead and frame[back] < left_out[f, 0]:
                _deposit_place(back, image, where, frame, drift, weight[back], p, pixel, border)
                back += 1
            for c in range(d):
                p[c] = where[i, c] - drift[f, c]
            x0 = _kernel(p[0], pixel[0], border, half, width[0], gx, gx1, gx2)
            y0 = _kernel(p[1], pixel[1], border, half, width[1], gy, gy1, gy2)
            if x0 < 0 or y0 < 0 or x0 + n > shape[0] or y0 + n > shape[1]:
                continue
            if d == 3:
                z0 = _kernel(p[2], pixel[2], border, half, width[2], gz, gz1, gz2)
                if z0 < 0 or z0 + n > shape[2]:
                    continue
            s = mx = my = mz = mxx = myy = mzz = 0.0
            for k in range(nz):
                b0 = b1 = b2 = c1 = c2 = 0.0
                for j in range(n):
                    a0 = np.float32(0.0)
                    a1 = np.float32(0.0)
                    a2 = np.float32(0.0)
                    for m in range(n):
                        v = image[z0 + k, y0 + j, x0 + m]
                        a0 += v * gx[m]
                        a1 += v * gx1[m]
                        a2 += v * gx2[m]
                    b0 += gy[j] * a0
                    b1 += gy[j] * a1
                    b2 += gy[j] * a2
                    c1 += gy1[j] * a0
                    c2 += gy2[j] * a0
                s += gz[k] * b0
                mx += gz[k] * b1
                mxx += gz[k] * b2
                my += gz[k] * c1
                myy += gz[k] * c2
                mz += gz1[k] * b0
                mzz += gz2[k] * b0
            if s <= 0:
                continue
            q = 1.0 / (floor + s)
            mx, my, mz, s = mx * q, my * q, mz * q, s * q
            w = weight[i]
            out = sums[segment[f]]
            out[0] += w * s
            out[1] += w * mx
            out[2] += w * my
            out[4] += w * (s - mxx * q + mx * mx)
            out[5] += w * (s - myy * q + my * my)
            out[7] += w * w * mx * mx
            out[8] += w * w * my * my
            if d == 3:
                out[3] += w * mz
                out[6] += w * (s - mzz * q + mz * mz)
                out[9] += w * w * mz * mz

"""Images of localizations in whole numbers, so that parts add up to the same in any order."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.grid import Grid

#: Steps into which a pixel is cut along each axis; a localization counts ``STEPS**2``.
STEPS = 32
FixedImages = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
NEVER = np.uint64(0xFFFFFFFFFFFFFFFF)


def add_counts(positions: FloatArray, slot: IntArray, grid: Grid, images: FixedImages) -> None:
    """Add localizations to images, each shared linearly among the pixels around it.

    Parameters
    ----------
    positions : ndarray, shape (n, d), C order
        Of which x and y count; those outside the field, or not finite, are left out.
    slot : ndarray of int64, shape (n,)
        The image each belongs to; none if negative.
    grid : Grid
    images : ndarray of uint32, shape (m, *grid.bins)
        Added to. The image that `count` makes, times ``STEPS**2``, with positions rounded to
        1 / `STEPS` of a pixel.
    """
    box = np.array([grid.lower, grid.upper])
    _add(positions, slot, box, grid.corner, grid.bin_size, np.array(grid.bins), images)


def low_hashes(
    positions: FloatArray, frames: IntArray, group: IntArray, limit: Hashes
) -> tuple[IntArray, Hashes]:
    """Return the rows whose hash is not above the limit of their group, and these hashes.

    The hash of a localization is a number that looks random, and depends on nothing else.

    Parameters
    ----------
    positions : ndarray, shape (n, d), C order
    frames : ndarray, shape (n,)
    group : ndarray of int64, shape (n,)
        Negative for rows that are not wanted.
    limit : ndarray of uint64

    Examples
    --------
    >>> positions, frames = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([3, 4])
    >>> low_hashes(positions, frames, np.array([0, -1]), np.array([NEVER]))[0]
    array([0])
    """
    rows, hashes = np.empty(len(frames), np.int64), np.empty(len(frames), np.uint64)
    n = _low_hashes(positions.view(np.uint64), frames, group, limit, rows, hashes)
    return rows[:n].copy(), hashes[:n].copy()


@numba.njit(cache=True, nogil=True)
def _add(positions, slot, box, corner, size, bins, images):  # type: ignore[no-untyped-def]
    wide_x, wide_y = int(bins[0] > 1), int(bins[1] > 1)
    for i in range(len(slot)):
        x, y, k = positions[i, 0], positions[i, 1], slot[i]
        inside = box[0, 0] <= x <= box[1, 0] and box[0, 1] <= y <= box[1, 1]
        if k < 0 or not inside:
            continue
        # In steps, rounded to the nearest.
        u = np.int64((x - corner[0]) / size * STEPS + 0.5)
        v = np.int64((y - corner[1]) / size * STEPS + 0.5)
        a, b = u // STEPS, v // STEPS
        s, t = u - a * STEPS, v - b * STEPS
        # An axis without extent has one pixel.
        a, s, b, t = a * wide_x, s * wide_x, b * wide_y, t * wide_y
        images[k, a, b] += np.uint32((STEPS - s) * (STEPS - t))
        if t:
            images[k, a, b + 1] += np.uint32((STEPS - s) * t)
        if s:
            images[k, a + 1, b] += np.uint32(s * (STEPS - t))
            if t:
                images[k, a + 1, b + 1] += np.uint32(s * t)


@numba.njit(cache=True, nogil=True)
def _low_hashes(bits, frames, group, limit, rows, hashes):  # type: ignore[no-untyped-def]
    n = 0
    for i in range(len(frames)):
        if group[i] < 0:
            continue
        h = np.uint64(frames[i]) * np.uint64(0x9E3779B97F4A7C15)
        for c in range(bits.shape[1]):
            h ^= bits[i, c] ^ (bits[i, c] << np.uint64(23))
            h *= np.uint64(0xBF58476D1CE4E5B9)
            h ^= h >> np.uint64(29)
        h *= np.uint64(0x94D049BB133111EB)
        h ^= h >> np.uint64(32)
        if h <= limit[group[i]]:
            rows[n], hashes[n] = i, h
            n += 1
    return n


def lowest(hashes: Hashes, most: int) -> Any:
    """Return which rows have the lowest hashes: no more than so many, but all that are equal."""
    if len(hashes) <= most:
        return slice(None)
    limit = np.partition(hashes, most - 1)[most - 1]
    return hashes <= limit

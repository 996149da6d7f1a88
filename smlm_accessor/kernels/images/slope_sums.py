"""Sums of an image under localizations, in one pass over them."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.grid import PixelGrid
from smlm_accessor.kernels.images.images import RIM, Image


class ImageSums(NamedTuple):
    """Of the two channels of an image: sums and sums of squares, shape (2,); and counts.

    ``within`` localizations lie in the field, ``inner`` of these off its rim.
    """

    total: FloatArray
    squares: FloatArray
    within: int
    inner: int


def sums_under(
    image: Image, grid: PixelGrid, positions: FloatArray, shift: FloatArray
) -> ImageSums:
    """Interpolate an image linearly under localizations less a shift, and sum.

    The image has two channels, shape (n_pixels, 2), and is zero outside the field.

    Examples
    --------
    >>> from smlm_accessor.kernels.images.grid import make_grid
    >>> grid = make_grid(
    ...     np.zeros(2), np.ones(2), bin_size=0.25, smoothing=0.25, max_shift=np.zeros(2)
    ... )
    >>> image = np.ones((grid.bins[0] * grid.bins[1], 2), np.float32)
    >>> sums_under(image, grid, np.array([[0.5, 0.5], [9.0, 0.0]]), np.zeros(2)).total
    array([1., 1.])
    """
    box = np.array([grid.lower, grid.upper])
    rim = (box[1] - box[0]) / RIM
    inner = np.stack([box[0] + rim, box[1] - rim])
    out, counts = np.zeros((2, 2)), np.zeros(2, np.int64)
    bins = np.array(grid.bins)
    _sum(image, bins, positions, shift, box, inner, grid.corner, grid.bin_size, out, counts)
    return ImageSums(out[0], out[1], int(counts[0]), int(counts[1]))


@numba.njit(cache=True, nogil=True)
def _sum(  # type: ignore[no-untyped-def]
    image, bins, positions, shift, box, inner, corner, size, out, counts
):
    # An axis without extent has one pixel.
    down, across = min(1, bins[0] - 1) * bins[1], min(1, bins[1] - 1)
    for i in range(len(positions)):
        x, y = positions[i, 0] - shift[0], positions[i, 1] - shift[1]
        if not (box[0, 0] <= x <= box[1, 0] and box[0, 1] <= y <= box[1, 1]):
            continue
        counts[0] += 1
        if inner[0, 0] <= x <= inner[1, 0] and inner[0, 1] <= y <= inner[1, 1]:
            counts[1] += 1
        u, v = (x - corner[0]) / size, (y - corner[1]) / size
        a, b = int(u), int(v)
        s, t = u - a, v - b
        at = a * bins[1] + b
        for c in range(2):
            low = (1 - t) * image[at, c] + t * image[at + across, c]
            high = (1 - t) * image[at + down, c] + t * image[at + down + across, c]
            value = (1 - s) * low + s * high
            out[0, c] += value
            out[1, c] += value * value


def sums_by_block(
    image: Image,
    grid: PixelGrid,
    positions: FloatArray,
    shift: FloatArray,
    blocks: IntArray,
    n_blocks: int,
) -> FloatArray:
    """Return the sums of an image under the localizations of each block, shape (n_blocks, 2).

    ``blocks``, shape (n,), is the block of each localization; for the rest see `sums_under`.
    """
    total = np.zeros((n_blocks, 2))
    order = np.argsort(blocks, kind="stable")
    ends = np.searchsorted(blocks[order], np.arange(n_blocks + 1))
    for k in np.flatnonzero(np.diff(ends)):
        there = positions[order[ends[k] : ends[k + 1]]]
        total[k] = sums_under(image, grid, there, shift).total
    return total

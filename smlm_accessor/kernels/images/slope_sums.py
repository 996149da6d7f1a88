"""Sums of an image under localizations, in one pass over them."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.grid import Grid
from smlm_accessor.kernels.images.images import RIM, Image


class Sums(NamedTuple):
    """Of the two channels of an image: sums and sums of squares, shape (2,); and counts.

    ``within`` localizations lie in the field, ``inner`` of these off its rim.
    """

    total: FloatArray
    squares: FloatArray
    within: int
    inner: int


def sums_under(image: Image, grid: Grid, positions: FloatArray, shift: FloatArray) -> Sums:
    """Interpolate an image linearly under localizations less a shift, and sum.

    Parameters
    ----------
    image : ndarray of float32, shape (n_pixels, 2)
        Two channels; zero outside the field.
    grid : Grid
    positions : ndarray, shape (n, 2), C order
    shift : ndarray, shape (2,)

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
    return Sums(out[0], out[1], int(counts[0]), int(counts[1]))


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


def sums_by_place(
    image: Image,
    grid: Grid,
    positions: FloatArray,
    shift: FloatArray,
    places: IntArray,
    n_places: int,
) -> tuple[FloatArray, FloatArray]:
    """Sum an image under the localizations of each place, and return their share of all.

    Parameters
    ----------
    image, grid, positions, shift
        See `sums_under`.
    places : ndarray of int, shape (n,)
    n_places : int

    Returns
    -------
    total : ndarray, shape (n_places, 2)
    share : ndarray, shape (n_places,)
    """
    total, share = np.zeros((n_places, 2)), np.zeros(n_places)
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(n_places + 1))
    for k in np.flatnonzero(np.diff(ends)):
        there = positions[order[ends[k] : ends[k + 1]]]
        total[k] = sums_under(image, grid, there, shift).total
        share[k] = len(there) / len(positions)
    return total, share

"""Parts of chunks that are not where the rest of their chunk is."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import highest_by_chance
from smlm_accessor.kernels.correlation.correlation import Correlator
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.grid import PixelGrid
from smlm_accessor.kernels.images.images import Image, count, restore, transform
from smlm_accessor.kernels.images.slope_image import Points, sums_under

# A part is there if it has this much of the height that the rest has: halfway to none.
_THERE = 0.5


def missing_parts(
    xy: FloatArray,
    frames: IntArray,
    edges: IntArray,
    shift: FloatArray,
    grid: PixelGrid,
    smoothing: float,
    blocks: FieldBlocks,
) -> BoolArray:
    """Tell which parts of chunks are not where the rest of the chunk is, shape (k, n).

    The height of the correlation, at the shift of a chunk, is a sum over its localizations: it
    tells of any of them whether they are there. Even chunks are correlated with odd ones.

    Parameters
    ----------
    xy : ndarray, shape (m, 2)
    frames : ndarray of int, shape (m,)
        In ascending order.
    edges : ndarray of int, shape (k, n + 1)
        The rows at which parts of chunks begin, and the last one ends. They are moved to where
        frames begin: localizations of one frame may be in the order of their places.
    shift : ndarray, shape (k, 2)
        NaN of chunks that are not looked at.
    grid, smoothing
        Of the images.
    blocks : FieldBlocks
        Whose heights are independent.
    """
    k, n = len(edges), edges.shape[1] - 1
    edges = edges.copy()
    edges[:, 1:-1] = np.searchsorted(frames, frames[np.minimum(edges[:, 1:-1], len(frames) - 1)])
    edges = np.maximum(edges, edges[:, :1])
    known = np.asarray(np.isfinite(shift).all(axis=1))
    sizes = np.diff(edges, axis=1)
    rows = np.arange(edges[0, 0], edges[-1, -1])
    of_row = np.repeat(np.arange(k * n), sizes.ravel())
    used = known[of_row // n]
    of_row, chunk = of_row[used], of_row[used] // n
    at = xy[rows[used]] - shift[chunk]
    odd = chunk % 2 == 1
    image = np.stack([_heights(at[some], grid, smoothing) for some in (odd, ~odd)], axis=-1)
    part = of_row * blocks.n + blocks.of(at)
    rest = np.zeros((k * n * blocks.n, 1, 2))
    sums = sums_under(image.reshape(-1, 2), grid, Points(at, part), rest)
    of_blocks = sums.total.reshape(k, n, blocks.n, 2)
    heights = np.where((np.arange(k) % 2 == 0)[:, None, None], of_blocks[..., 0], of_blocks[..., 1])
    return _far_below(heights, sizes)


def _far_below(heights: FloatArray, sizes: IntArray) -> BoolArray:
    """Tell which parts have clearly less than half of the height that others of the chunk have.

    ``heights``, (k, n, n_blocks), are sums over ``sizes``, (k, n), localizations.
    """
    others = heights.sum(axis=1, keepdims=True) - heights
    of_others = sizes.sum(axis=1, keepdims=True) - sizes
    mean, of_rest = (
        x / np.maximum(size, 1)[..., None] for x, size in ((heights, sizes), (others, of_others))
    )
    below = _THERE * of_rest - mean
    total = below.sum(axis=2)
    std = np.sqrt(heights.shape[2] * below.var(axis=2, ddof=1)) if heights.shape[2] > 1 else np.inf
    return np.asarray((total > highest_by_chance(total.size) * std) & (sizes > 0))


def _heights(positions: FloatArray, grid: PixelGrid, smoothing: float) -> Image:
    """Return the smoothed image of localizations, less their background, shape ``grid.bins``."""
    spectrum = transform(count(positions, grid), grid) * Correlator(grid, smoothing).gain
    (image,) = restore(spectrum, grid, grid.padded)
    return np.asarray(image[: grid.bins[0], : grid.bins[1]])

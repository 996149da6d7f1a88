"""The shift of a few localizations onto many others, from the differences of their sites."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.special import ndtr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.correlation.global_shift import BLOCKS, MOST_PIXELS

_SITE = 2.0  # bins: localizations in a square as wide are one site, however often it is seen
# Rows of bins that are filled at a time: they stay in the cache of a core, and counting takes a
# quarter of the time, with 8 to 256 rows alike.
_ROWS = 64
_AROUND = 31  # bins, whose mean is what chance gives


class SiteShift(NamedTuple):
    """A shift, shape (d,), and the probability of as many pairs of sites by chance."""

    shift: FloatArray
    chance: float


def find_site_shift(reference: FloatArray, moving: FloatArray, bin_size: FloatArray) -> SiteShift:
    """Find how far ``moving`` lies from ``reference``: the commonest difference of their sites.

    Localizations in the same square are one site, for a molecule that is seen often counts once.
    The differences of all pairs of sites, up to half of the field, are counted in bins. It is as
    fine as localizations are precise, however large the field, which an image of it is not. Along
    z, the differences of pairs that have the lateral shift are counted.

    Of ``n`` pairs in a bin, ``m`` are there by chance, the mean of the bins around. The excess is
    ``(n - m) / sqrt(m + 1)`` standard deviations; and, as two structures make many pairs, no more
    than ``(n - m) / sqrt(sum(n_b**2))`` with the pairs ``n_b`` in each block of the field.
    ``chance`` is the normal probability of that, times the number of bins.

    Parameters
    ----------
    reference, moving : ndarray, shapes (n, d) and (m, d)
    bin_size : ndarray, shape (d,)
        About two localization precisions.
    """
    a, b = (_sites(positions, bin_size) for positions in (reference, moving))
    reach = by_column.extent(reference) / 2
    bins = 2 * reach[:2] / bin_size[:2]
    size = bin_size[:2] * max(1.0, np.sqrt(np.prod(bins) / MOST_PIXELS))
    counts = np.zeros((2 * reach[:2] / size).astype(int) + 2, np.int32)
    _count(a, b, reach, size, counts, np.searchsorted(a[:, 0], b[:, 0] - reach[0]))
    at, excess, chance_pairs = _peak(counts)
    shift = np.zeros(len(bin_size))
    shift[:2] = (np.array(at) + 1) * size - reach[:2]
    i, j = _pairs_at(a, b, shift, size)
    excess = min(excess, _spread(a[i], chance_pairs))
    if len(bin_size) == 3:
        apart = np.floor((b[j, 2] - a[i, 2] + 2 * reach[2]) / bin_size[2]).astype(int)
        along = np.bincount(np.maximum(apart, 0), minlength=int(4 * reach[2] / bin_size[2]) + 2)
        (z,), excess_z, _ = _peak(along)
        shift[2] = (z + 1) * bin_size[2] - 2 * reach[2]
        excess = min(excess, excess_z)
    return SiteShift(shift, float(counts.size * ndtr(-excess)))


def _sites(positions: FloatArray, bin_size: FloatArray) -> FloatArray:
    """Return the means of localizations in the same square or cube, in the order of x."""
    cell = np.floor(positions / (_SITE * bin_size)).astype(np.int64)
    cell -= cell.min(axis=0)
    key = np.ravel_multi_index(tuple(cell.T), tuple(cell.max(axis=0) + 1))
    _, site = np.unique(key, return_inverse=True)
    n = np.bincount(site)
    means = np.stack([np.bincount(site, x) / n for x in positions.T], axis=1)
    return np.ascontiguousarray(means[np.argsort(means[:, 0], kind="stable")])


def _peak(counts: IntArray) -> tuple[tuple[int, ...], float, float]:
    """Return where neighbouring bins together stand out most, by how much, and their mean."""
    for _ in range(counts.ndim):  # a maximum across an edge of bins counts as a whole
        counts = (counts[:-1] + counts[1:]).T
    mean = uniform_filter(counts.astype(np.float32), _AROUND, mode="constant")
    across, highest = counts[0].size, []
    n = max(by_column.AT_ONCE // across, 1)  # rows, that fit into the cache
    for row in range(0, len(counts), n):
        around = mean[row : row + n]
        excess = (counts[row : row + n] - around) / np.sqrt(around + 1)
        best = int(excess.argmax())
        highest.append((float(excess.flat[best]), -(row * across + best)))
    excess_at, number = max(highest)
    at = np.unravel_index(-number, counts.shape)
    return tuple(int(x) for x in at), excess_at, float(mean[at])


def _pairs_at(
    a: FloatArray, b: FloatArray, shift: FloatArray, size: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return which sites of both sets lie on each other, by less than a bin."""
    from scipy.spatial import cKDTree

    trees = [cKDTree(x / size) for x in (a[:, :2], b[:, :2] - shift[:2])]
    found = trees[0].sparse_distance_matrix(trees[1], 1.0, p=np.inf, output_type="coo_matrix")
    return np.asarray(found.row, np.int64), np.asarray(found.col, np.int64)


def _spread(positions: FloatArray, by_chance: float) -> float:
    """Return the excess of pairs over the root of the sum of squares of their number by block."""
    if not len(positions):
        return 0.0
    low, high = by_column.lowest(positions[:, :2]), by_column.highest(positions[:, :2])
    block = ((positions[:, :2] - low) / np.maximum(high - low, 1e-300) * BLOCKS).astype(int)
    number = np.bincount(block[:, 0] * (BLOCKS + 1) + block[:, 1])
    return float((len(positions) - by_chance) / np.sqrt((number.astype(float) ** 2).sum()))


@kernel
def _count(a, b, reach, size, counts, begin):  # type: ignore[no-untyped-def]
    """Count the differences ``b - a`` of all pairs, both in the order of x, that are in reach.

    ``begin`` is the first of ``a`` that is in reach of each of ``b``, and moves on: a few rows of
    bins are filled at a time.
    """
    per_x, per_y, highest = 1.0 / size[0], 1.0 / size[1], 2.0 * reach[1]
    low = counts.shape[0]
    while low > 0:
        low = max(low - _ROWS, 0)
        for j in range(b.shape[0]):
            x, y = b[j, 0] + reach[0], b[j, 1] + reach[1]
            i = begin[j]
            while i < a.shape[0]:
                row, along = (x - a[i, 0]) * per_x, y - a[i, 1]
                if row < low:
                    break
                if 0.0 <= along <= highest:
                    counts[int(row), int(along * per_y)] += 1
                i += 1
            begin[j] = i

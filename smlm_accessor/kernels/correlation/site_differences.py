"""The shift of a few localizations onto many others, from the differences of their sites."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter
from scipy.special import gammainc, ndtr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.compilation import kernel
from smlm_accessor.kernels.correlation.global_shift import BLOCKS, MOST_PIXELS

# Pairs of sites that are counted in about a fifth of a second; of more, those that are seen most
# often are compared, but not fewer than so many.
_MOST_PAIRS, _ENOUGH = 1e8, 1000
_SITE = 2.0  # bins: localizations in a square as wide are one site, however often it is seen
# Rows of bins that are filled at a time: they stay in the cache of a core, and counting takes a
# quarter of the time, with 8 to 256 rows alike.
_ROWS = 64
_USUAL = 0.9  # part of the localizations, whose sites count as often as they are seen
# Bins, to shifts nearby whose pairs are there by chance.
_AWAY = np.array([[8, 0, 0], [-8, 0, 0], [0, 8, 0], [0, -8, 0]])
_AROUND = 31  # bins, whose mean is what chance gives


class SiteShift(NamedTuple):
    """A shift, shape (d,), and the probability of as many pairs of sites by chance."""

    shift: FloatArray
    chance: float


def find_site_shift(reference: FloatArray, moving: FloatArray, bin_size: FloatArray) -> SiteShift:
    """Find how far ``moving`` lies from ``reference``: the commonest difference of their sites.

    Localizations in the same square are one site. A site of ``moving`` counts once, however often
    it is seen; one of ``reference`` as often as it is seen, which is best if few of ``moving`` are
    of molecules and most are background; but no more than sites in which nine of ten localizations
    are. The differences of all pairs of sites, up to half of the field, are counted in bins. It is
    as fine as localizations are precise, however large the field, which an image of it is not.
    Along z, the differences of pairs that have the lateral shift are counted.

    Of pairs that count ``n`` in a bin, ``m`` are there by chance, the mean of the bins around. The
    excess is ``(n - m) / sqrt(w * (m + w))`` standard deviations, with the mean ``w`` of what a
    pair counts, weighted by that. Where it is largest, ``chance`` is Poisson's probability of
    ``n / w`` pairs or more, where ``m / w`` are expected, times the number of bins. But two
    structures make many pairs, so ``chance`` is no less than that of the excess ``e_b`` in blocks
    of the field, beside shifts nearby: that of ``sum(e_b) / sqrt(sum(e_b**2))`` by the normal
    distribution, or of as many blocks with some by Poisson's distribution, if there is one by
    chance, and as many as at shifts nearby; times the number of blocks, for there are about as many
    shifts that lay a structure on another.

    Parameters
    ----------
    reference, moving : ndarray, shapes (n, d) and (m, d)
    bin_size : ndarray, shape (d,)
        About two localization precisions.
    """
    (a, seen), (b, _) = (_sites(positions, bin_size) for positions in (reference, moving))
    if len(a) * len(b) > _MOST_PAIRS:
        a, seen = _most_seen(a, seen, max(int(_MOST_PAIRS / len(b)), _ENOUGH))
    often = np.sort(seen)
    often = often[np.searchsorted(np.cumsum(often), _USUAL * seen.sum())]
    weight = np.minimum(seen, often).astype(np.int32)
    usual = float((weight.astype(float) ** 2).sum() / weight.sum())
    reach = by_column.extent(reference) / 2
    bins = 2 * reach[:2] / bin_size[:2]
    n = np.maximum(bins / max(1.0, np.sqrt(np.prod(bins) / MOST_PIXELS)), 2).astype(int)
    size = np.where(reach[:2] > 0, 2 * reach[:2] / n, bin_size[:2])  # whole bins, also at the ends
    counts = np.zeros(n + 1, np.int32)
    _count(a, weight, b, reach, size, counts, np.searchsorted(a[:, 0], b[:, 0] - reach[0]))
    at, by_chance = _peak(counts[:-1, :-1], usual)
    shift = np.zeros(len(bin_size))
    shift[:2] = (np.array(at) + 1) * size - reach[:2]
    i, j = _pairs_at(a, b, shift, size)
    step = np.append(size, 0.0)[: len(shift)]
    others = [_pairs_at(a, b, shift + away[: len(shift)] * step, size)[0] for away in _AWAY]
    in_blocks = BLOCKS**2 * _chance_in_blocks(a, weight, i, others)
    by_chance = max(by_chance, in_blocks)
    if len(bin_size) == 3:
        apart = np.floor((b[j, 2] - a[i, 2] + 2 * reach[2]) / bin_size[2]).astype(int)
        length = int(4 * reach[2] / bin_size[2]) + 2
        along = np.bincount(np.maximum(apart, 0), weight[i], minlength=length).astype(np.int64)
        (z,), by_chance_z = _peak(along, usual)
        shift[2] = (z + 1) * bin_size[2] - 2 * reach[2]
        by_chance = max(by_chance, by_chance_z)
    return SiteShift(shift, by_chance)


def _sites(positions: FloatArray, bin_size: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the means and numbers of localizations in the same square or cube, in order of x."""
    cell = np.floor(positions / (_SITE * bin_size)).astype(np.int64)
    cell -= cell.min(axis=0)
    key = np.ravel_multi_index(tuple(cell.T), tuple(cell.max(axis=0) + 1))
    _, site = np.unique(key, return_inverse=True)
    n = np.bincount(site)
    means = np.stack([np.bincount(site, x) / n for x in positions.T], axis=1)
    order = np.argsort(means[:, 0], kind="stable")
    return np.ascontiguousarray(means[order]), n[order]


def _most_seen(sites: FloatArray, seen: IntArray, n: int) -> tuple[FloatArray, IntArray]:
    """Return the sites that are seen most often, any of those that are seen as often, in order."""
    by_chance = np.random.default_rng(len(sites)).permutation(len(sites))
    kept = np.sort(np.lexsort((by_chance, -seen))[:n])
    return sites[kept], seen[kept]


def _peak(counts: IntArray, usual: float) -> tuple[tuple[int, ...], float]:
    """Return where neighbouring bins together stand out most, and how often this is by chance.

    ``usual`` is what a pair counts.
    """
    for _ in range(counts.ndim):  # a maximum across an edge of bins counts as a whole
        counts = (counts[:-1] + counts[1:]).T
    mean = uniform_filter(counts.astype(np.float32), _AROUND, mode="nearest")
    across, highest = counts[0].size, []
    n = max(by_column.AT_ONCE // across, 1)  # rows, that fit into the cache
    for row in range(0, len(counts), n):
        around = mean[row : row + n]
        excess = (counts[row : row + n] - around) / np.sqrt(usual * (around + usual))
        best = int(excess.argmax())
        highest.append((float(excess.flat[best]), -(row * across + best)))
    _, number = max(highest)
    at = np.unravel_index(-number, counts.shape)
    n, by_chance = float(counts[at]), float(mean[at])
    chance = counts.size * float(gammainc(max(n, usual) / usual, by_chance / usual))
    return tuple(int(x) for x in at), chance


def _pairs_at(
    a: FloatArray, b: FloatArray, shift: FloatArray, size: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return which sites of both sets lie on each other, by less than a bin."""
    from scipy.spatial import cKDTree

    trees = [cKDTree(x / size) for x in (a[:, :2], b[:, :2] - shift[:2])]
    found = trees[0].sparse_distance_matrix(trees[1], 1.0, p=np.inf, output_type="coo_matrix")
    return np.asarray(found.row, np.int64), np.asarray(found.col, np.int64)


def _chance_in_blocks(
    a: FloatArray, weight: IntArray, pairs: IntArray, others: list[IntArray]
) -> float:
    """Return the probability of an excess in so many blocks of the field by chance.

    ``pairs`` are the sites in ``a`` of each pair, ``others`` those of pairs at other shifts, which
    are there by chance.
    """
    low, high = by_column.lowest(a[:, :2]), by_column.highest(a[:, :2])
    block = ((a[:, :2] - low) / np.maximum(high - low, 1e-300) * BLOCKS).astype(int)
    number = block[:, 0] * (BLOCKS + 1) + block[:, 1]
    counts = np.array(
        [np.bincount(number[i], weight[i], (BLOCKS + 1) ** 2) for i in (pairs, *others)]
    )
    usual = counts[1:].mean(axis=0)
    more, elsewhere = counts[0] - usual, counts[1:] - usual
    squares = float((more**2).sum())
    if more.sum() <= 0:
        return 1.0
    much = 0.5 * squares / more.sum()  # half of what there is in a block that has some
    expected = 1 + (elsewhere > much).sum() / len(others)
    of_number = float(gammainc(np.count_nonzero(more > much), expected))
    return min(of_number, float(ndtr(-more.sum() / np.sqrt(squares))))


@kernel
def _count(a, weight, b, reach, size, counts, begin):  # type: ignore[no-untyped-def]
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
                    counts[int(row), int(along * per_y)] += weight[i]
                i += 1
            begin[j] = i

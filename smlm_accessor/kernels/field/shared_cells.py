"""Whether windows of time lie on each other, by the cells of the field that they share."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows


def lie_on_each_other(
    positions: FloatArray, window: IntArray, counts: IntArray, away: int, least: float
) -> bool:
    """Tell whether each window lies on all others as it does on those beside it, or nearly.

    What counts is the part of the pairs of localizations that share a cell, less the part that
    does if one of them is displaced: that is by chance, and has to be the smaller part. Of windows
    that lie elsewhere than others, or somewhere between, or that show other molecules than earlier
    ones did, it is smaller than of neighbours; so it is if a few localizations do not tell.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        In cells.
    window : ndarray of int, shape (n,)
        Not decreasing.
    counts : ndarray of int, shape (n_windows,)
        Localizations in each.
    away : int
        Cells by which pairs are displaced.
    least : float
        Of what neighbours share, at least.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> sites, n = rng.uniform(0, 1000, (50, 2)), 2000
    >>> positions = sites[rng.integers(50, size=n)] + rng.uniform(0, 1, (n, 2))
    >>> window, counts = np.repeat(np.arange(4), n // 4), np.full(4, n // 4)
    >>> lie_on_each_other(positions, window, counts, 9, 0.8)
    True
    >>> lie_on_each_other(positions + 5 * (window > 2)[:, None], window, counts, 9, 0.8)
    False
    """
    k, low = len(counts), np.floor(by_column.lowest(positions))
    along = np.floor(by_column.highest(positions)) - low + 1
    stride = np.append(np.cumprod(along[:0:-1])[::-1], 1).astype(np.int64)
    number = np.zeros(len(positions), np.int64)
    for x, least_x, step in zip(positions.T, low, stride, strict=True):
        number += (np.floor(x) - least_x).astype(np.int64) * step
    order, key = sorted_rows(number)
    begins, in_cell = equal_runs(key)
    # Rows of a cell are in the order of windows.
    both = np.repeat(np.arange(len(begins)) * k, in_cell)
    both += window[order]
    key = key[begins]
    del number, order  # as long as the table
    first, in_both = equal_runs(both)
    cell, of = np.divmod(both[first], k)
    pairs = np.bincount(of, in_both * (in_cell[cell] - in_both), k)
    beside = (cell[1:] == cell[:-1]) & (of[1:] == of[:-1] + 1)
    next_to = np.bincount(of[:-1][beside], (in_both[1:] * in_both[:-1])[beside], k)[:-1]
    there = np.searchsorted(key, key + away * stride[0])
    there[there == len(key)] = 0
    hit = key[there] == key + away * stride[0]
    n = float(counts.sum())
    chance = float((in_cell * in_cell[there])[hit].sum()) / n**2
    near = float(np.median(next_to / (counts[1:] * counts[:-1]))) - chance
    share = pairs / (counts * (n - counts)) - chance
    return near > chance and bool((share > least * near).all())

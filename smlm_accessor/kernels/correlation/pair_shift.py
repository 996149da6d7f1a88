"""The shift of one set of localizations onto another by the differences of near pairs."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels import by_column

_MOST_PAIRS = 4e6
_SMOOTHING = 1.5  # precisions: about the root of two, as differences scatter


def shift_of_pairs(
    reference: FloatArray,
    moving: FloatArray,
    precision: FloatArray,
    reach: float,
    *,
    most_pairs: float = _MOST_PAIRS,
) -> FloatArray:
    """Return the most frequent difference of pairs, to about one precision, shape (d,).

    Differences of up to ``reach`` along x and y are counted, and all along z, in bins of one
    precision; the counts are smoothed. Positions have shape (n, d); every so many of them are used,
    so that there are about ``most_pairs``.
    """
    from scipy.ndimage import gaussian_filter
    from scipy.spatial import cKDTree

    area = float(np.prod(by_column.extent(reference[:, :2])))
    expected = len(reference) * len(moving) * np.pi * reach**2 / max(area, reach**2)
    every = int(np.ceil(np.sqrt(expected / most_pairs)))
    reference, moving = reference[::every], moving[::every]
    trees = cKDTree(reference[:, :2]), cKDTree(moving[:, :2])
    pairs = trees[0].sparse_distance_matrix(trees[1], reach, output_type="ndarray")
    if not len(pairs):
        return np.zeros(reference.shape[1])
    difference = (reference[pairs["i"]] - moving[pairs["j"]]) / precision
    edges = [
        np.arange(low, high + 2) - 0.5
        for low, high in zip(
            np.floor(difference.min(axis=0)), np.ceil(difference.max(axis=0)), strict=True
        )
    ]
    counts, _ = np.histogramdd(difference, edges)
    smooth = gaussian_filter(counts, _SMOOTHING, mode="constant")
    best = np.unravel_index(int(smooth.argmax()), smooth.shape)
    return np.array([e[b] + 0.5 for e, b in zip(edges, best, strict=True)]) * precision

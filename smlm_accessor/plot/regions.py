"""Where an image shows most: the square of the field that is richest in structure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray
from smlm_accessor.images.bins import BinRange


def richest_region(
    counts: npt.ArrayLike, *, corner: tuple[float, float], bin_size: float, side: float
) -> BinRange:
    """Return the square with the strongest contrast between neighbouring bins.

    Contrast is that of ``log(1 + count)``, squared and summed: many clusters or filaments count for
    more than a single bright bead, or than an even ground.

    Parameters
    ----------
    counts : array_like, shape (n_y, n_x)
        Localizations in each bin of the field.
    corner : (float, float)
        Lowest x and y of the field.
    bin_size : float
        Side of the bins; several should fit along the square.
    side : float
        Of the square; it is smaller where the field is.

    Returns
    -------
    ((float, float), (float, float))
        Ranges of x and y.

    Examples
    --------
    >>> counts = np.zeros((6, 9))
    >>> counts[1, 7] = counts[3, 6] = 5
    >>> richest_region(counts, corner=(0.0, 100.0), bin_size=10.0, side=40.0)
    ((50.0, 90.0), (110.0, 150.0))
    """
    seen = np.log1p(np.asarray(counts, dtype=np.float64))
    contrast = np.zeros(seen.shape)
    contrast[:, 1:] += np.diff(seen, axis=1) ** 2
    contrast[1:] += np.diff(seen, axis=0) ** 2
    bins = max(1, round(side / bin_size))
    high, wide = (min(bins, n) for n in seen.shape)
    sums = _window_sums(contrast, high, wide)
    # Of several that are equal, the one around their middle: no structure at its edge.
    best = np.argwhere(sums >= sums.max() * (1 - 1e-9))
    row, column = best[np.abs(best - np.median(best, axis=0)).sum(axis=1).argmin()].tolist()
    x, y = corner[0] + column * bin_size, corner[1] + row * bin_size
    return (x, x + wide * bin_size), (y, y + high * bin_size)


def _window_sums(values: FloatArray, high: int, wide: int) -> FloatArray:
    """Return the sum over each window of so many rows and columns that fits."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    total[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    rows = total[high:] - total[:-high]
    return np.asarray(rows[:, wide:] - rows[:, :-wide])

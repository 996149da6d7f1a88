"""Runs of a series with the highest sums."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray


def highest_sums(values: FloatArray, least: float, most: int) -> list[tuple[int, int]]:
    """Return the runs with the highest sums, none of which overlap, in the order of the series.

    Each is that with the highest sum of what is left, in one piece.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Mostly negative.
    least : float
        Sum of a run, at least.
    most : int
        Runs.

    References
    ----------
    Bentley, "Programming pearls: algorithm design techniques", Commun. ACM 27, 865 (1984),
    https://doi.org/10.1145/358234.381162

    Examples
    --------
    >>> highest_sums(np.array([-1.0, 3, -1, 2, -5, 4, -1]), 2.0, 5)
    [(1, 4), (5, 6)]
    """
    left = [(0, len(values))]
    found: list[tuple[int, int]] = []
    while left and len(found) < most:
        first, stop = left.pop(0)
        total = np.concatenate([[0.0], np.cumsum(values[first:stop])])
        lowest = np.minimum.accumulate(total)
        end = int(np.argmax(total - lowest))
        if total[end] - lowest[end] <= least:
            continue
        begin = int(np.argmin(total[: end + 1]))
        found.append((first + begin, first + end))
        left += [(first, first + begin), (first + end, stop)]
    return sorted(found)

"""Shifts that stand alone: far from what comes before and from what comes after."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.steps import FEWEST

# A shift that is farther than so many median steps from both its neighbours is no drift. Steps of
# drift have heavy tails; shifts that were matched wrongly are anywhere in the field.
_FAR = 20.0


def isolated(shifts: FloatArray, counts: IntArray) -> BoolArray:
    """Tell which shifts are far from all between their neighbours in time; NaN where there is none.

    After a jump of the stage, a shift is close to the next one, and that of a chunk in which the
    stage jumps is a mean of both: it lies on the straight line between them. That of an image that
    was matched wrongly is far from this line. The first and the last shift are never isolated.
    With fewer localizations than the median of ``counts``, a shift is noisier, and may be farther
    by the square root of their ratio.

    Examples
    --------
    >>> x = np.array([0.0, 1, 2, 900, 4, 5, 6, 305, 306, 307])
    >>> np.flatnonzero(isolated(x[:, None], np.full(10, 500)))
    array([3])
    """
    result = np.zeros(len(shifts), dtype=bool)
    known = np.flatnonzero(np.isfinite(shifts).all(axis=1))
    if len(known) < FEWEST:
        return result
    steps = np.linalg.norm(np.diff(shifts[known], axis=0), axis=1)
    usual = np.median(steps)
    if usual == 0:  # whole pixels, say
        return result
    nearest = distance_between(shifts[known[1:-1]], shifts[known[:-2]], shifts[known[2:]])
    noise = np.sqrt(np.maximum(np.median(counts[known]) / np.maximum(counts[known[1:-1]], 1), 1.0))
    result[known[1:-1]] = nearest > _FAR * usual * noise
    return result


def distance_between(shift: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
    """Return how far shifts are from the straight lines between others, all of shape (k, d)."""
    line, away = after - before, shift - before
    square = (line**2).sum(axis=1)
    part = (away * line).sum(axis=1) / np.where(square > 0, square, 1.0)
    return np.asarray(np.linalg.norm(away - np.clip(part, 0, 1)[:, None] * line, axis=1))

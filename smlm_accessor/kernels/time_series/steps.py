"""Steps in a series that are far larger than its usual course, and stay."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

# A step departs from the trend by so many robust standard deviations: 1.4826 times the median of
# all departures. Normal numbers would need 5; how fast drift is has heavier tails.
_UNUSUAL = 10.0
# It also departs by so many standard deviations of the values themselves, where these are known.
_SURE = 6.0
_AROUND = 3  # steps on either side of which the median is the trend
FEWEST = 6  # steps; with fewer, the median says little


def find_steps(values: FloatArray, std: FloatArray | None = None) -> IntArray:
    """Return where a series steps: the index of the first value after each step.

    The trend at a step is the median of the steps beside it. Of successive steps that depart far
    from their trend, the farthest counts, if the medians of the values before and after all of them
    differ by more than half of it. A value that stands alone is no step. Values, (k, d), are
    finite; ``std`` is one standard deviation of each, NaN where it is not known.

    Examples
    --------
    >>> x = np.array([0.0, 1, 2.1, 3, 3.9, 5, 26, 27, 28.1, 29])
    >>> find_steps(x[:, None])
    array([6])
    """
    step = np.diff(values, axis=0)
    n = len(step)
    if n < FEWEST:
        return np.empty(0, dtype=np.int64)
    trend = np.array([np.median(step[_beside(i, n)], axis=0) for i in range(n)])
    departs = np.abs(step - trend)
    usual = 1.4826 * np.median(departs, axis=0)
    least = np.zeros_like(step)
    if std is not None:
        known = np.where(np.isfinite(std), std, 0.0)
        least = _SURE * np.hypot(known[1:], known[:-1])
    scale = np.maximum(_UNUSUAL * np.maximum(usual, 1e-9 * np.ptp(values, axis=0)), least)
    relative = departs / np.where(scale > 0, scale, np.inf)
    far = relative.max(axis=1)
    found = []
    for run in runs(far > 1):
        axis = int(np.argmax(relative[run].max(axis=0)))
        before = values[max(run[0] - _AROUND + 1, 0) : run[0] + 1, axis]
        after = values[run[-1] + 1 : run[-1] + 1 + _AROUND, axis]
        moved = np.median(after) - np.median(before)
        if abs(moved) > departs[run, axis].max() / 2:
            found.append(int(run[np.argmax(far[run])]) + 1)
    return np.array(found, dtype=np.int64)


def unforeseen_steps(values: FloatArray, time: FloatArray) -> FloatArray:
    """Return how far a series goes over each value, beyond what goes on before it or after it.

    The step is from the value before to the one after. It is foreseen as far as the values next to
    these went on at the same pace, on the side where they agree better; if there are none, not at
    all. Values have the shape (k, d), and lengths (k,).

    Examples
    --------
    >>> time = np.arange(12.0)
    >>> values = 3 * time + np.where(time < 6, 0, 9)
    >>> unforeseen_steps(values[:, None], time).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    step, pace = np.zeros_like(values), np.full_like(values, np.inf)
    over = np.ones((len(time), 1))
    step[1:-1], over[1:-1, 0] = values[2:] - values[:-2], time[2:] - time[:-2]
    pace[1:-1] = (step / over)[1:-1]
    beyond = np.full_like(values[:2], np.inf)
    sides = np.concatenate([beyond, pace])[: len(time)], np.concatenate([pace, beyond])[2:]
    away = [np.linalg.norm(step, axis=1)]
    away += [np.linalg.norm(step - side * over, axis=1) for side in sides]
    return np.asarray(np.min(away, axis=0))


def runs(large: BoolArray) -> list[IntArray]:
    """Return the indices of each run of successive true values.

    Examples
    --------
    >>> [run.tolist() for run in runs(np.array([True, False, True, True]))]
    [[0], [2, 3]]
    """
    index = np.flatnonzero(large)
    return np.split(index, np.flatnonzero(np.diff(index) > 1) + 1) if len(index) else []


def _beside(i: int, n: int) -> IntArray:
    """Return the steps around one, without itself."""
    around = np.arange(max(i - _AROUND, 0), min(i + _AROUND + 1, n))
    return np.asarray(around[around != i])

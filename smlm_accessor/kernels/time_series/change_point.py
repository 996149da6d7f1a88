"""The most likely change points of a series, and runs between two of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.compilation import allocating


def change_point(gain: npt.NDArray[Any], *, inside: bool = False) -> int:
    """Return the maximum-likelihood change point of a series whose two states are known.

    Values ``0 .. k - 1`` are from the state before, values ``k .. n - 1`` from the one after. The
    log-likelihood of ``k`` is, but for a constant, the cumulated sum (CUSUM [1]_) of what each
    value gains by the state before: ``S_k = sum(gain[:k])``, ``gain[i] = log p_before(x_i) - log
    p_after(x_i)``. The estimate is the first ``k`` with the largest ``S_k`` [2]_, 0 to n, or with
    ``inside`` 1 to n - 1. For a change in the mean of normal numbers ``gain`` is ``(x -
    mean_after)**2 - (x - mean_before)**2``, times any positive factor.

    References
    ----------
    .. [1] Page, "Continuous inspection schemes", Biometrika 41, 100 (1954),
       https://doi.org/10.1093/biomet/41.1-2.100
    .. [2] Hinkley, "Inference about the change-point in a sequence of random variables",
       Biometrika 57, 1 (1970), https://doi.org/10.1093/biomet/57.1.1

    Examples
    --------
    >>> x = np.array([0.1, -0.2, 0.1, 5.2, 4.9])
    >>> change_point((x - 5) ** 2 - (x - 0) ** 2)
    3
    """
    total = np.concatenate([[0.0], np.cumsum(gain)])
    if not inside:
        return int(np.argmax(total))
    return int(np.argmax(total[1:-1])) + 1 if len(gain) > 1 else 0


def change_point_probability(
    gain: FloatArray, *, evidence: float = 1.0, odds: FloatArray | float = 0.0
) -> FloatArray:
    """Return the probability of each change point of a series whose two states are known.

    The probability of ``k`` is ``exp(evidence * S_k + odds_k)`` over its sum, with ``S_k`` as in
    `change_point`.

    Parameters
    ----------
    gain : ndarray, shape (n,)
    evidence : float, default 1
        Independent observations for each value: less than 1 where values repeat each other.
    odds : ndarray, shape (n + 1,), optional
        Logarithms, before the series is seen. By default all are as likely.

    Returns
    -------
    ndarray, shape (n + 1,)

    Examples
    --------
    >>> change_point_probability(np.array([2.0, 0.0, -2.0])).round(2)
    array([0.06, 0.44, 0.44, 0.06])
    """
    total = evidence * np.concatenate([[0.0], np.cumsum(gain)]) + odds
    likelihood = np.exp(total - total.max())
    return np.asarray(likelihood / likelihood.sum())


def middle_change_point(
    gain: FloatArray, *, evidence: float = 1.0, odds: FloatArray | float = 0.0
) -> int:
    """Return the median of the change points by their probabilities, see there.

    Where values tell nothing, as localizations of the background do, it is in the middle of these,
    while the likeliest would be the first of many.

    Examples
    --------
    >>> gain = np.array([9.0, 0.0, 0.0, 0.0, 0.0, -9.0])
    >>> change_point(gain), middle_change_point(gain)
    (1, 3)
    """
    until = np.cumsum(change_point_probability(gain, evidence=evidence, odds=odds))
    return int(np.searchsorted(until, 0.5))


def change_points(
    gain: FloatArray, cost: float, *, first: int | None = 0, last: int | None = -1
) -> list[tuple[int, int]]:
    """Return the most likely states of a series that begins in the first one and ends in the last.

    It may go through any others in between, and come back: each change has to gain more than the
    cost in log-likelihood (the path of Viterbi [1]_).

    Parameters
    ----------
    gain : ndarray, shape (n_states, n)
        Log-likelihood of each value in each state, but for a constant.
    cost : float
    first, last : int, optional
        State in which it begins and ends; None for any.

    Returns
    -------
    list of tuple of int
        The states, and the first value in each: 0 of the first state, which may have no value.

    References
    ----------
    .. [1] Forney, "The Viterbi algorithm", Proc. IEEE 61, 268 (1973),
       https://doi.org/10.1109/PROC.1973.9030

    Examples
    --------
    >>> x = np.array([0.1, -0.2, 2.1, 2.3, 1.9, 5.2, 4.9])
    >>> gain = np.stack([-((x - mean) ** 2) for mean in (0, 2, 5)])
    >>> change_points(gain, 3.0), change_points(gain, 30.0)
    ([(0, 0), (1, 2), (2, 5)], [(0, 0), (2, 5)])
    """
    best = np.zeros(len(gain)) if first is None else np.full(len(gain), -np.inf)
    best[0 if first is None else first] = 0.0
    came = _came_from(np.ascontiguousarray(gain, dtype=np.float64), cost, best)
    state, path = int(best.argmax()) if last is None else last % len(gain), []
    for i in range(gain.shape[1], -1, -1):
        before = int(came[state, i])
        if before != state:
            path.append((state, i))
            state = before
    return [(state, 0), *path[::-1]]


@allocating
def _came_from(gain, cost, best):  # type: ignore[no-untyped-def]
    """Return the state before each value, and after the last, on the best path to each state.

    ``best`` is the log-likelihood of each state before all values, and becomes that after them.
    """
    n_states, n = gain.shape
    came = np.empty((n_states, n + 1), np.int64)
    for i in range(n + 1):
        top = 0
        for state in range(n_states):
            if best[state] > best[top]:
                top = state
        highest = best[top] - cost
        for state in range(n_states):
            came[state, i] = state
            if highest > best[state]:
                best[state], came[state, i] = highest, top
            if i < n:
                best[state] += gain[state, i]
    return came


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

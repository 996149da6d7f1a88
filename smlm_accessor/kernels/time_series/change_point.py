"""The most likely change point of a series."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray


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


def change_points(gain: FloatArray, cost: float) -> list[tuple[int, int]]:
    """Return the most likely states of a series that goes through some of them in their order.

    The first state and the last one are part of it; each of the others only if the log-likelihood
    gains more than the cost by it.

    Parameters
    ----------
    gain : ndarray, shape (n_states, n)
        Log-likelihood of each value in each state, but for a constant.
    cost : float

    Returns
    -------
    list of tuple of int
        The states, and the first value in each.

    Examples
    --------
    >>> x = np.array([0.1, -0.2, 2.1, 2.3, 1.9, 5.2, 4.9])
    >>> gain = np.stack([-((x - mean) ** 2) for mean in (0, 2, 5)])
    >>> change_points(gain, 3.0), change_points(gain, 30.0)
    ([(0, 0), (1, 2), (2, 5)], [(0, 0), (2, 5)])
    """
    n_states, n = gain.shape
    total = np.concatenate([np.zeros((n_states, 1)), np.cumsum(gain, axis=1)], axis=1)
    # Of the values before each one, if the last of them are in a state: the largest sum, and the
    # state before with the first value after it.
    best = np.full((n_states, n + 1), -np.inf)
    came, began = np.zeros((2, n_states, n + 1), dtype=np.int64)
    best[0] = total[0]
    for state in range(1, n_states):
        for before in range(state):
            ahead = best[before] - total[state]
            highest = np.maximum.accumulate(ahead)
            at = np.maximum.accumulate(np.where(ahead == highest, np.arange(n + 1), 0))
            reached = highest + total[state] - (cost if state < n_states - 1 else 0.0)
            better = reached > best[state]
            best[state][better] = reached[better]
            came[state][better], began[state][better] = before, at[better]
    path, state, end = [], n_states - 1, n
    while state:
        path.append((state, int(began[state, end])))
        state, end = int(came[state, end]), path[-1][1]
    return [(0, 0), *path[::-1]]

"""The most likely change point of a series."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


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

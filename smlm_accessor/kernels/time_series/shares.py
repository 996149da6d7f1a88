"""The share of pairs of windows that are of one molecule, from sums over pairs of localizations.

In all functions, by groups of cells of the field, which are taken for independent:

curvature : ndarray, shape (n_groups, k, k)
    Derivative of the gradient of one window by the drift of another, symmetric. Pairs that lie
    together by chance add 0 on average.
responsibility : ndarray, shape (n_groups, k, k)
    By which it is weighted: of true pairs and of those by chance, symmetric.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtr

from smlm_accessor._typing import BoolArray, FloatArray

_CLEAR = 1e-4  # probability that a share which seems to be more than 0 is 0
_DIFFERENT = 0.05  # probability that, of all runs as long, one that is alike seems to differ
_FEWEST_GROUPS = 4.0  # effectively, that a standard error is estimated from
_NOTHING = 1e-12  # of the largest sum: rounding of differences


def shares(curvature: FloatArray, responsibility: FloatArray) -> FloatArray:
    """Return the curvature per responsibility of each pair of windows, shape (k, k).

    It is the part of the pairs that are of one molecule, but for a factor: a function of the lag in
    time, which does not rise (isotonic regression) and is 0 from where all longer lags together
    show nothing, times the root of a factor of each window, see `factors`. A pair of windows has
    none of its own: a drift that goes a period of the structure astray lays molecules on others
    beside them, and windows far from each other would tell that it is right.
    """
    by_lag = share_by_lag(curvature, responsibility)
    of_windows = np.einsum("gst,st->gs", curvature, (by_lag > 0).astype(np.float64))
    root = np.sqrt(factors(of_windows, np.einsum("gst,st->gs", responsibility, by_lag)))
    return np.asarray(by_lag * np.outer(root, root))


def factors(c: FloatArray, r: FloatArray) -> FloatArray:
    """Return ``c / r`` of windows, summed over as many of them as are alike, shape (k,).

    From the whole to single windows, half of a run has its own ratio if it differs significantly
    from that of the run, and so has the other half; 0 if it is not significant. In parts of a movie
    there is more background, or molecules are seen more often.

    Parameters
    ----------
    c, r : ndarray, shape (n_groups, k)
    """
    k = c.shape[1]
    size = 1 << (k - 1).bit_length()
    c, r = (np.pad(sums, ((0, 0), (0, size - k))) for sums in (c, r))
    factor = np.ones(1)
    while len(factor) < size:
        factor, n = np.repeat(factor, 2), 2 * len(factor)
        ratio, error, groups = ratio_of_sums(
            *(x.reshape(len(x), n, -1).sum(axis=2) for x in (c, r))
        )
        differs = _rarer(np.abs(ratio - factor), error, groups, _DIFFERENT / n)
        differs = np.repeat(differs.reshape(-1, 2).any(axis=1), 2)
        factor = np.where(
            differs, np.where(_rarer(ratio, error, groups, _CLEAR), ratio, 0.0), factor
        )
    return factor[:k]


def ratio_of_sums(c: FloatArray, r: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``sum(c) / sum(r)`` over groups, its standard error, and the groups, effectively."""
    total, squares = np.zeros((2, *r.shape[1:]))
    for one in r:  # without another array as large, here and below
        total += one
        squares += np.square(one)
    least = max(_NOTHING * float(np.max(total)), 1e-100)
    total, squares = np.maximum(total, least), np.maximum(squares, least**2)
    ratio, n = c.sum(axis=0) / total, total**2 / squares
    variance = np.zeros_like(total)
    for one, other in zip(c, r, strict=True):
        left = ratio * other
        left -= one
        variance += np.square(left, out=left)
    variance *= n / np.maximum(n - 1, 1e-9)
    return ratio, np.sqrt(variance) / total, n


def tail(value: FloatArray, error: FloatArray, n: FloatArray) -> FloatArray:
    """Return the probability of a larger value by chance, 1 where there are few groups."""
    p = stdtr(np.maximum(n - 1, 1.0), -value / np.maximum(error, 1e-300))
    return np.where(n >= _FEWEST_GROUPS, p, 1.0)


def _rarer(value: FloatArray, error: FloatArray, n: FloatArray, than: float) -> BoolArray:
    """Tell where a larger value has a lower probability by chance, see `tail`.

    It is larger than for a normal distribution, by which most values are told.
    """
    found = (n >= _FEWEST_GROUPS) & (value > -float(ndtri(than)) * error)
    found[found] = tail(value[found], error[found], n[found]) < than
    return found


def share_by_lag(curvature: FloatArray, responsibility: FloatArray) -> FloatArray:
    """Return the share as a function of the lag in time, shape (k, k)."""
    k = curvature.shape[1]
    lag = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    c, r = _lag_sums(curvature), _lag_sums(responsibility)
    share = np.maximum(_not_rising(c.sum(axis=0), r.sum(axis=0)), 0.0)
    rest = tail(*ratio_of_sums(np.cumsum(c[:, ::-1], axis=1), np.cumsum(r[:, ::-1], axis=1)))
    clear = np.flatnonzero((rest < _CLEAR)[::-1])
    if len(clear):
        share[clear[-1] + 1 :] = 0.0
    return np.asarray(share[lag])


def _lag_sums(sums: FloatArray) -> FloatArray:
    """Return the sums over all pairs of windows that are as far apart, shape (n_groups, k)."""
    n, k, _ = sums.shape
    # In rows that are longer than they are read, entries on a diagonal stand below each other.
    wide, diagonals = np.zeros((k, 2 * k)), np.empty((n, 2 * k - 1))
    as_read = wide.ravel()[: k * (2 * k - 1)].reshape(k, 2 * k - 1)
    for one, found in zip(sums, diagonals, strict=True):
        wide[:, :k] = one[::-1]
        as_read.sum(axis=0, out=found)
    of_lag = diagonals[:, k - 1 :].copy()
    of_lag[:, 1:] += diagonals[:, : k - 1][:, ::-1]
    return of_lag


def _not_rising(c: FloatArray, r: FloatArray) -> FloatArray:
    """Return the ratios of the sums over runs, by pooling neighbours that rise."""
    runs: list[tuple[float, float, int]] = []
    for a, b in zip(c.tolist(), np.maximum(r, 1e-300).tolist(), strict=True):
        run = (a, b, 1)
        while runs and runs[-1][0] * run[1] < run[0] * runs[-1][1]:
            run = (runs[-1][0] + run[0], runs[-1][1] + run[1], runs[-1][2] + run[2])
            runs.pop()
        runs.append(run)
    return np.repeat([a / b for a, b, _ in runs], [n for *_, n in runs])

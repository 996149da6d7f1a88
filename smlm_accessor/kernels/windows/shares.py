"""The share of pairs of windows that are of one molecule, from sums over pairs of localizations.

In all functions, by groups of cells of the field, which are taken for independent:

curvature : ndarray, shape (n_groups, k, k)
    Derivative of the gradient of one window by the drift of another, symmetric. Pairs that lie
    together by chance add 0 on average.
responsibility : ndarray, shape (n_groups, k, k)
    By which it is weighted: of true pairs and of those by chance, symmetric.
"""

from __future__ import annotations

from math import hypot, sqrt
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtr

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.chance import FALSE_ALARM

_CLEAR = 1e-4  # probability that a share which seems to be more than 0 is 0
_DIFFERENT = 0.05  # probability that, of all blocks of a level, one that is alike seems to differ
_FEWEST_GROUPS = 4.0  # effectively, that a standard error is estimated from
_FEWEST_WINDOWS = 5  # that have a share of their own
_NOTHING = 1e-12  # of the largest sum: rounding of differences
_AT_ONCE = 4  # groups, for the memory
_LEAST = 1e-3  # of the largest share: what a block is compared with where the lag says 0


def shares(curvature: FloatArray, responsibility: FloatArray) -> FloatArray:
    """Return the curvature per responsibility of each pair of windows, shape (k, k).

    It is the part of the pairs that are of one molecule, but for a factor. First as a function of
    the lag in time, which does not rise (isotonic regression), and is 0 from where all longer lags
    together show nothing. Then, in a quadtree of blocks of windows, from the whole to single pairs,
    a block whose share differs significantly from that of the block it is part of has its own, as
    have the three beside it; it is 0 if it is not significant.
    """
    k = curvature.shape[1]
    by_lag = share_by_lag(curvature, responsibility)
    least = _LEAST * by_lag.max()
    expected = by_lag + least
    size = 1 << (k - 1).bit_length()
    c, r = curvature, responsibility
    by: FloatArray | float = expected
    levels = [[np.zeros((size, size)), np.zeros((size, size)), np.ones((size, size))]]
    for whole, part in zip(levels[0], ratio_of_sums(c, r, by), strict=True):
        whole[:k, :k] = part  # there is nothing beyond
    while size > 2:
        size //= 2
        c, r, by = _pooled(c, size), _pooled(r, size, by), 1.0
        levels.append(list(ratio_of_sums(c, r)))
    factor, own = np.ones((1, 1)), np.zeros((1, 1), dtype=np.bool_)
    for ratio, error, groups in levels[::-1] if k > 1 else []:
        factor, own = _doubled(factor), _doubled(own)
        differs = _rarer(np.abs(ratio - factor), error, groups, _DIFFERENT / ratio.size)
        if not differs.any():
            continue
        n = len(differs) // 2
        differs = _doubled(differs.reshape(n, 2, n, 2).any(axis=(1, 3)))
        own |= differs
        own_factor = np.where(_rarer(ratio, error, groups, _CLEAR), ratio, 0.0)
        factor = np.where(differs, own_factor, factor)
    return np.where(own[:k, :k], np.maximum(factor[:k, :k] * expected - least, 0.0), by_lag)


def _pooled(sums: FloatArray, n: int, by: FloatArray | float = 1.0) -> FloatArray:
    """Return the sums, times ``by``, over two by two windows, (n_groups, n, n), 0 beyond the last.

    Numpy takes ten times as long over two axes at once.
    """
    k, found = sums.shape[1], np.zeros((len(sums), n, n))
    for start in range(0, len(sums), _AT_ONCE):
        some, into = sums[start : start + _AT_ONCE] * by, found[start : start + _AT_ONCE]
        rows = np.zeros((len(some), n, k))
        rows[:, : (k + 1) // 2] = some[:, ::2]
        rows[:, : k // 2] += some[:, 1::2]
        into[..., : (k + 1) // 2] = rows[..., ::2]
        into[..., : k // 2] += rows[..., 1::2]
    return found


def _doubled(values: Any) -> Any:
    return np.repeat(np.repeat(values, 2, axis=0), 2, axis=1)


def steady_shares(curvature: FloatArray, responsibility: FloatArray) -> FloatArray:
    """Return the shares if molecules live as long at all times, shape (k, k).

    They are a function of the lag, as above, times the root of a factor of each window, see
    `factors`. A pair of windows has none of its own: a drift that goes a period of the structure
    astray lays molecules on others beside them, and windows far from each other would tell that it
    is right.
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
        seen = np.where(_rarer(ratio, error, groups, _DIFFERENT), ratio, 0.0)
        factor = np.where(differs, seen, factor)
    return factor[:k]


def local_shares(c: FloatArray, r: FloatArray) -> FloatArray:
    """Return ``c / r`` of windows, summed over as many of them as are alike, shape (k,).

    From the whole on, halves of a run have their own ratios if these differ significantly, by the
    scatter of windows. A ratio that is not significantly more than 0 is 0.

    Parameters
    ----------
    c, r : ndarray, shape (k,)

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> r = np.full(64, 50.0)
    >>> c = r * np.repeat([0.8, 0.2], 32) + rng.normal(size=64)
    >>> local_shares(c, r).round(1)[[0, 31, 32, 63]].tolist()
    [0.8, 0.8, 0.2, 0.2]
    """
    found = np.zeros(len(c))
    upto = np.zeros((5, len(c) + 1))
    np.cumsum([c, r, c * c, c * r, r * r], axis=1, out=upto[:, 1:])

    def of_run(first: int, stop: int) -> tuple[float, float, float]:
        """Return the ratio, its standard error and the windows, effectively."""
        a, b, aa, ab, bb = (upto[:, stop] - upto[:, first]).tolist()
        if b <= _NOTHING * float(upto[1, -1]):
            return 0.0, 0.0, 0.0
        ratio, n = a / b, b**2 / bb
        square = max(aa - 2 * ratio * ab + ratio**2 * bb, 0.0)
        return ratio, sqrt(square * n / max(n - 1, 1e-9)) / b, n

    waiting = [(0, len(c))]
    while waiting:
        first, stop = waiting.pop()
        middle = (first + stop) // 2
        if stop - first >= 2 * _FEWEST_WINDOWS:
            one, other = of_run(first, middle), of_run(middle, stop)
            error, n = hypot(one[1], other[1]), min(one[2], other[2])
            if _by_chance(abs(one[0] - other[0]), error, n) < FALSE_ALARM:
                waiting += [(first, middle), (middle, stop)]
                continue
        ratio, error, n = of_run(first, stop)
        # A few windows that a user asked for have no scatter to tell by.
        if n < _FEWEST_GROUPS or _by_chance(ratio, error, n) < _CLEAR:
            found[first:stop] = max(ratio, 0.0)
    return found


def ratio_of_sums(
    c: FloatArray, r: FloatArray, by: FloatArray | float = 1.0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ``sum(c) / sum(r)`` over groups, its standard error, and the groups, effectively.

    Each ``r`` counts ``by`` times.
    """
    total, squares = np.zeros((2, *r.shape[1:]))
    for one in r:  # without another array as large, here and below
        total += one * by
        squares += np.square(one * by)
    least = max(_NOTHING * float(np.max(total)), 1e-100)
    total, squares = np.maximum(total, least), np.maximum(squares, least**2)
    ratio, n = c.sum(axis=0) / total, total**2 / squares
    variance = np.zeros_like(total)
    for one, other in zip(c, r, strict=True):
        left = ratio * (other * by)
        left -= one
        variance += np.square(left, out=left)
    variance *= n / np.maximum(n - 1, 1e-9)
    return ratio, np.sqrt(variance) / total, n


def tail(value: FloatArray, error: FloatArray, n: FloatArray) -> FloatArray:
    """Return the probability of a larger value by chance, 1 where there are few groups."""
    p = stdtr(np.maximum(n - 1, 1.0), -value / np.maximum(error, 1e-300))
    return np.where(n >= _FEWEST_GROUPS, p, 1.0)


def _by_chance(value: float, error: float, n: float) -> float:
    return float(tail(np.array(value), np.array(error), np.array(n)))


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

"""How each of several beads moves by itself, from how they move against each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.special import ndtr, ndtri

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM

_PARTNERS = 10  # beads that each is compared with, at most
_FEWEST = 5  # differences that tell a variance
_MANY = 20  # differences, of which the median tells which are too large by chance
_SPIKE = 12.0  # usual deviations from a neighbour, of 0.7 standard deviations
_CLIPPED = 3.0  # standard deviations: a window in which a spot was taken for another counts no more
_SQUARE = float(  # of a normal number that is clipped there
    1 - 2 * ndtr(-_CLIPPED) - 2 * _CLIPPED * np.exp(-(_CLIPPED**2) / 2) / np.sqrt(2 * np.pi)
    + 2 * _CLIPPED**2 * ndtr(-_CLIPPED)
)  # fmt: skip
_MEDIAN = float(ndtri(0.75)) ** 2  # of the square of a normal number
_ROUNDS = 8  # of weights and solution


class OwnMotion(NamedTuple):
    """Of ``b`` beads along one axis.

    ``white`` (b,) is the variance of each window by itself, beyond jitter; ``walk`` (b,) the
    variance that the position of a bead on the sample gains in the time of all windows; ``alone``
    (b,) tells the beads that do not move like the others.
    """

    white: FloatArray
    walk: FloatArray
    alone: BoolArray

    def variance(self, time: FloatArray) -> FloatArray:
        """Return the variance about the mean over all time, shape (k, b).

        ``time`` (k,) runs from 0 to 1. A random walk from ``u = 0`` to ``1`` has ``1/3 - u + u**2``
        about its mean, 1/6 on average.
        """
        return np.asarray(self.white + self.walk * (1 / 3 - time + time**2)[:, None])


class _Changes(NamedTuple):
    """Mean squares of changes of the difference of two beads, one for each pair and lag.

    ``pair`` (m, 2) are the beads, ``lag`` (m,) is in parts of the time, ``jitter`` (m,) what jitter
    alone makes, ``n`` (m,) of how many independent changes.
    """

    pair: IntArray
    square: FloatArray
    lag: FloatArray
    jitter: FloatArray
    n: FloatArray


def own_motion(means: FloatArray, seen: BoolArray, shot: FloatArray, time: FloatArray) -> OwnMotion:
    """Return how far each bead moves by itself.

    The difference of two beads holds no drift. Its change over a lag ``L`` has the variance ``2
    (white + shot) + walk L``, summed over both beads. Of three beads or more, the variances of all
    pairs tell those of each, as the stabilities of clocks are told from each other: the
    three-cornered hat [1]_. They are those of least squares, at least 0, weighted with their own
    precision in turns, as restricted maximum likelihood does.

    Few windows tell the variance of a single bead badly, and weights by such variances are worse
    than equal ones. So all beads have the same, but for those without which the likelihood of the
    others rises by more than chance: they are left out one at a time, and get their own.

    Parameters
    ----------
    means : ndarray, shape (k, b)
        Of the localizations of each bead in each window.
    seen : ndarray of bool, shape (k, b)
    shot : ndarray, shape (k, b)
        Variances of the means, from jitter.
    time : ndarray, shape (k,)
        From 0 to 1, increasing.

    References
    ----------
    .. [1] Gray and Allan, Proc. 28th Frequency Control Symp., 243 (1974),
       https://doi.org/10.1109/FREQ.1974.200027

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> means = rng.normal(0, 0.1, (2000, 4)) + rng.normal(0, 9, (2000, 1))
    >>> means[:, 0] += np.cumsum(rng.normal(0, 0.2, 2000))
    >>> seen = np.ones((2000, 4), bool)
    >>> found = own_motion(means, seen, np.zeros((2000, 4)), np.linspace(0, 1, 2000))
    >>> np.sqrt(found.white).round(1), np.sqrt(found.walk / 2000).round(1)
    (array([0.1, 0.1, 0.1, 0.1]), array([0.2, 0. , 0. , 0. ]))
    """
    b = means.shape[1]
    changes = _all_changes(means, seen, shot, time)
    group = np.zeros(b, dtype=np.int64)
    if not len(changes.square):
        return OwnMotion(np.zeros(b), np.zeros(b), group > 0)
    variances, likelihood = _fitted(changes, group)
    while group.max() < b - 2:
        new = np.where(np.arange(b) == _oddest(changes, group, variances), group.max() + 1, group)
        of_new, higher = _fitted(changes, new)
        # Two parameters more; of b * b / 2 pairs only b tell something by themselves.
        if (higher - likelihood) * 2 / b < np.log(b / FALSE_ALARM):
            break
        group, variances, likelihood = new, of_new, higher
    return OwnMotion(variances[0, group], variances[1, group], group > 0)


def _oddest(changes: _Changes, group: IntArray, variances: FloatArray) -> int:
    """Return the bead, of those that are alike, whose pairs differ most from the others'."""
    expected = _expected(changes, group, variances)
    excess = changes.n * (changes.square / expected - 1)
    total = sum(np.bincount(of, excess, len(group)) for of in changes.pair.T)
    n = sum(np.bincount(of, changes.n, len(group)) for of in changes.pair.T)
    deviate = np.abs(total) / np.sqrt(2 * np.maximum(n, 1e-300))
    return int(np.argmax(np.where(group == 0, deviate, -1.0)))


def _expected(changes: _Changes, group: IntArray, variances: FloatArray) -> FloatArray:
    white, walk = (v[group[changes.pair]].sum(axis=1) for v in variances)
    expected = changes.jitter + 2 * white + walk * changes.lag
    return np.asarray(np.maximum(expected, 1e-6 * changes.square.max() + 1e-300))


def _fitted(changes: _Changes, group: IntArray) -> tuple[FloatArray, float]:
    """Return the variances (white, walk) of each group, shape (2, g), and the log-likelihood."""
    g = int(group.max()) + 1
    members = (group[changes.pair][:, :, None] == np.arange(g)).sum(axis=1)
    design = np.concatenate([2.0 * members, members * changes.lag[:, None]], axis=1)
    expected = np.maximum(changes.square, changes.jitter) + 1e-300
    variances = np.zeros((2, g))
    for _ in range(_ROUNDS):
        weight = np.sqrt(changes.n / 2) / expected
        scaled = design * weight[:, None]
        size = np.maximum(np.linalg.norm(scaled, axis=0), 1e-300)
        found = nnls(scaled / size, (changes.square - changes.jitter) * weight)[0] / size
        variances = found.reshape(2, g)
        expected = _expected(changes, group, variances)
    likelihood = -changes.n / 2 * (np.log(expected) + changes.square / expected)
    return variances, float(likelihood.sum())


def _all_changes(
    means: FloatArray, seen: BoolArray, shot: FloatArray, time: FloatArray
) -> _Changes:
    b = means.shape[1]
    found = []
    for step in range(1, min(_PARTNERS, b // 2) + 1):
        for i in range(b if 2 * step < b else b // 2):
            found += _changes(means, seen, shot, time, i, (i + step) % b)
    columns = np.array(found, dtype=np.float64).reshape(-1, 6).T
    return _Changes(columns[:2].T.astype(np.int64), *columns[2:])


def _spikes(values: FloatArray) -> BoolArray:
    """Tell which values are far from both of their neighbours."""
    spikes = np.zeros(len(values), dtype=bool)
    if len(values) >= _MANY:
        inside = np.stack([values[:-2], values[1:-1], values[2:]])
        away = np.abs(values[1:-1] - np.median(inside, axis=0))
        spikes[1:-1] = away > _SPIKE * np.median(away[away > 0]) if away.any() else False
    return spikes


def _changes(
    means: FloatArray, seen: BoolArray, shot: FloatArray, time: FloatArray, i: int, j: int
) -> list[tuple[float, ...]]:
    """Return (i, j, square, lag, jitter, n) of a pair of beads for each lag, octave by octave."""
    both = np.flatnonzero(seen[:, i] & seen[:, j])
    both = both[~_spikes(means[both, i] - means[both, j])]
    apart = means[both, i] - means[both, j]
    jitter = shot[both, i] + shot[both, j]
    found: list[tuple[float, ...]] = []
    lag = 1
    while len(both) >= _FEWEST * lag and len(both) > lag:
        squares = (apart[lag:] - apart[:-lag]) ** 2
        square = float(squares.mean())
        if len(both) >= _MANY * lag:
            far = _CLIPPED**2 * float(np.median(squares)) / _MEDIAN
            square = float(np.minimum(squares, far).mean()) / _SQUARE if far > 0 else square
        apart_in_time = float((time[both[lag:]] - time[both[:-lag]]).mean())
        by_jitter = float((jitter[lag:] + jitter[:-lag]).mean())
        # Changes that overlap in time are not independent.
        found.append((i, j, square, apart_in_time, by_jitter, len(both) / lag))
        lag *= 2
    return found

"""Whether blinks lie better with a drift than chance allows for so much said about it.

An estimate that follows noise puts the blinks better on each other that it was made from, but not
by much: by half a unit of log-likelihood for each parameter, and by the logarithm of the number of
positions for each window that was moved to the best of many. A description of the drift in whole
numbers has a length that is above both, and what the blinks gain must be above that length (minimum
description length: J. Rissanen, Automatica 14, 465 (1978), DOI 10.1016/0005-1098(78)90005-5). It
needs no second estimate, and no half of the field that shows the drift alone.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.blinks import REACH, Blinks
from smlm_accessor.assess.overlap import CLEAR, Overlap, densities
from smlm_accessor.kernels.field.places import Places
from smlm_accessor.kernels.hashing import split_mix64

CLEAR_ODDS = -float(log_ndtr(-CLEAR))  # of chance, at a score that is clear
_MOST_KNOTS = 128  # of a described drift: what it takes more to say, chance could bring
_LEAST_BLINKS = 4  # for each knot
# Localization precisions, in whole numbers of which a drift is described; which, is said first. A
# drift of few precisions is lost in larger units, and it takes more to say in smaller ones.
_UNITS = (1.0, 0.5)
# Blinks whose gain tells which number of knots is best: it differs by hundreds where there are
# more. Then all tell the odds.
_SAMPLE = 10_000
_CELL = 4.0  # reaches: much wider than a bead
# The normalization of 1 / (1 + |k|)^2 over all whole numbers k.
_ALL_NUMBERS = np.pi**2 / 3 - 1
# Of the mean size of the increments: to a factor of two, between 1 / 8 and 16 units.
_SCALES = 2.0


def evidence(
    blinks: Blinks,
    corrected: FloatArray,
    jumps: IntArray,
    found: tuple[Overlap, Overlap],
    weights: FloatArray,
) -> float:
    """Return the logarithm of the odds, at least, that it is this drift and not none.

    That is ``L - C``: ``L`` is the gain of log-likelihood by a drift that is described by few
    knots, and ``C`` the length of the description, in natural units. Of 2, 4, 8, ... knots, in
    whole precisions or in halves, the best counts; once the odds are clear, up to a number that is
    worse. Of many blinks, a sample tells which is best. ``found`` and ``weights`` are those of
    `overlaps`, before and after.
    """
    before, after = found
    shift, n = corrected - blinks.positions, len(corrected)
    precision = blinks.reach / REACH
    cells = Places.of(corrected, _CELL * blinks.reach[:2])
    most = _log_likelihood(cells, before, after, blinks.inner)

    def odds_of(n_knots: int, share: float, chosen: BoolArray) -> float:
        """Return the odds by the gain of chosen blinks, as if all gained as much."""
        described, length = describe(blinks.frames, shift, n_knots, jumps, share * precision)
        length += float(np.log(len(_UNITS)))
        if length > most:
            return -np.inf
        there = densities(blinks, blinks.positions + described, chosen=chosen).overlap(weights)
        gain = _log_likelihood(cells.some(chosen), before.some(chosen), there, blinks.inner[chosen])
        return gain * n / np.count_nonzero(chosen) - length

    every = np.ones(n, dtype=np.bool_)
    some = every if n <= _SAMPLE else split_mix64(np.arange(n)) / 2.0**64 < _SAMPLE / n
    best, odds = -np.inf, {}
    for share in _UNITS:
        n_knots = 2
        while n_knots <= min(_MOST_KNOTS, n / _LEAST_BLINKS):
            odds[n_knots, share] = now = odds_of(n_knots, share, some)
            if now == -np.inf or (now <= best and best > CLEAR_ODDS):
                break
            best = max(best, now)
            n_knots *= 2
        if best > CLEAR_ODDS:
            break
    if n <= _SAMPLE:
        return best
    best = -np.inf
    for candidate in sorted(odds, key=lambda candidate: -odds[candidate]):
        best = max(best, odds_of(*candidate, every))
        if best > CLEAR_ODDS:
            break
    return best


def _log_likelihood(cells: Places, before: Overlap, after: Overlap, chosen: BoolArray) -> float:
    """Return the gain of log-likelihood of chosen blinks, shape (n,).

    It is half the sum over blinks, for each pair is in it twice. The cell that gains most, and
    those around it, do not count: a single bead shows its own motion, whatever that is.
    """
    if not chosen.any():
        return 0.0
    gain = np.where(chosen, after.log_density - before.log_density, 0.0)
    beside = cells.around(cells.highest(gain))
    return float(cells.sums(gain)[~beside].sum()) / 2


def describe(
    frames: IntArray, shift: FloatArray, n_knots: int, jumps: IntArray, unit: FloatArray
) -> tuple[FloatArray, float]:
    """Describe a drift by its mean in windows of equally many blinks, in whole units.

    Parameters
    ----------
    frames, shift : ndarray, shapes (n,) and (n, d)
        Of each blink.
    n_knots : int
        Windows; they are cut at jumps as well.
    jumps : ndarray of int
        First frame of each segment but the first.
    unit : ndarray, shape (d,)

    Returns
    -------
    described : ndarray, shape (n, d)
        Lines between the middles of windows within a segment, which go on to its ends.
    length : float
        Of the description: of the number of knots, of the frames of jumps, and of the increments.

    Examples
    --------
    >>> frames = np.arange(8)
    >>> described, length = describe(frames, frames[:, None] * 2.1, 2, frames[:0], np.ones(1))
    >>> described.ravel(), round(length, 1)
    (array([-3., -1.,  1.,  3.,  5.,  7.,  9., 11.]), 6.6)
    """
    ordered = np.sort(frames)
    starts = ordered[np.linspace(0, len(frames), n_knots + 1).astype(np.int64)[1:-1]]
    window = np.searchsorted(np.unique(np.concatenate([starts, jumps])), frames, side="right")
    counts = np.bincount(window)
    window, counts = (np.cumsum(counts > 0) - 1)[window], counts[counts > 0]
    middle = np.bincount(window, frames) / counts
    mean = np.column_stack([np.bincount(window, of_axis) / counts for of_axis in shift.T])
    whole = np.round((mean - mean[0]) / unit)
    segment = np.searchsorted(jumps, frames, side="right")
    described = np.empty_like(shift)
    for number in np.unique(segment):
        rows = segment == number
        knots = np.unique(window[rows])
        described[rows] = _lines(frames[rows], middle[knots], whole[knots] * unit)
    span = float(ordered[-1] - ordered[0]) + 1
    length = np.log(n_knots) + len(jumps) * np.log(span)
    return described, float(length + sum(map(_length_of, np.diff(whole, axis=0).T)))


def _lines(frames: IntArray, middle: FloatArray, values: FloatArray) -> FloatArray:
    """Return lines between values, shape (k, d), of which the first and last go on; (n, d)."""
    if len(middle) == 1:
        return np.repeat(values, len(frames), axis=0)
    before = np.clip(np.searchsorted(middle, frames) - 1, 0, len(middle) - 2)
    slope = np.diff(values, axis=0) / np.diff(middle)[:, None]
    return np.asarray(values[before] + slope[before] * (frames - middle[before])[:, None])


def _length_of(numbers: FloatArray) -> float:
    """Return the length of whole numbers, in the shorter of two codes, said by one unit of log 2.

    One for numbers of any size, with the probability ``1 / (1 + |k|)^2``; one for numbers of about
    the same size ``m``, with the probability ``t^|k|``, for which ``m`` is said first.
    """
    size = np.abs(numbers)
    of_any_size = len(size) * np.log(_ALL_NUMBERS) + 2 * np.log1p(size).sum()
    mean = size.mean()
    if mean == 0:
        return float(of_any_size + np.log(2))
    t = np.exp(-np.arcsinh(1 / mean))
    alike = len(size) * np.log((1 + t) / (1 - t)) - size.sum() * np.log(t)
    said = np.log(len(size)) / 2 + _SCALES
    return float(min(of_any_size, alike + said) + np.log(2))

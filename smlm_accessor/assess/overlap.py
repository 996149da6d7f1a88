"""How well blinks lie on those of other times, before and after a correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import beta

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.assess.blinks import Blinks
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.field.blocks import ENOUGH
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.neighbours.neighbour_counts import neighbour_counts

CLEAR = 3.0  # standard deviations: chance gives more in one of 700 cases
_FEW = 8.0  # effective field blocks: with fewer, `ENOUGH` blocks of time tell the error
_MOST_FITTED = 10_000  # blinks, for the weights of the mixture: they are known to a few per cent
_ROUNDS = 100  # of the EM algorithm
_CLOSE = 1e-4  # change of a weight in a round: less changes no log-density that matters


class Overlap(NamedTuple):
    """How well the blinks of other times predict where each blink is.

    ``log_density``, (n,), is the logarithm of the predicted density at each, relative to a uniform
    one. ``from_others``, (n,), is the probability that it is one that was predicted, and not one
    that may be anywhere.
    """

    log_density: FloatArray
    from_others: FloatArray

    def some(self, chosen: BoolArray) -> Overlap:
        """Return the same of chosen blinks."""
        return Overlap(self.log_density[chosen], self.from_others[chosen])


class Densities(NamedTuple):
    """Kernel densities of the blinks of other times at each blink, relative to a uniform one.

    ``by_lag``, (n, k), has one column for each class of lags; ``known``, (n, k), tells where there
    are blinks at such lags. Where there are none, a blink may be anywhere.
    """

    by_lag: FloatArray
    known: BoolArray

    def overlap(self, weights: FloatArray) -> Overlap:
        """Return the mixture with these weights, shape (1 + k,)."""
        density = weights[0] + self.by_lag @ weights[1:]
        return Overlap(np.log(density), (self.by_lag * self.known) @ weights[1:] / density)


def overlaps(
    blinks: Blinks, *versions: FloatArray, halves: bool = False
) -> tuple[list[Overlap], FloatArray]:
    """Return how blinks lie on those of other times, in several versions of their positions.

    The density of a blink is a mixture, ``p(x) = w_0 + sum_j w_j q_j(x)``, of a uniform density and
    of kernel densities ``q_j`` of the blinks of other times, one for each class of lags: molecules
    that live for a short time come back soon, or not at all. Maximum likelihood gives the weights
    (EM algorithm, A. P. Dempster, N. M. Laird and D. B. Rubin, J. R. Stat. Soc. B 39, 1 (1977),
    DOI 10.1111/j.2517-6161.1977.tb01600.x): the same for all versions, so that a blink counts only
    by where others are.

    Returns
    -------
    overlaps : list of Overlap
        For each version.
    weights : ndarray, shape (1 + k,)
    """
    found = [densities(blinks, positions, halves=halves) for positions in versions]
    weights = _mixture_weights(np.concatenate([one.by_lag[blinks.inner] for one in found]))
    return [one.overlap(weights) for one in found], weights


def densities(
    blinks: Blinks,
    positions: FloatArray,
    *,
    halves: bool = False,
    chosen: BoolArray | None = None,
) -> Densities:
    """Return the densities at all blinks, or at those that are ``chosen``, shape (n,).

    With ``halves``, only blinks of the same half of the field count.
    """
    group = blinks.second.astype(np.int64) if halves else np.zeros_like(blinks.frames)
    partners = blinks.partners_in_half if halves else blinks.partners
    scaled, d = positions / blinks.reach, len(blinks.reach)
    counts = neighbour_counts(
        scaled, blinks.frames, group, blinks.lags, chosen=chosen, run=map_threads
    )
    if chosen is not None:
        counts, partners = counts[chosen], partners[chosen]
    kernel = np.pi / 5 if d == 2 else 2 * np.pi * beta(1.5, 5)
    field = float(np.prod(blinks.extent))
    known = partners > 0
    by_lag = np.where(known, counts / np.maximum(partners, 1) * (field / kernel), 1.0)
    return Densities(by_lag, known)


def _mixture_weights(by_lag: FloatArray) -> FloatArray:
    """Return the weights of a mixture of a uniform density and others, of which rows are known.

    One blink more in each part: no density is zero.
    """
    n, k = by_lag.shape
    if n > _MOST_FITTED:
        by_lag = by_lag[split_mix64(np.arange(n)) / 2.0**64 < _MOST_FITTED / n]
    parts = np.vstack([np.ones(len(by_lag)), by_lag.T])
    weights = np.full(k + 1, 1 / (k + 1))
    for _ in range(_ROUNDS):
        found = weights * (parts @ (1 / (weights @ parts))) + 1
        before, weights = weights, found / found.sum()
        if np.abs(weights - before).max() < _CLOSE:
            break
    return weights


@dataclass(frozen=True)
class Change:
    """What a correction does to the log-density, summed over blinks, in ``total``.

    Its standard deviation ``error``, with so many degrees of ``freedom``, is from field blocks, or
    from blocks of time if these are few. The ``sensitivity`` is the derivative of the summed
    log-density by the logarithm of the density that blinks of other times predict.
    """

    total: float
    error: float
    freedom: float
    sensitivity: float

    @property
    def score(self) -> float:
        """How many standard deviations of a normal distribution this is away from no change."""
        if not self.error > 0 or self.freedom <= 0:
            return 0.0
        # Student's t as a normal deviate, as D. L. Wallace, Ann. Math. Stat. 30, 1124 (1959),
        # DOI 10.1214/aoms/1177706093; the tails underflow otherwise.
        t, n = self.total / self.error, self.freedom
        size = np.sqrt(n * np.log1p(t * t / n)) * (8 * n + 1) / (8 * n + 3)
        return float(np.copysign(size, t))

    @property
    def gain(self) -> float:
        """Relative change of the density that blinks of other times predict."""
        return float(np.expm1(self.total / self.sensitivity)) if self.sensitivity > 0 else 0.0

    def __add__(self, other: Change) -> Change:
        """Return the sum of two changes that may go together: errors add up."""
        return Change(
            self.total + other.total,
            self.error + other.error,
            min(self.freedom, other.freedom),
            self.sensitivity + other.sensitivity,
        )


def change(
    blinks: Blinks, before: Overlap, after: Overlap, chosen: BoolArray | None = None
) -> Change:
    """Return what happened to blinks, or chosen ones, shape (n,), that are not at the edges.

    With the sums ``D`` of the change of log-density and ``S`` of the sensitivity in each field
    block, and ``r = sum(D) / sum(S)``, the variance of ``sum(D)`` is
    ``k / (k - 1) * sum((D - r S)**2)``; ``k`` is the effective number of blocks.
    """
    used = blinks.inner if chosen is None else blinks.inner & chosen
    difference = (after.log_density - before.log_density)[used]
    sensitivity = np.maximum(before.from_others, after.from_others)[used]
    if not sensitivity.any():
        return Change(0.0, 0.0, 0.0, 0.0)
    total, whole = float(difference.sum()), float(sensitivity.sum())
    of_block = np.bincount(blinks.block[used], difference)
    weight = np.bincount(blinks.block[used], sensitivity)
    n = effective_number(weight)
    residual = of_block - total / whole * weight
    error = float(np.sqrt((residual**2).sum() * n / max(n - 1, 1e-9)))
    if n < _FEW:
        order = np.argsort(blinks.frames[used], kind="stable")
        parts = np.array_split(difference[order], ENOUGH)
        # A pair belongs to two blinks, and what moves one of them changes it for both.
        error = float(2 * np.sqrt(ENOUGH) * np.std([p.sum() for p in parts], ddof=1))
        n = float(ENOUGH)
    return Change(total, error, n - 1, whole)

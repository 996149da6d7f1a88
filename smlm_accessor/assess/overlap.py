"""How well blinks lie on those of other times, before and after a correction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.field_halves import FieldHalves
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.pair_sums import WIDTH
from smlm_accessor.kernels.field.blocks import ENOUGH, away_from_edges
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.neighbours.neighbour_counts import neighbour_counts
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.traces import Observations

CLEAR = 3.0  # standard deviations: chance gives more in one of 700 cases
REACH = 2.0 / WIDTH  # precisions: of a kernel with a standard deviation of two
_BESIDE = 2.0  # reaches: kernels there and here do not touch
_MARGIN = _BESIDE + 1  # reaches: all that is counted for a blink lies so near
_MOST_NEIGHBOURS = 100.0  # within a cell, for the sake of time; of more, some are left out
_MOST = 300_000  # blinks, for the sake of time; more would change no verdict
_FEW = 8.0  # effective field blocks: with fewer, `ENOUGH` blocks of time tell the error


class Overlap(NamedTuple):
    """How well each blink lies on those of other times.

    ``neighbour_counts`` is how many lie there; ``contrast`` compares the logarithm of one plus that
    with what lies a little beside. Both have shape (n,).
    """

    neighbour_counts: FloatArray
    contrast: FloatArray


@dataclass(frozen=True)
class Blinks:
    """Localizations of one blink put together, at positions as they are in the table.

    ``block`` is the number of the field block of each, ``second`` whether that is in the second
    half of the field, and ``inner`` whether a blink is so far from the edges of the field that all
    around it is seen. Blinks ``gap`` frames apart could be one. ``reach``, (d,), is that of the
    kernel.
    """

    positions: FloatArray
    frames: IntArray
    block: IntArray
    second: BoolArray
    gap: int
    reach: FloatArray
    inner: BoolArray

    def overlap(self, positions: FloatArray, *, halves: bool) -> Overlap:
        """Return how blinks at these positions lie on those of other times.

        With ``n`` the neighbour count of a blink and ``n'`` that of a place beside it, in a random
        direction, its contrast is ``log(1 + n) - log(1 + n')``. Where nothing but chance is at
        work, both have the same distribution, and its mean is 0, whatever the density. With
        ``halves``, only blinks of the same half of the field count.
        """
        turn = split_mix64(np.arange(len(positions))) * (2 * np.pi / 2.0**64)
        beside = positions / self.reach
        here = beside.copy()
        beside[:, 0] += _BESIDE * np.cos(turn)
        beside[:, 1] += _BESIDE * np.sin(turn)
        group = self.second.astype(np.int64) if halves else np.zeros_like(self.frames)
        at_it, by_chance = (
            neighbour_counts(
                *(here, self.frames, group),
                gap=self.gap,
                at=at,
                run=map_threads,
            )
            for at in (None, beside)
        )
        return Overlap(at_it, np.log1p(at_it) - np.log1p(by_chance))

    def some(self, chosen: BoolArray) -> Blinks:
        """Return some of the blinks."""
        by_blink = ("positions", "frames", "block", "second", "inner")
        return replace(self, **{name: getattr(self, name)[chosen] for name in by_blink})


def find_blinks(observed: Observations, precision: FloatArray, halves: FieldHalves) -> Blinks:
    """Return the blinks of localizations in the order of frames."""
    localizations = observed.localizations
    assert localizations.center is not None
    rows = WeightedLocalizations.of(localizations, precision)
    frames = rows.timeline.frames
    still = np.zeros((len(frames), len(precision)))
    events = rows.events(still, precision, np.zeros_like(frames))
    positions = events.positions + localizations.center
    gap = min(events.lifetime * 3 // 2 + 2, max(int(frames[-1] - frames[0]) // 10, 1))
    field, margin = halves.blocks, _MARGIN * REACH * float(precision[0])
    return Blinks(
        positions,
        observed.frame(frames[events.frame]),
        *halves.of(positions),
        int(gap * observed.unit),
        REACH * precision,
        away_from_edges(positions[:, :2], field.lower, field.lower + field.extent, margin),
    )


def thinned(blinks: Blinks, corrected: FloatArray) -> tuple[Blinks, FloatArray]:
    """Leave out blinks that cannot be corrected, and some where too many lie on each other.

    A blink is kept with the probability ``min(1, 100 / m)``, where ``m`` is the mean number of
    blinks in the cells of its field block, before or after the correction.
    """
    known = np.asarray(np.isfinite(corrected).all(axis=1))
    blinks, corrected = blinks.some(known), corrected[known]
    if not len(corrected):
        return blinks, corrected
    inside = np.bincount(blinks.block)
    n_blocks = len(inside)
    crowd = np.ones(n_blocks)
    for positions in (blinks.positions, corrected):
        cell = np.floor(positions / blinks.reach).astype(np.int64)
        cell = cell @ np.array([1_000_003, 10_007, 1][-cell.shape[1] :])
        _, number, counts = np.unique(cell, return_inverse=True, return_counts=True)
        mean = np.bincount(blinks.block, counts[number], n_blocks) / np.maximum(inside, 1)
        crowd = np.maximum(crowd, mean)
    kept = np.minimum(_MOST_NEIGHBOURS / crowd, 1.0)
    # Whole field blocks are left out where there are too many blinks: pairs need both.
    order = np.argsort(split_mix64(np.arange(n_blocks)), kind="stable")
    kept[order[np.cumsum((inside * kept)[order]) > max(_MOST, inside.max())]] = 0.0
    hashed = split_mix64(np.arange(len(blinks.block))) / 2.0**64
    use = np.asarray(hashed < kept[blinks.block])
    return blinks.some(use), corrected[use]


@dataclass(frozen=True)
class Change:
    """What a correction does to the contrast, summed over blinks, in ``total``.

    Its standard deviation ``error``, with so many degrees of ``freedom``, is from field blocks, or
    from blocks of time if these are few. The ``sensitivity`` is the derivative of the summed
    contrast by the logarithm of the neighbour counts.
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
        """Relative change of the neighbour counts, beyond that of chance."""
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

    With the sums ``D`` of the change of contrast and ``S`` of the sensitivity ``n / (1 + n)`` in
    each field block, and ``r = sum(D) / sum(S)``, the variance of ``sum(D)`` is
    ``k / (k - 1) * sum((D - r S)**2)``; ``k`` is the effective number of blocks.
    """
    used = blinks.inner if chosen is None else blinks.inner & chosen
    difference = (after.contrast - before.contrast)[used]
    most = np.maximum(before.neighbour_counts, after.neighbour_counts)[used]
    sensitivity = most / (1 + most)
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

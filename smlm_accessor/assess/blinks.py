"""Blinks of a table, as they are compared before and after a correction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.field_halves import FieldHalves
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.correlation.pair_sums import WIDTH
from smlm_accessor.kernels.field.blocks import away_from_edges
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.neighbours.neighbour_counts import partner_counts
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.traces import Observations

REACH = 2**0.5 / WIDTH  # precisions: two blinks of a molecule differ by sqrt(2) of them
_LAG_FACTOR = 4  # from one class of lags to the next: molecules live for an unknown time
_MOST_NEIGHBOURS = 100.0  # within a cell, for the sake of time; of more, some are left out
_MOST = 300_000  # blinks, for the sake of time; more would change no verdict
# Of more, some field blocks tell most verdicts: so many blinks, in so many blocks at least.
_ENOUGH, _BLOCKS = 40_000, 30


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

    @cached_property
    def lags(self) -> IntArray:
        """The least lag of each class: the gap of a blink, and then ever longer ones."""
        span = int(np.ptp(self.frames)) if len(self.frames) else 0
        lags = [self.gap]
        lag = self.gap * _LAG_FACTOR**2
        while lag < span:
            lags.append(lag)
            lag *= _LAG_FACTOR
        return np.array(lags)

    @cached_property
    def partners(self) -> IntArray:
        """How many blinks there are at such lags from each, (n, k)."""
        return partner_counts(self.frames, np.zeros_like(self.frames), self.lags)

    @cached_property
    def partners_in_half(self) -> IntArray:
        """How many of these are in the same half of the field."""
        return partner_counts(self.frames, self.second.astype(np.int64), self.lags)

    @cached_property
    def extent(self) -> FloatArray:
        """Extent of the field in reaches, (d,), without a few blinks far outside."""
        positions = self.positions / self.reach
        if not len(positions):
            return np.ones(positions.shape[1])
        lower, upper = np.percentile(positions, [1, 99], axis=0)
        return np.asarray(np.maximum(upper - lower, 1.0))

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
    field, margin = halves.blocks, REACH * float(precision[0])
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
    known = by_column.all_finite(corrected)
    if not known.all():
        blinks, corrected = blinks.some(known), corrected[known]
    if not len(corrected):
        return blinks, corrected
    inside = np.bincount(blinks.block)
    n_blocks = len(inside)
    crowd = np.ones(n_blocks)
    for positions in (blinks.positions, corrected):
        cell = np.zeros(len(positions), dtype=np.int64)
        factors = (1_000_003, 10_007, 1)[-len(blinks.reach) :]
        for x, reach, factor in zip(positions.T, blinks.reach, factors, strict=True):
            cell += np.floor(x / reach).astype(np.int64) * factor
        order, ordered = sorted_rows(cell)
        _, counts = equal_runs(ordered)
        beside = np.repeat(counts, counts).astype(np.float64)
        mean = np.bincount(blinks.block[order], beside, n_blocks) / np.maximum(inside, 1)
        crowd = np.maximum(crowd, mean)
    kept = np.minimum(_MOST_NEIGHBOURS / crowd, 1.0)
    kept[_too_many(inside * kept, max(_MOST, inside.max()))] = 0.0
    hashed = split_mix64(np.arange(len(blinks.block))) / 2.0**64
    use = np.asarray(hashed < kept[blinks.block])
    return blinks.some(use), corrected[use]


def in_some_blocks(blinks: Blinks) -> BoolArray:
    """Tell which blinks are in field blocks that are enough for most verdicts, shape (n,)."""
    inside = np.bincount(blinks.block)
    told = inside > 0
    left_out = np.zeros(len(inside), np.bool_)
    left_out[np.flatnonzero(told)[_too_many(inside[told], _ENOUGH, _BLOCKS)]] = True
    return np.asarray(~left_out[blinks.block])


def _too_many(inside: IntArray | FloatArray, most: float, fewest: int = 0) -> IntArray:
    """Return which blocks are left out, whole, for there are more blinks: pairs need both."""
    order = np.argsort(split_mix64(np.arange(len(inside))), kind="stable")
    return np.asarray(order[fewest:][(np.cumsum(inside[order]) > most)[fewest:]])

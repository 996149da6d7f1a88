"""Align windows by the correlations of all pairs of them next to where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, Int32Array, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.pair_sums import (
    WIDTH,
    PairSums,
    pair_sums,
    sort_into_layers,
    split_mix,
)
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.field.jackknife import inflation, influence, jackknife
from smlm_accessor.kernels.unbiased import unbiased_squares
from smlm_accessor.methods.rcc.solution import redundant_solution
from smlm_accessor.timeline import Timeline, Windows

_STEPS = 2  # of Newton's method
# Smoothing lengths a window may move in one step.
_LONGEST_STEP = 1.0
# Steps end when what is left of all is less than this part of the usual standard deviation.
_LEFT = 0.1


class Aligned(NamedTuple):
    """The drift of windows: ``drift``, ``variance`` (k, d), the rest (k,).

    ``sharpness`` is the smoothing divided by the standard error. ``overlap`` sums the kernel over
    the pairs of a localization, in the mean. ``dropped`` is the part of the pairs that were
    dropped. ``influence``, (k, n_blocks, d), is that of field blocks on the drift of each window
    while all others rest, ``together`` that on all of them, where pairs may have been dropped.
    """

    drift: FloatArray
    variance: FloatArray
    sharpness: FloatArray
    overlap: FloatArray
    valid: BoolArray
    dropped: float
    influence: FloatArray | None = None
    together: FloatArray | None = None

    @classmethod
    def none(cls, k: int, d: int) -> Aligned:
        """Return that nothing is known of any window."""
        nan, zero = np.full((k, d), np.nan), np.zeros(k)
        return cls(nan, nan, zero, zero, np.zeros(k, dtype=bool), 0.0)

    def dependent(self, counts: IntArray) -> Aligned:
        """Return the same with variances of localizations that depend on each other.

        Those of one blink do, much the same in all windows, of which ``counts`` are the numbers of
        localizations. Where molecules bleach, a window has others in common with the one before
        than with the one after, and errors add up: a jackknife over field blocks tells by how much
        the variance is larger than if the other windows rested.
        """
        if self.influence is None or self.together is None or not self.valid.any():
            return self
        alone, together = (jackknife(x[self.valid]) for x in (self.influence, self.together))
        sure = self.valid & np.isfinite(self.variance).all(axis=1)
        factor = inflation(self.influence[sure], self.variance[sure], counts[sure])
        variance = self.variance.copy()
        variance[self.valid] *= factor
        variance[self.valid] += np.maximum(together - alone, 0.0)
        return self._replace(variance=variance, influence=None, together=None)

    def only(self, kept: BoolArray) -> Aligned:
        """Return the same of which some windows are valid."""
        drift, variance = (np.where(kept[:, None], x, np.nan) for x in (self.drift, self.variance))
        return self._replace(drift=drift, variance=variance, valid=kept)


@dataclass(frozen=True, eq=False)
class PairAligner:
    """Localizations whose windows are aligned.

    ``frame_of`` is the index of each into the frames of the timeline; ``max_residual`` is that of
    the shift of a pair.
    """

    positions: FloatArray
    frame_of: Int32Array
    timeline: Timeline
    max_residual: float | None
    threads: int | None

    def align(
        self,
        windows: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
        *,
        still: BoolArray | None = None,
        partners: float = 32,
        drop: bool = False,
        fewest: int = 1,
    ) -> Aligned:
        """Climb from a drift to the maximum of the correlations of all pairs together.

        The drift, (k, d), is good to about one smoothing length, the standard deviation of the
        kernel, where ``valid``. Nothing moves within windows that are ``still``. About ``partners``
        pairs are looked at for each localization; with ``drop``, those with large residuals are
        dropped.

        The slope of a Gaussian, ``x exp(-x**2 / 2)``, falls behind a straight line: of a step ``x``
        smoothing lengths long, ``x**2 / 2`` is left. Mostly that is so little that one is enough,
        unless there are to be more at the ``fewest``.
        """
        reach = smoothing / WIDTH
        drift, valid = drift.copy(), valid & (windows.counts > 0)
        found = None
        for step in range(1, _STEPS + 1):
            enough = step >= fewest
            sums = self._sums(
                windows, drift, valid, still, reach, partners, of_pairs_and_blocks=drop and enough
            )
            solved = redundant_solution(
                sums, reach, drop=drop and enough, max_residual=self.max_residual
            )
            if solved is None:
                break
            move, variance, network, together = found = solved
            # Windows that no pairs connect with the largest component cannot be compared with it.
            valid &= network.component == np.bincount(network.component[valid]).argmax()
            length = np.abs(move / smoothing).max(axis=1)
            move *= np.minimum(1.0, _LONGEST_STEP / np.maximum(length, _LONGEST_STEP))[:, None]
            drift[valid] -= move[valid]
            usual = np.sqrt(np.median(variance[valid], axis=0))
            left = np.abs(move) * (length**2 / 2)[:, None]
            if enough and (left[valid] <= _LEFT * usual).all():
                break
        if found is None:
            return Aligned.none(*drift.shape)
        with np.errstate(divide="ignore"):
            sharpness = (smoothing / np.sqrt(variance)).min(axis=1)
        sharpness = np.where(valid, np.nan_to_num(sharpness), 0.0)
        overlap = sums.overlap.sum(axis=1) / np.maximum(windows.counts, 1)
        pairs = int((sums.overlap > 0).sum())
        dropped = 1 - int(network.used.sum()) / pairs if pairs else 0.0
        alone = influence(sums.by_block, sums.curvature[:, None]) * reach if drop else None
        aligned = Aligned(drift, variance, sharpness, overlap, valid, dropped, alone, together)
        return aligned.only(valid)

    def _sums(
        self,
        windows: Windows,
        drift: FloatArray,
        use: BoolArray,
        still: BoolArray | None,
        reach: FloatArray,
        partners: float,
        *,
        of_pairs_and_blocks: bool,
    ) -> PairSums:
        """Sum over the pairs of all windows in use, corrected by the drift in each frame.

        Slopes are summed by pairs, and by field blocks, only if it is asked for.
        """
        still = np.zeros(len(windows), dtype=bool) if still is None else still
        curve = windows.shape(drift, use, still)
        positions = curve.take(self.frame_of, axis=0)
        np.subtract(self.positions, positions, out=positions)
        positions /= reach
        in_use = np.where(use, np.arange(len(windows), dtype=np.int32), np.int32(-1))
        of = in_use[windows.of_frame].take(self.frame_of)
        group = split_mix(self.timeline.frames - self.timeline.frames[0]).take(self.frame_of)
        if not use.all():
            rows = of >= 0
            positions, of, group = positions[rows], of[rows], group[rows]
        layers = sort_into_layers(positions, group, partners)
        del group  # as long as the table
        blocks = make_field_blocks(positions).of(positions) if of_pairs_and_blocks else None
        run, slopes = partial(map_threads, threads=self.threads), of_pairs_and_blocks
        n = len(windows)
        sums = pair_sums(positions, of, n, layers, blocks=blocks, slopes=slopes, run=run)
        return sums._replace(
            squares=unbiased_squares(sums.squares, np.where(use, windows.counts, 0))
        )

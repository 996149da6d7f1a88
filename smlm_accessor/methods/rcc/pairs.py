"""Align segments by the correlations of all pairs of them next to where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.correlation.pair_sums import (
    WIDTH,
    Sums,
    pair_sums,
    sort_into_layers,
    split_mix,
)
from smlm_accessor.kernels.field import jackknife
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.solvers.redundant import Network, solve_all, solve_pairs, variances
from smlm_accessor.timeline import Timeline, Windows

# Smoothing lengths a segment may move in one step, and how close to the end steps stop, as part of
# the standard deviation.
_LONGEST_STEP = 1.0
_LAST_STEP = 0.1
# What a segment contributes itself to the variance is a difference of two estimates; it is at
# least this part of the larger one.
_LEAST_OWN = 0.1
# An overlap as small as this, in units of the usual, counts as none.
_TOUCH = 1e-6
# Standard deviations of a residual that are no chance.
_FAR = 6.0


class Aligned(NamedTuple):
    """The drift of segments: ``drift``, ``variance`` (k, d), the rest (k,).

    ``sharpness`` is the smoothing divided by the standard deviation. ``overlap`` sums the kernel
    over the pairs of a localization, in the mean. ``dropped`` is the part of the pairs that were
    dropped.
    """

    drift: FloatArray
    variance: FloatArray
    sharpness: FloatArray
    overlap: FloatArray
    valid: BoolArray
    dropped: float


@dataclass(frozen=True, eq=False)
class Aligner:
    """Localizations that are to be aligned.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    frame_of : ndarray, shape (n,)
        Index into the frames of the timeline.
    timeline : Timeline
    max_residual : float, optional
        Of the shift of a pair, in units of the positions.
    run : callable
        Maps a function over blocks.
    """

    positions: FloatArray
    frame_of: IntArray
    timeline: Timeline
    max_residual: float | None
    run: Callable[..., list[Any]]

    @classmethod
    def of(
        cls,
        positions: FloatArray,
        frames: IntArray,
        jumps: IntArray | None,
        max_residual: float | None,
        run: Callable[..., list[Any]],
    ) -> Aligner:
        """Prepare localizations that are in the order of frames, and what is known of jumps."""
        timeline = Timeline.of(frames, jumps)
        frame_of = timeline.of_rows
        return cls(positions, frame_of, timeline, max_residual, run)

    def sums(
        self,
        segments: Windows,
        curve: FloatArray,
        use: BoolArray,
        reach: FloatArray,
        m: float,
        *,
        by_place: bool = False,
    ) -> Sums:
        """Sum over the pairs of all segments in use, corrected by the drift in each frame."""
        localizations = (self.positions - curve[self.frame_of]) / reach
        of = np.where(use, np.arange(len(segments)), -1)[segments.of_frame][self.frame_of]
        group = split_mix(self.timeline.frames - self.timeline.frames[0])[self.frame_of]
        if not use.all():
            rows = of >= 0
            localizations, of, group = localizations[rows], of[rows], group[rows]
        layers = sort_into_layers(localizations, group, m)
        blocks = make_field_blocks(localizations).of(localizations) if by_place else None
        return pair_sums(localizations, of, len(segments), layers, blocks=blocks, run=self.run)

    def dependence(
        self,
        segments: Windows,
        found: Aligned,
        smoothing: FloatArray,
        still: BoolArray | None,
        partners: float,
    ) -> FloatArray:
        """Return by how much variances exceed those of independent localizations, shape (d,)."""
        use, reach = found.valid, smoothing / WIDTH
        factor = np.ones(len(smoothing))
        if use.sum() < 2:
            return factor
        still = np.zeros(len(segments), dtype=bool) if still is None else still
        curve = segments.shape(found.drift, use, still)
        sums = self.sums(segments, curve, use, reach, partners, by_place=True)
        sure = use & (sums.curvature > 0).all(axis=1)
        seen = jackknife.variances(sums.by_place[sure] / sums.curvature[sure][:, None] * reach)
        if seen is None:
            return factor
        n = segments.counts[sure, None]
        expected = (n * found.variance[sure]).sum(axis=0)
        factor[expected > 0] = ((n * seen).sum(axis=0) / expected)[expected > 0]
        return np.maximum(factor, 1.0)

    def align(
        self,
        segments: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
        *,
        still: BoolArray | None = None,
        partners: float = 32,
        steps: int = 4,
        drop: bool = False,
    ) -> Aligned:
        """Climb from a drift to the maximum of the correlations of all pairs together.

        Parameters
        ----------
        segments : Windows
        drift : ndarray, shape (k, d)
            Good to about one smoothing length where ``valid``.
        valid : ndarray of bool, shape (k,)
        smoothing : ndarray, shape (d,)
            Standard deviation of the kernel.
        still : ndarray of bool, shape (k,), optional
            Segments within which nothing moves.
        partners : float
            Pairs, about, that are looked at for each localization.
        steps : int
            At most.
        drop : bool
            Whether pairs with large residuals are dropped.
        """
        reach = smoothing / WIDTH
        still = np.zeros(len(segments), dtype=bool) if still is None else still
        drift, valid = drift.copy(), valid & (segments.counts > 0)
        found = None
        for step in range(steps):
            curve = segments.shape(drift, valid, still)
            sums = self.sums(segments, curve, valid, reach, partners)
            last = step == steps - 1
            solved = self._solve(sums, reach, drop and last)
            if solved is None:
                break
            move, variance, network = found = solved
            main = network.component == np.bincount(network.component[valid]).argmax()
            valid &= main
            length = np.abs(move / smoothing).max(axis=1)
            move *= np.minimum(1.0, _LONGEST_STEP / np.maximum(length, _LONGEST_STEP))[:, None]
            drift[valid] -= move[valid]
            usual = np.sqrt(np.median(variance[valid], axis=0))
            if last or (not drop and (np.abs(move[valid]) <= _LAST_STEP * usual).all()):
                break
        k, d = drift.shape
        if found is None:
            nothing = np.full((k, d), np.nan)
            return Aligned(nothing, nothing, np.zeros(k), np.zeros(k), np.zeros(k, dtype=bool), 0.0)
        variance = np.where(valid[:, None], variance, np.nan)
        drift[~valid] = np.nan
        with np.errstate(divide="ignore"):
            sharpness = np.nan_to_num((smoothing / np.sqrt(variance)).min(axis=1))
        overlap = sums.overlap.sum(axis=1) / np.maximum(segments.counts, 1)
        pairs = int((sums.overlap > 0).sum())
        dropped = 1 - int(network.used.sum()) / pairs if pairs else 0.0
        return Aligned(drift, variance, sharpness, overlap, valid, dropped)

    def _solve(
        self, sums: Sums, reach: FloatArray, drop: bool
    ) -> tuple[FloatArray, FloatArray, Network] | None:
        """Return moves, variances and the network of pairs; None where nothing has a maximum."""
        total = float(sums.overlap.sum())
        if not (total > 0 and (sums.curvature.sum(axis=0) > 0).all()):
            return None
        curvature = sums.curvature.sum(axis=0) / total
        weights = sums.overlap
        least = _TOUCH * total / weights.size
        if ((weights > 0) & (weights <= least)).any():
            weights = np.where(weights > least, weights, 0.0)
        # Of a pair, at unit weight.
        unit = sums.pair_squares.sum(axis=0) / total / curvature**2 * reach**2
        if drop:
            network = self._without_bad_pairs(sums, weights, curvature / reach, unit)
            of_pairs = variances(weights, network.used, network.component)
        else:
            right = sums.slope.sum(axis=2) * (reach / curvature)[:, None]
            network = solve_all(right, weights)
            with np.errstate(divide="ignore"):
                of_pairs = 1 / weights.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            all_in_all = sums.squares / sums.curvature**2 * reach**2
            pairs = sums.pair_squares / sums.curvature**2 * reach**2
        own = np.maximum(all_in_all - pairs, _LEAST_OWN * all_in_all)
        own[~(sums.curvature > 0)] = np.inf
        return network.shift, own + unit * of_pairs[:, None], network

    def _without_bad_pairs(
        self, sums: Sums, weights: FloatArray, curvature: FloatArray, unit: FloatArray
    ) -> Network:
        known = weights > 0
        differences = np.divide(
            sums.slope / curvature[:, None, None],
            weights,
            out=np.zeros_like(sums.slope),
            where=known,
        )
        limit = _FAR * np.sqrt(unit.max() / np.where(known, weights, np.inf))
        if self.max_residual is not None:
            limit = np.full_like(weights, self.max_residual)
        return solve_pairs(differences, weights, np.maximum(limit, np.finfo(float).tiny))

"""Localizations with their weights, and their blinks merged into events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, Float32Array, FloatArray, Int32Array, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.density.blinks import Events, find_events, usual_part
from smlm_accessor.kernels.density.tiles import Tiles, sort_into_tiles
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.timeline import Timeline, Windows

#: Frames that an event takes at most: in longer ones the sample may move.
LONGEST_BLINK = 32
_TILE = 300.0  # precisions: few blinks lie across the edges of tiles, where they are cut
# Windows in all, so many blinks apart, are long enough for blinks that reach from one to the next
# not to matter; and at most one part in so many of all frames is left out.
_MANY = 10
_LIGHTEST, _HEAVIEST = 0.01, 10.0  # weights: a wrong uncertainty must not rule


@dataclass(frozen=True)
class CorrectedEvents(Events):
    """Events less a drift.

    Parameters
    ----------
    start : ndarray, shape (n_frames, d)
        The drift that was taken off.
    """

    start: FloatArray

    def less(self, drift: FloatArray) -> FloatArray:
        """Return the positions with another drift, shape (n_frames, d), taken off instead."""
        return np.asarray(self.positions - (drift - self.start).take(self.frame, axis=0))

    def take(self, chosen: BoolArray) -> CorrectedEvents:
        """Return some of the events."""
        rows = np.flatnonzero(chosen)
        weight = self.weight[rows]
        axial = weight if self.axial is self.weight else self.axial[rows]
        of_each = self.positions.take(rows, axis=0), self.frame[rows], weight, axial
        return CorrectedEvents(*of_each, self.lifetime, self.start)

    def left_out_of(self, windows: Windows) -> IntArray:
        """Return the range of frames that each frame is not compared with, shape (n_frames, 2).

        It is the window itself, and what is so near in time that it could show the same blink.
        """
        frames, of_frame = windows.timeline.frames, windows.of_frame
        extent = int(frames[-1] - frames[0])
        gap = self.lifetime * 3 // 2 + 2
        left_out = np.stack([windows.bounds[of_frame], windows.bounds[of_frame + 1]], axis=1)
        if gap * _MANY * len(windows) >= extent:
            gap = min(gap, extent // _MANY)
            first, stop = left_out.T
            np.minimum(first, np.searchsorted(frames, frames - gap), out=first)
            np.maximum(stop, np.searchsorted(frames, frames + gap, side="right"), out=stop)
        return left_out.astype(np.int32)


@dataclass(frozen=True)
class WeightedLocalizations:
    """Localizations in the order of frames.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    frame : ndarray of int32, shape (n,)
        Index of the frame in the timeline.
    weight, axial : ndarray of float32, shape (n,)
        Squared usual precision over squared uncertainty, along x and y, and along z; 1 where there
        is none, and along z that along x and y.
    timeline : Timeline
    """

    positions: FloatArray
    frame: Int32Array
    weight: Float32Array
    axial: Float32Array
    timeline: Timeline

    @classmethod
    def of(
        cls, localizations: ChunkedLocalizations, precision: FloatArray
    ) -> WeightedLocalizations:
        """Weigh localizations by their uncertainty, relative to the usual precision."""
        timeline = Timeline.of(localizations.frames, localizations.jumps)
        if localizations.prior is not None:
            timeline = timeline.including(localizations.prior.frames)
        weight = np.broadcast_to(np.float32(1), len(localizations.frames))
        axial, uncertainty = weight, localizations.uncertainty
        if uncertainty is not None:
            axial = weight = weight.copy()
            known = by_column.in_all(uncertainty[:, :2] > 0)
            relative = (precision / uncertainty[known])[:, :2].mean(axis=1) ** 2
            weight[known] = np.clip(relative, _LIGHTEST, _HEAVIEST)
            deep = uncertainty[:, 2:] > 0
            if deep.any():
                axial = weight.copy()
                relative = (precision[2] / uncertainty[deep[:, 0], 2]) ** 2
                axial[deep[:, 0]] = np.clip(relative, _LIGHTEST, _HEAVIEST)
        of_rows = np.arange(len(timeline.frames), dtype=np.int32).repeat(timeline.counts)
        return cls(localizations.positions, of_rows, weight, axial, timeline)

    def events(
        self,
        drift: FloatArray,
        precision: FloatArray,
        segment: IntArray,
        *,
        threads: int | None = None,
    ) -> CorrectedEvents:
        """Merge blinks, whose localizations lie together once the drift is taken off.

        Parameters
        ----------
        drift : ndarray, shape (n_frames, d)
        precision : ndarray, shape (d,)
        segment : ndarray, shape (n_frames,)
            No blink goes on from one segment to the next.
        threads : int, optional
        """
        run = partial(map_threads, threads=threads)
        events = find_events(
            *(self._tiles(drift, precision, run), self.timeline.frames),
            precision=precision,
            longest=LONGEST_BLINK,
            segment=segment,
            axial=None if self.axial is self.weight else self.axial,
            run=run,
        )
        return CorrectedEvents(**vars(events), start=drift)

    def usual_part(self, precision: FloatArray) -> BoolArray:
        """Tell which localizations are not of a blink that goes on longer than nearly all do.

        Drift is too slow to matter from one frame to the next.
        """
        timeline, still = self.timeline, np.zeros((len(self.timeline.frames), len(precision)))
        return usual_part(
            *(self._tiles(still, precision, map_threads), timeline.frames),
            precision=precision,
            segment=timeline.segment,
            run=map_threads,
        )

    def _tiles(
        self, drift: FloatArray, precision: FloatArray, run: Callable[..., list[Any]]
    ) -> Tiles:
        rows = self.positions, self.frame, np.array(self.weight)
        return sort_into_tiles(*rows, drift, size=_TILE * precision, run=run)

"""The density of the events of other times, and its gradient and curvature at each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, exp, pi, sqrt

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.sums import N_OVERLAP_SUMS, overlap_sums
from smlm_accessor.kernels.density.tiles import sort_into_tiles
from smlm_accessor.methods.overlap.events import CorrectedEvents
from smlm_accessor.timeline import Windows

_BLOCKS = 16  # of tiles; the same for any number of threads
_PIXELS_PER_WIDTH = 1.5
_HALF = 4  # pixels of the kernel to either side: 2.7 widths
_PIXELS = {2: 192, 3: 40}  # of a tile along each axis: its image should fit into the cache
# Density that is added everywhere, in events: where there are fewer, chance has most of the say.
_FLOOR = 1.0
_END = (_HALF + 0.5) / _PIXELS_PER_WIDTH  # widths, where the kernel is cut off
#: Curvature over weight of a density that is the same everywhere, since the kernel is cut off.
FLAT_CURVATURE = 2 * _END * exp(-0.5 * _END**2) / (sqrt(2 * pi) * erf(_END / sqrt(2)))
_MARGIN = 2.0  # widths that drift may change before events leave the surroundings of a tile
# Windows in all, so many blinks apart, are long enough for blinks that reach from one to the next
# not to matter; and at most one part in so many of all frames is left out.
_MANY = 10


@dataclass(frozen=True)
class OverlapSums:
    """Sums over the events of each window, lengths in units of the kernel's width.

    With the density ``s`` of others at an event, its first moment ``m`` and second moment ``v``,
    and ``q = 1 / (floor + s)``:

    Parameters
    ----------
    events : ndarray, shape (n_windows,)
        Weights ``w`` of the events.
    weight : ndarray, shape (n_windows,)
        ``w * s * q``: of events that have others around them.
    gradient, curvature, squared : ndarray, shape (n_windows, d)
        ``w * m * q``, towards the others; ``w * ((s - v) * q + (m * q)**2)``, the rate at which the
        gradient falls; and ``(w * m * q)**2``, of which the variance is made.
    block_events, block_weight, block_curvature : ndarray
        The same of all windows, in each block of tiles of the field.
    """

    events: FloatArray
    weight: FloatArray
    gradient: FloatArray
    curvature: FloatArray
    squared: FloatArray
    block_events: FloatArray
    block_weight: FloatArray
    block_curvature: FloatArray


class Density:
    """Events in tiles, ready for sums with kernels of one width.

    Parameters
    ----------
    events : CorrectedEvents
    drift : ndarray, shape (n_frames, d)
        With which events are sorted into tiles; sums are for a drift that is not far from this.
    width : ndarray, shape (d,)
        Standard deviation of the kernel.
    threads : int, optional
    """

    def __init__(
        self, events: CorrectedEvents, drift: FloatArray, width: FloatArray, threads: int | None
    ) -> None:
        d = len(width)
        pixel = width / _PIXELS_PER_WIDTH
        self._border = _HALF + 2 + int(np.ceil(_MARGIN * _PIXELS_PER_WIDTH))
        self._tiles = sort_into_tiles(
            *(events.positions, events.frame, events.weight, drift - events.start),
            size=_PIXELS[d] * pixel,
            halo=self._border * pixel,
        )
        self._sorted_with = drift
        self._threads = threads
        self.events = events
        self.width = width

    def sums(
        self,
        drift: FloatArray,
        windows: Windows,
        *,
        apart: Sequence[tuple[int, int]] = (),
        part: bool = False,
    ) -> OverlapSums:
        """Return the sums over windows, each compared with other windows that show other blinks.

        Parameters
        ----------
        drift : ndarray, shape (n_frames, d)
        windows : Windows
        apart : sequence of tuple of int
            Ranges of indices of frames, the frames of which are not compared with each other.
        part : bool, default False
            Over a quarter of the field only.
        """
        tiles, d = self._tiles, len(self.width)
        change = np.ascontiguousarray(drift - self._sorted_with)
        left_out = left_out_of(self.events, windows, apart)

        def one(block: IntArray) -> FloatArray:
            sums = np.zeros((len(windows), N_OVERLAP_SUMS))
            overlap_sums(
                *(block, tiles.start, tiles.where, tiles.frame, tiles.weight, tiles.own),
                *(change, windows.of_frame, left_out, tiles.size, self.width),
                *(_PIXELS_PER_WIDTH, _HALF, _FLOOR, self._border, sums),
            )
            return sums

        blocks = tiles.blocks(_BLOCKS)[:: _BLOCKS // 4 if part else 1]
        found = map_threads(one, blocks, threads=self._threads)
        total = np.zeros((len(windows), N_OVERLAP_SUMS))
        for sums in found:
            total += sums
        of_event = windows.of_frame[self.events.frame]
        return OverlapSums(
            np.bincount(of_event, self.events.weight, len(windows)).astype(np.float64),
            total[:, 0],
            total[:, 1 : 1 + d],
            total[:, 4 : 4 + d],
            total[:, 7 : 7 + d],
            np.array([tiles.own_weight[block].sum() for block in blocks]),
            np.array([sums[:, 0].sum() for sums in found]),
            np.array([sums[:, 4 : 4 + d].sum(axis=0) for sums in found]),
        )


def left_out_of(events, windows: Windows, apart: Sequence[tuple[int, int]]) -> IntArray:
    """Return the range of frames that each frame is not compared with, shape (n_frames, 2).

    It is the window itself, and what is so near in time that it could show the same blink.
    """
    frames, bounds = windows.timeline.frames, windows.bounds
    extent = int(frames[-1] - frames[0])
    gap = events.lifetime * 3 // 2 + 2
    gap = 0 if gap * _MANY * len(windows) < extent else min(gap, extent // _MANY)
    low = np.searchsorted(frames, frames - gap)
    high = np.searchsorted(frames, frames + gap, side="right")
    first, stop = bounds[windows.of_frame], bounds[windows.of_frame + 1]
    left_out = np.stack([np.minimum(low, first), np.maximum(high, stop)], axis=1)
    for a, b in apart:
        left_out[a:b, 0] = np.minimum(left_out[a:b, 0], a)
        left_out[a:b, 1] = np.maximum(left_out[a:b, 1], b)
    return left_out

"""How well the localizations of each segment lie on those of all other times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.blinks import Events
from smlm_accessor.kernels.density.overlap_sums import N_SUMS, overlap_sums
from smlm_accessor.kernels.density.tiles import Tiles, sort_into_tiles

_BLOCKS = 16  # of tiles; the same for any number of threads
_PIXELS_PER_WIDTH = 1.5
_HALF = 4  # pixels of the kernel to either side: 2.7 widths
_PIXELS = {2: 192, 3: 40}  # of a tile along each axis: its image should fit into the cache
# Density below which a localization has too few others around it to be sure: one event.
_FLOOR = 1.0
_MARGIN = 2.0  # widths that drift may change before localizations leave the surroundings of a tile


@dataclass(frozen=True)
class Sums:
    """Sums over the localizations of each segment, lengths in units of the kernel's width.

    Parameters
    ----------
    weight : ndarray, shape (n_segments,)
        Of those that have others around them.
    gradient, curvature, squared : ndarray, shape (n_segments, d)
        Towards the others; its rate of change; and the squares, of which the variance is made.
    """

    weight: FloatArray
    gradient: FloatArray
    curvature: FloatArray
    squared: FloatArray


class Density:
    """Events in tiles, ready for sums with kernels of one width.

    Parameters
    ----------
    events : Events
        Corrected for a first drift; `sums` takes what is to be added to that.
    drift : ndarray, shape (n_frames, d)
        Added to that drift when events are sorted into tiles.
    width : ndarray, shape (d,)
        Standard deviation of the kernel.
    threads : int, optional
    """

    def __init__(
        self, events: Events, drift: FloatArray, width: FloatArray, threads: int | None
    ) -> None:
        d = len(width)
        pixel = width / _PIXELS_PER_WIDTH
        self._reach = int(np.ceil(_MARGIN * _PIXELS_PER_WIDTH))
        self._tiles: Tiles = sort_into_tiles(
            events.positions,
            events.frame,
            events.weight,
            drift,
            size=_PIXELS[d] * pixel,
            halo=(_HALF + 2 + self._reach) * pixel,
        )
        self._drift = drift
        self._blocks = self._tiles.blocks(_BLOCKS)
        self._threads = threads
        self.width = width

    def sums(
        self,
        drift: FloatArray,
        segment: IntArray,
        n_segments: int,
        left_out: IntArray,
        *,
        some: bool = False,
    ) -> Sums:
        """Return the sums over each segment at a drift, shape (n_frames, d).

        With ``some``, over a quarter of the tiles.
        """
        tiles, d = self._tiles, len(self.width)
        change = np.ascontiguousarray(drift - self._drift)

        def one(block: IntArray) -> FloatArray:
            sums = np.zeros((n_segments, N_SUMS))
            overlap_sums(
                *(block, tiles.start, tiles.where, tiles.frame, tiles.weight, tiles.own),
                *(change, segment, left_out, tiles.size, self.width),
                *(_PIXELS_PER_WIDTH, _HALF, _FLOOR, _HALF + 2 + self._reach, sums),
            )
            return sums

        blocks = self._blocks[:: _BLOCKS // 4] if some else self._blocks
        total = np.zeros((n_segments, N_SUMS))
        for part in map_threads(one, blocks, threads=self._threads):
            total += part
        return Sums(total[:, 0], total[:, 1 : 1 + d], total[:, 4 : 4 + d], total[:, 7 : 7 + d])

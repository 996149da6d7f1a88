"""Localizations sorted into tiles of the field, each with what lies around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, Float32Array, FloatArray, Int32Array, IntArray
from smlm_accessor.kernels.compilation import constant
from smlm_accessor.kernels.density.cells import MOST_CELLS
from smlm_accessor.kernels.density.tile_loops import collect, enter, fill

_ROOM = 1 << 12  # for keys of tiles, at first
_RANGES = 8  # of rows that may be sorted at once: enough for threads to have the same share
_FEW = 20_000  # rows that are one range
_Rows = tuple[Float32Array, Int32Array, Float32Array, Int32Array, BoolArray]


@dataclass(frozen=True)
class Tiles:
    """Localizations by tile; one near a border stands in the tiles beyond it, too.

    Parameters
    ----------
    start : ndarray, shape (n_tiles + 1,)
        Tile ``t`` has the rows ``start[t]:start[t + 1]``, in the order the localizations had.
    corner : ndarray, shape (n_tiles, d)
        Lower corner of each tile.
    size : ndarray, shape (d,)
        Edges of a tile.
    where : ndarray of float32, shape (m, d)
        Positions relative to the corner.
    frame : ndarray of int32, shape (m,)
        Index of the frame.
    weight : ndarray of float32, shape (m,)
    row : ndarray of int32, shape (m,)
        Which of the localizations it is.
    own : ndarray of bool, shape (m,)
        Whether the localization lies in the tile itself.
    """

    start: IntArray
    corner: FloatArray
    size: FloatArray
    where: Float32Array
    frame: Int32Array
    weight: Float32Array
    row: Int32Array
    own: BoolArray

    def blocks(self, n: int) -> list[IntArray]:
        """Return ``n`` groups of tiles with about as many rows each."""
        until = self.start[1:] * n // (self.start[-1] + 1)
        return [np.flatnonzero(until == k) for k in range(n)]


def sort_into_tiles(
    positions: FloatArray,
    frame: Int32Array,
    weight: Float32Array,
    drift: FloatArray,
    *,
    size: FloatArray,
    halo: FloatArray | None = None,
    run: Callable[..., Iterable[Any]] = map,
) -> Tiles:
    """Sort localizations, less the drift of their frames, into the tiles that are not empty.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    frame : ndarray of int32, shape (n,)
        Index of the frame of each.
    weight : ndarray of float32, shape (n,)
    drift : ndarray, shape (n_frames, d)
        Subtracted first.
    size, halo : ndarray, shape (d,)
        Edges of a tile, and how far beyond them its surroundings reach: by default, not at all.
    run : callable, default map
        Calls a function for each range of rows; several may be sorted at once.

    Examples
    --------
    >>> one = np.ones(3, np.float32)
    >>> x = np.array([[0.0, 0], [9, 0], [25, 0]])
    >>> index, still = np.zeros(3, np.int32), np.zeros((1, 2))
    >>> tiles = sort_into_tiles(x, index, one, still, size=np.full(2, 10.0), halo=np.full(2, 2.0))
    >>> tiles.where[:, 0].tolist(), tiles.corner[:, 0].tolist(), tiles.start.tolist()
    ([0.0, 9.0, 5.0], [0.0, 20.0], [0, 2, 3])
    """
    positions = constant(positions)
    d = positions.shape[1]
    halo = np.zeros(d) if halo is None else halo
    low, high = _corners(positions, drift)
    size = np.maximum(size, (high - low) / MOST_CELLS)
    shape = np.maximum(np.ceil((high - low) / size), 1).astype(np.int64)
    grid, ranges = (drift, low, size, shape), _ranges(len(positions))
    keys = run(lambda rows: _keys(positions[rows], frame[rows], grid), ranges)
    occupied = np.unique(np.concatenate(list(keys)))
    table = np.full((2, 1 << (2 * len(occupied)).bit_length()), -1, dtype=np.int64)
    enter(table, occupied)

    def fill_range(rows: slice, free: IntArray, found: _Rows) -> None:
        of_rows = positions[rows], frame[rows], weight[rows]
        room = np.zeros(3), np.zeros((4, 3), np.int64)
        fill(rows.start, *of_rows, *grid, halo, table, *room, free, *found)

    counts, nowhere = np.zeros((len(ranges), len(occupied)), dtype=np.int64), _room(0, d)
    deque(run(lambda k: fill_range(ranges[k], counts[k], nowhere), range(len(ranges))), 0)
    start = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    free = start[:-1] + np.cumsum(counts, axis=0) - counts
    found = _room(int(start[-1]), d)
    deque(run(lambda k: fill_range(ranges[k], free[k], found), range(len(ranges))), 0)
    cells = np.stack(np.unravel_index(occupied, tuple(shape)), axis=1)
    return Tiles(start, low + cells * size, size, *found)


def _ranges(n: int) -> list[slice]:
    """Return ranges of rows, at least one."""
    ends = np.linspace(0, n, _RANGES + 1 if n > _FEW else 2).astype(int).tolist()
    return list(map(slice, ends[:-1], ends[1:]))


def _keys(
    positions: FloatArray,
    frame: Int32Array,
    grid: tuple[FloatArray, FloatArray, FloatArray, IntArray],
) -> IntArray:
    """Return the keys of the tiles that localizations lie in."""
    room = _ROOM
    table = np.full((2, room), -1, dtype=np.int64)
    while not collect(positions, frame, *grid, table):
        room *= 8
        table = np.full((2, room), -1, dtype=np.int64)
    return np.asarray(table[0][table[0] >= 0])


def _corners(positions: FloatArray, drift: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return corners of the field that hold for the corrected positions, too."""
    columns = positions.T
    low = np.array([x.min(initial=np.inf) for x in columns])
    high = np.array([x.max(initial=-np.inf) for x in columns])
    return low - drift.max(axis=0), high - drift.min(axis=0)


def _room(m: int, d: int) -> _Rows:
    return (
        np.empty((m, d), np.float32),
        np.empty(m, np.int32),
        np.empty(m, np.float32),
        np.empty(m, np.int32),
        np.empty(m, np.bool_),
    )

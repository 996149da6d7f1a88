"""Windows of time looked for in a sparse image, at whole cells."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.sparse_image.image import IN, OUT, add
from smlm_accessor.kernels.sparse_image.search_loops import enlist, molecules, search

_WORK = 1 << 21  # cells that are compared in a search
_CERTAIN = 3.0  # standard deviations above the level: in the far reach, and of a few molecules
_MANY = 1024  # shifts, for which lists are worth it: the near reach has 49, that of jumps 441


class _Shifts(NamedTuple):
    """Shifts within reach, x first.

    ``away`` is the squared length of each, -1 at the edge, where neighbours are missing, and
    ``around`` how far off the neighbours of all others stand.
    """

    away: FloatArray
    around: IntArray

    @classmethod
    @cache
    def within(cls, shape: tuple[int, ...]) -> _Shifts:
        """Return the shifts in a box of this shape, with 0 in the middle."""
        along = [np.arange(n) - n // 2 for n in shape[::-1]]
        cells = np.stack(np.meshgrid(*along, indexing="ij"), axis=-1)
        reach = np.array(shape[::-1]) // 2
        inside = ((np.abs(cells) < reach) | (reach == 0)).all(axis=-1)
        away = np.where(inside, (cells**2).sum(axis=-1), -1).ravel().astype(np.float64)
        near = [(-1, 0, 1) if n > 1 else (0,) for n in shape[::-1]]
        steps = np.array([(k * shape[1] + j) * shape[0] + i for k, j, i in product(*near)])
        return cls(away, steps)


class Blocks:
    """Lists of the occupied cells of an image, by block, which grow with it.

    ``arrays`` are a table of the rows of blocks, as that of the cells of an image; the key and the
    first cell of each block; and the cell after each cell, -1 after the last.
    """

    def __init__(self) -> None:
        none = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int32)
        self.arrays: tuple[Any, ...] = (np.full(4, -1, np.int32), *none)
        self._counts = np.zeros(2, np.int64)  # cells that are listed, blocks

    def of(self, image: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arrays, with all cells of the image."""
        used, room = int(image[3][0]), len(image[1])
        if room > len(self.arrays[3]):
            self.arrays = (
                np.full(1 << (2 * room).bit_length(), -1, np.int32),
                *(np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.int32)),
            )
            self._counts[:] = 0
        if used > self._counts[0]:
            enlist(image[1], used, *self.arrays, self._counts)
        return self.arrays


class Searcher:
    """Looks for windows of localizations in images, with memory that is used again.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    bounds : ndarray, shape (k + 1,)
        Rows of each window.
    drift : ndarray, shape (k, 3)
        That is taken off first, in cells; windows where it is NaN show nothing.
    scale : ndarray, shape (3,)
    reaches : ndarray of int, shape (2, 3)
        Cells along each axis, near and far.
    level : float
        Standard deviations by which a shift has to stand out.
    most : int
        Molecules of a window that are looked for.
    few : int, optional
        Of which so many are looked for first. If they stand out for certain, and near, the others
        are not looked for.
    """

    def __init__(
        self,
        positions: FloatArray,
        bounds: IntArray,
        drift: FloatArray,
        scale: FloatArray,
        reaches: IntArray,
        level: float,
        most: int,
        few: int | None = None,
    ) -> None:
        self._rows = positions, bounds, drift, scale
        self._reaches, self._level, self._few = reaches, level, few
        self._shapes = [tuple(int(2 * n + 1) for n in reach) for reach in reaches]
        self._shifts = [_Shifts.within(shape) for shape in self._shapes]
        most = 1 << (most - 1).bit_length()  # slots are looked up with a mask
        self._slots, self._keys = np.empty(4 * most, np.int32), np.empty(most, np.int64)
        self._found = np.empty((most, 4))
        self._sums = np.empty((3, max(len(s.away) for s in self._shifts)))
        self._result, self._blocks, self._none = np.empty(2), Blocks(), Blocks().arrays

    def search(
        self,
        image: tuple[Any, ...],
        windows: tuple[int, int],
        last: FloatArray,
        tie: float,
        rate: float,
        wide: bool,
        sure: bool,
    ) -> tuple[float, int, float]:
        """Look for the molecules of windows near the shift ``last``, then farther, and move it.

        Return significance, which reach (-1 for neither) and the hit rate; ``rate`` is what the far
        reach needs.
        """
        m = molecules(*self._rows, windows, self._slots, self._keys, self._found)
        how = tie, rate, wide, sure
        if self._few is not None and m > 2 * self._few:
            shift = last.copy()
            seen = self._search(image, self._few, shift, how)
            near = bool((np.abs(shift - last) <= self._reaches[0]).all())
            if near and seen[1] >= 0 and seen[0] > self._level + _CERTAIN:
                last[:] = shift
                return seen
        return self._search(image, m, last, how)

    def _search(
        self, image: tuple[Any, ...], m: int, last: FloatArray, how: tuple[float, float, bool, bool]
    ) -> tuple[float, int, float]:
        """Look for the first ``m`` molecules; for ``how`` see the last four of `search`."""
        (tie, rate, wide, sure), significance = how, 0.0
        found, result = self._found, self._result
        for far in range(2 if wide else 1):
            shape, shifts = self._shapes[far], self._shifts[far]
            some = m if far == 0 else min(m, 1 + _WORK // len(shifts.away))
            cost, certain = (max(tie, 1.0), True) if far else (tie, sure)
            many = len(shifts.away) > _MANY
            best = search(
                *(found, some, last, *image[:3]),
                *(self._blocks.of(image) if many else self._none, shape, *shifts, cost),
                *(self._level + _CERTAIN * far, certain, self._sums, result),
            )
            significance, hit = result.tolist()
            if best >= 0 and (far == 0 or hit >= rate):
                w, h, _ = shape
                last -= (best % w - w // 2, best // w % h - h // 2, best // (w * h) - shape[2] // 2)
                return significance, far, hit
        return significance, -1, 0.0


def search_windows(
    localizations: tuple[Any, ...],
    motion: tuple[Any, ...],
    scale: FloatArray,
    image: tuple[Any, ...],
    quantum: float,
    windows: tuple[int, int],
    around: IntArray,
    reaches: IntArray,
    level: float,
    sure: bool,
    most: int,
    few: int,
    out: FloatArray,
) -> None:
    """Look for a run of windows in the image without the rows ``around`` each; fill ``out``.

    ``out`` is how far the drift is from what ``motion`` says, the significance, and the reach.
    """
    searcher = Searcher(localizations[0], motion[0], motion[1], scale, reaches, level, most, few)
    around_each = around.tolist()
    first = last = around_each[windows[0]][0]
    for s in range(*windows):
        begin, end = around_each[s]
        if end > last:
            add(localizations, motion, scale, image, quantum, (last, end), OUT)
            last = end
        if begin > first:
            add(localizations, motion, scale, image, quantum, (first, begin), IN)
            first = begin
        shift = np.zeros(3)
        z, far, _ = searcher.search(image, (s, s), shift, 0.5, 0.0, True, sure)
        out[s, :3], out[s, 3], out[s, 4] = shift, z, far

"""Windows of time looked for in a sparse image, at whole cells."""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import inlined, kernel
from smlm_accessor.kernels.sparse_image.image import IN, OUT, add, cell_key, find_slot

_WORK = 1 << 21  # keys that are compared in a search


class _Shifts(NamedTuple):
    """Shifts within reach, x first.

    ``away`` is the squared length of each, -1 at the edge, where neighbours are missing, and
    ``around`` how far off the neighbours of all others stand.
    """

    away: FloatArray
    around: IntArray

    @classmethod
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
    ) -> None:
        self._rows = positions, bounds, drift, scale
        self._reaches, self._level = reaches, level
        self._shapes = [tuple(int(2 * n + 1) for n in reach) for reach in reaches]
        self._shifts = [_Shifts.within(shape) for shape in self._shapes]
        self._slots, self._keys = np.empty(4 * most, np.int32), np.empty(most, np.int64)
        self._found = np.empty((most, 4))
        self._sums = np.empty((3, max(len(s.away) for s in self._shifts)))
        self._result = np.empty(2)

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
        found, result, significance = self._found, self._result, 0.0
        m = _molecules(*self._rows, windows, self._slots, self._keys, found)
        for far in range(2 if wide else 1):
            shape, shifts = self._shapes[far], self._shifts[far]
            some = m if far == 0 else min(m, 1 + _WORK // len(shifts.away))
            cost, certain = (max(tie, 1.0), True) if far else (tie, sure)
            best = _search(
                *(found, some, last, *image[:3], shape, *shifts, cost),
                *(self._level + 3.0 * far, certain, self._sums, result),
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
    out: FloatArray,
) -> None:
    """Look for a run of windows in the image without the rows ``around`` each; fill ``out``.

    ``out`` is how far the drift is from what ``motion`` says, the significance, and the reach.
    """
    searcher = Searcher(localizations[0], motion[0], motion[1], scale, reaches, level, most)
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


@kernel
def _molecules(positions, bounds, drift, scale, windows, slots, keys, found):  # type: ignore[no-untyped-def]
    """Means of the localizations that share a large cell, in ``found`` (x, y, z, n); their number.

    Blinks and long stays count once; what is left is independent.
    """
    last = positions.shape[1] - 1
    for slot in range(slots.shape[0]):
        slots[slot] = -1
    m = 0
    for s in range(windows[0], windows[1] + 1):
        if math.isnan(drift[s, 0]):
            continue
        for row in range(bounds[s], bounds[s + 1]):
            x = positions[row, 0] * scale[0] - drift[s, 0]
            y = positions[row, 1] * scale[1] - drift[s, 1]
            z = positions[row, last] * scale[2] - drift[s, 2]
            i, j, k = math.floor(0.5 * x), math.floor(0.5 * y), math.floor(0.5 * z)
            slot = find_slot(slots, keys, i, j, k)
            c = slots[slot]
            if c < 0:
                if m == keys.shape[0]:
                    continue
                c = m
                slots[slot] = m
                keys[m] = cell_key(i, j, k)
                for axis in range(4):
                    found[m, axis] = 0.0
                m += 1
            found[c, 0] += x
            found[c, 1] += y
            found[c, 2] += z
            found[c, 3] += 1.0
    for c in range(m):
        for axis in range(3):
            found[c, axis] /= found[c, 3]
    return m


@inlined
def _intersect(found, m, last, slots, keys, values, nx, ny, nz, sums):  # type: ignore[no-untyped-def]
    """Log-likelihood and number of molecules that share a key with the image, for each shift.

    Return the variance of the likelihood that chance would give it.
    """
    size = nx * ny * nz
    for b in range(size):
        sums[0, b] = sums[1, b] = 0.0
    variance = 0.0
    for c in range(m):
        i = math.floor(found[c, 0] - last[0]) - nx // 2
        j = math.floor(found[c, 1] - last[1]) - ny // 2
        k = math.floor(found[c, 2] - last[2]) - nz // 2
        shift = 0
        total = square = 0.0
        for dk in range(k, k + nz):
            for dj in range(j, j + ny):
                for di in range(i, i + nx):
                    row = slots[find_slot(slots, keys, di, dj, dk)]
                    if row >= 0 and values[row, 0] > 0:
                        value = math.log(1.0 + values[row, 0])
                        sums[0, shift] += value
                        sums[1, shift] += 1.0
                        total += value
                        square += value * value
                    shift += 1
        variance += (square - total * total / size) / size
    return variance


@inlined
def _smooth(values, other, size, n, stride):  # type: ignore[no-untyped-def]
    """Sum over neighbouring shifts along an axis, with weights 1, 2, 1."""
    for b in range(size):
        other[b] = values[b]
    for b in range(size):
        i = (b // stride) % n
        left = other[b - stride] if i > 0 else other[b]
        right = other[b + stride] if i < n - 1 else other[b]
        values[b] = 0.25 * (left + 2.0 * other[b] + right)


@inlined
def _median(values, other, size):  # type: ignore[no-untyped-def]
    """Return the median of an odd number of values; numpy's takes a second to compile."""
    for b in range(size):
        other[b] = values[b]
    low, high, middle = 0, size - 1, size // 2
    while low < high:
        pivot = other[middle]
        i, j = low, high
        while i <= j:
            while other[i] < pivot:
                i += 1
            while other[j] > pivot:
                j -= 1
            if i <= j:
                other[i], other[j] = other[j], other[i]
                i += 1
                j -= 1
        if j < middle:
            low = i
        if middle < i:
            high = j
    return other[middle]


@kernel
def _search(  # type: ignore[no-untyped-def]
    found, m, last, slots, keys, values, shape, away, around, tie, level, sure, sums, result
):
    """Return the likeliest of the significant maxima of the shifts within reach, -1 if none is.

    ``result`` is its significance and its hit rate. ``tie`` is what a shift by one cell costs: of
    several copies of a lattice the nearest is right.
    """
    nx, ny, nz = shape
    size = nx * ny * nz
    variance = _intersect(found, m, last, slots, keys, values, nx, ny, nz, sums)
    other = sums[2]
    # Most shifts match by chance only; at the edge values are not smooth.
    mean = chance = 0.0
    cells = 1.0  # that count in a smoothed value
    for which in range(2):
        stride, cells = 1, 1.0
        for n in shape:
            if n > 1:
                _smooth(sums[which], other, size, n, stride)
                cells *= 2.0
            stride *= n
        mean, chance = chance, _median(sums[which], other, size)
    score, hits = sums[0], sums[1]
    result[0], result[1] = 0.0, 0.0
    top, square = -1, 0.0
    for b in range(size):
        square += min(score[b] - mean, 0.0) ** 2
        if away[b] >= 0.0 and (top < 0 or score[b] > score[top]):
            top = b
    if score[top] <= 0.0:
        return -1
    # One molecule more or less is what chance can always do. Variance is less by `_smooth`; 0.375
    # along each axis if cells were independent.
    one = score[top] / max(hits[top], 1e-9)
    spread = math.sqrt(variance / cells + 0.1 * one * one)
    high = mean + level * spread
    if sure:  # against other structure, too
        spread = max(spread, math.sqrt(2.0 * square / size))
        high = max(mean + level * spread, mean + 0.7 * (score[top] - mean))
    best, likely = -1, -math.inf
    for b in range(size):
        if away[b] < 0.0 or score[b] < high:
            continue
        highest = score[b]
        for step in around:
            highest = max(highest, score[b + step])
        if highest == score[b] and score[b] - away[b] * tie > likely:
            best, likely = b, score[b] - away[b] * tie
    result[0] = (score[top if best < 0 else best] - mean) / spread
    if best < 0:
        return -1
    result[1] = hits[best] / m
    many = cells * (hits[best] - chance) >= 3.0 + 2.0 * math.sqrt(cells * chance)
    most = hits[best] >= 0.3 * m and chance < 0.05 * m
    return best if many or most else -1

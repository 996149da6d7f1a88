"""Windows of time looked for in a sparse image, at whole cells: the loops of the search."""

from __future__ import annotations

import math

import numba
import numpy as np

from smlm_accessor.kernels.sparse_image.image import IN, OUT, add, cell_key, find_slot, in_cells

_WORK = 1 << 21  # keys that are compared in a search
# Not plain Python values, for each of which numba would compile a function anew.
YES: np.bool_ = np.bool_(True)
NO: np.bool_ = np.bool_(False)


@numba.njit(nogil=True, cache=True)
def molecules(positions, segments, motion, scale, slots, keys, found):  # type: ignore[no-untyped-def]
    """Means of the localizations that share a large cell, in ``found`` (x, y, z, n); their number.

    Blinks and long stays count once; what is left is independent.
    """
    bounds, base = motion
    for slot in range(slots.shape[0]):
        slots[slot] = -1
    m = 0
    for s in range(segments[0], segments[1] + 1):
        for row in range(bounds[s], bounds[s + 1]):
            x, y, z = in_cells(positions, row, scale, base[s])
            i, j, k = math.floor(0.5 * x), math.floor(0.5 * y), math.floor(0.5 * z)
            slot = find_slot(slots, keys, i, j, k)
            c = slots[slot]
            if c < 0:
                if m == keys.shape[0]:
                    continue
                c = m
                slots[slot] = c
                keys[c] = cell_key(i, j, k)
                for axis in range(4):
                    found[c, axis] = 0.0
                m += 1
            found[c, 0] += x
            found[c, 1] += y
            found[c, 2] += z
            found[c, 3] += 1.0
    for c in range(m):
        for axis in range(3):
            found[c, axis] /= found[c, 3]
    return m


@numba.njit(nogil=True, cache=True)
def _intersect(found, m, last, image, reach, score, hits):  # type: ignore[no-untyped-def]
    """Log-likelihood and number of molecules that share a key with the image, for each shift.

    Return the variance of the likelihood that chance would give it.
    """
    slots, keys, values, _ = image
    for b in range(score.shape[0]):
        score[b] = hits[b] = 0.0
    variance = 0.0
    for c in range(m):
        i = math.floor(found[c, 0] - last[0])
        j = math.floor(found[c, 1] - last[1])
        k = math.floor(found[c, 2] - last[2])
        shift = 0
        total = square = 0.0
        for dk in range(k - reach[2], k + reach[2] + 1):
            for dj in range(j - reach[1], j + reach[1] + 1):
                for di in range(i - reach[0], i + reach[0] + 1):
                    row = slots[find_slot(slots, keys, di, dj, dk)]
                    if row >= 0 and values[row, 0] > 0:
                        value = math.log(1.0 + values[row, 0])
                        score[shift] += value
                        hits[shift] += 1.0
                        total += value
                        square += value * value
                    shift += 1
        variance += (square - total * total / shift) / shift
    return variance


@numba.njit(nogil=True, cache=True)
def _smooth(values, shape, other):  # type: ignore[no-untyped-def]
    """Sum over neighbouring shifts with weights 1, 2, 1 along each axis."""
    stride = 1
    for axis in range(3):
        n = shape[axis]
        if n > 1:
            for b in range(values.shape[0]):
                other[b] = values[b]
            for b in range(values.shape[0]):
                i = (b // stride) % n
                left = other[b - stride] if i > 0 else other[b]
                right = other[b + stride] if i < n - 1 else other[b]
                values[b] = 0.25 * (left + 2.0 * other[b] + right)
        stride *= n


@numba.njit(nogil=True, cache=True)
def _median(values, other):  # type: ignore[no-untyped-def]
    """Return the median of an odd number of values; numpy's takes a second to compile."""
    n = values.shape[0]
    for b in range(n):
        other[b] = values[b]
    low, high, middle = 0, n - 1, n // 2
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


@numba.njit(nogil=True, cache=True)
def _peak(score, hits, variance, m, reach, tie, level, sure):  # type: ignore[no-untyped-def]
    """Return the likeliest of the significant maxima, a bin or -1, its significance and hit rate.

    ``tie`` is what a shift by one cell costs: of several copies of a lattice the nearest is right.
    """
    shape = (2 * reach[0] + 1, 2 * reach[1] + 1, 2 * reach[2] + 1)
    other = np.empty_like(score)
    _smooth(score, shape, other)
    _smooth(hits, shape, other)
    # Most shifts match by chance only; at the edge values are not smooth.
    mean, chance = _median(score, other), _median(hits, other)
    top, square = -1, 0.0
    for b in range(score.shape[0]):
        square += min(score[b] - mean, 0.0) ** 2
        i, j, k = b % shape[0], b // shape[0] % shape[1], b // (shape[0] * shape[1])
        inside = 0 < i < shape[0] - 1 or shape[0] == 1
        inside = inside and (0 < j < shape[1] - 1 or shape[1] == 1)
        inside = inside and (0 < k < shape[2] - 1 or shape[2] == 1)
        other[b] = score[b] if inside else -1.0
        if inside and (top < 0 or score[b] > score[top]):
            top = b
    if score[top] <= 0.0:
        return -1, 0.0, 0.0
    # One molecule more or less is what chance can always do.
    one = score[top] / max(hits[top], 1e-9)
    for axis in range(3):
        variance *= 0.5 if reach[axis] > 0 else 1.0  # by `_smooth`; 0.375 if cells were independent
    spread = math.sqrt(variance + 0.1 * one**2)
    if sure:  # against other structure, too
        spread = max(spread, math.sqrt(2.0 * square / score.shape[0]))
    high = mean + level * spread
    if sure:
        high = max(high, mean + 0.7 * (score[top] - mean))
    best, likely = -1, -np.inf
    for b in range(score.shape[0]):
        if other[b] < high:
            continue
        i, j, k = b % shape[0], b // shape[0] % shape[1], b // (shape[0] * shape[1])
        higher = False
        for dk in range(max(k - 1, 0), min(k + 2, shape[2])):
            for dj in range(max(j - 1, 0), min(j + 2, shape[1])):
                for di in range(max(i - 1, 0), min(i + 2, shape[0])):
                    if score[(dk * shape[1] + dj) * shape[0] + di] > score[b]:
                        higher = True
        away = (i - reach[0]) ** 2 + (j - reach[1]) ** 2 + (k - reach[2]) ** 2
        if not higher and score[b] - away * tie > likely:
            best, likely = b, score[b] - away * tie
    z = (score[top] - mean) / spread
    if best < 0:
        return -1, z, 0.0
    z = (score[best] - mean) / spread
    cells = 1.0  # that count in a smoothed value
    for axis in range(3):
        cells *= 2.0 if reach[axis] > 0 else 1.0
    many = cells * (hits[best] - chance) >= 3.0 + 2.0 * math.sqrt(cells * chance)
    most = hits[best] >= 0.3 * m and chance < 0.05 * m
    if not (many or most):
        return -1, z, 0.0
    return best, z, hits[best] / m


@numba.njit(nogil=True, cache=True)
def search(found, m, last, image, reaches, tie, level, rate, wide, sure):  # type: ignore[no-untyped-def]
    """Look for molecules near ``last``, then farther, and move it.

    Return significance, which reach (-1 for neither) and the hit rate; ``rate`` is what the far
    reach needs.
    """
    z = 0.0
    for far in range(2 if wide else 1):
        reach = reaches[far]
        size = (2 * reach[0] + 1) * (2 * reach[1] + 1) * (2 * reach[2] + 1)
        score, hits = np.empty(size), np.empty(size)
        some = m if far == 0 else min(m, 1 + _WORK // size)
        variance = _intersect(found, some, last, image, reach, score, hits)
        cost, certain = max(tie, 1.0) if far else tie, sure or far > 0
        need = level + 3.0 * far
        best, z, hit = _peak(score, hits, variance, some, reach, cost, need, certain)
        if best >= 0 and (far == 0 or hit >= rate):
            w, h = 2 * reach[0] + 1, 2 * reach[1] + 1
            last[0] -= best % w - reach[0]
            last[1] -= best // w % h - reach[1]
            last[2] -= best // (w * h) - reach[2]
            return z, far, hit
    return z, -1, 0.0


@numba.njit(nogil=True, cache=True)
def search_windows(  # type: ignore[no-untyped-def]
    localizations, motion, scale, image, quantum, windows, around, reaches, level, sure, most, out
):
    """Look for a run of windows in the image without the rows ``around`` each; fill ``out``.

    ``out`` is how far the drift is from what ``motion`` says, the significance, and the reach.
    """
    bounds, drift = motion[0], motion[1]
    first = last = around[windows[0], 0]
    slots, keys, found = np.empty(4 * most, np.int32), np.empty(most, np.int64), np.empty((most, 4))
    shift = np.empty(3)
    for s in range(windows[0], windows[1]):
        if around[s, 1] > last:
            add(localizations, motion, scale, image, quantum, (last, around[s, 1]), OUT)
            last = around[s, 1]
        if around[s, 0] > first:
            add(localizations, motion, scale, image, quantum, (first, around[s, 0]), IN)
            first = around[s, 0]
        for axis in range(3):
            shift[axis] = 0.0
        m = molecules(localizations[0], (s, s), (bounds, drift), scale, slots, keys, found)
        z, far, _ = search(found, m, shift, image, reaches, 0.5, level, 0.0, YES, sure)
        out[s, 3], out[s, 4] = z, far
        for axis in range(3):
            out[s, axis] = shift[axis]

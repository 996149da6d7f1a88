"""Loops of the search for windows of time in a sparse image."""

from __future__ import annotations

import math

import numpy as np

from smlm_accessor.kernels.compilation import inlined, kernel
from smlm_accessor.kernels.sparse_image.image import (
    BITS,
    MASK,
    cell_key,
    find_slot,
    line_hash,
    slot_in_line,
)

# Cells of a block of the image along each axis, in bits. A far search, of 81 cells along x and y,
# goes through the lists of cells that are occupied in 37 blocks on average, instead of looking up
# 6,561 cells, most of which are empty.
_BLOCK = 4
# Of 1 plus the count of a cell: a logarithm takes as long as the rest.
_LOGARITHM = np.array([math.log(1.0 + n) for n in range(256)])


@kernel
def molecules(positions, bounds, drift, scale, windows, slots, keys, found):  # type: ignore[no-untyped-def]
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


@kernel
def enlist(keys, used, slots, block_keys, first, following, counts):  # type: ignore[no-untyped-def]
    """Add cells to the lists of `search.Blocks`, up to ``used``."""
    for c in range(counts[0], used):
        x, y, z = keys[c] & MASK, (keys[c] >> BITS) & MASK, (keys[c] >> (2 * BITS)) & MASK
        i, j, k = x >> _BLOCK, y >> _BLOCK, z >> _BLOCK
        slot = find_slot(slots, block_keys, i, j, k)
        block = slots[slot]
        if block < 0:
            block = counts[1]
            counts[1] += 1
            slots[slot] = block
            block_keys[block] = cell_key(i, j, k)
            first[block] = -1
        following[c] = first[block]
        first[block] = c
    counts[0] = used


@inlined
def _intersect(found, m, last, slots, keys, values, blocks, nx, ny, nz, sums):  # type: ignore[no-untyped-def]
    """Log-likelihood and number of molecules that share a cell with the image, for each shift.

    The cells are those of lists in ``blocks``, if there are any, or each is looked up. Return the
    variance of the likelihood that chance would give it.
    """
    block_slots, block_keys, first, following = blocks
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
        if following.shape[0] > 0:
            last_block = MASK >> _BLOCK
            for bk in range(k >> _BLOCK, (k + nz - 1 >> _BLOCK) + 1):
                for bj in range(j >> _BLOCK, (j + ny - 1 >> _BLOCK) + 1):
                    for bi in range(i >> _BLOCK, (i + nx - 1 >> _BLOCK) + 1):
                        x, y, z = bi & last_block, bj & last_block, bk & last_block
                        row = block_slots[find_slot(block_slots, block_keys, x, y, z)]
                        row = first[row] if row >= 0 else row
                        while row >= 0:
                            n, key = values[row, 0], keys[row]
                            x = (key - i) & MASK
                            y = ((key >> BITS) - j) & MASK
                            z = ((key >> (2 * BITS)) - k) & MASK
                            row = following[row]
                            if x >= nx or y >= ny or z >= nz or n <= 0:
                                continue
                            value = _LOGARITHM[n] if n < 256 else math.log(1.0 + n)
                            shift = (z * ny + y) * nx + x
                            sums[0, shift] += value
                            sums[1, shift] += 1.0
                            total += value
                            square += value * value
        else:
            for dk in range(k, k + nz):
                for dj in range(j, j + ny):
                    line = line_hash(i, dj, dk)
                    for di in range(i, i + nx):
                        if di & 7 == 0:
                            line = line_hash(di, dj, dk)
                        row = slots[slot_in_line(slots, keys, line, di, cell_key(di, dj, dk))]
                        if row >= 0 and values[row, 0] > 0:
                            n = values[row, 0]
                            value = _LOGARITHM[n] if n < 256 else math.log(1.0 + n)
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
    for begin in range(0, size, n * stride):
        for i in range(n):
            at = begin + i * stride
            left = stride if i > 0 else 0
            right = stride if i < n - 1 else 0
            for b in range(at, at + stride):
                values[b] = 0.25 * (other[b - left] + 2.0 * other[b] + other[b + right])


@inlined
def median(values, other, size):  # type: ignore[no-untyped-def]
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
def search(  # type: ignore[no-untyped-def]
    found, m, last, slots, keys, values, blocks, shape, away, around, tie, level, sure, sums, result
):
    """Return the likeliest of the significant maxima of the shifts within reach, -1 if none is.

    ``result`` is its significance and its hit rate. ``tie`` is what a shift by one cell costs: of
    several copies of a lattice the nearest is right.
    """
    nx, ny, nz = shape
    size = nx * ny * nz
    variance = _intersect(found, m, last, slots, keys, values, blocks, nx, ny, nz, sums)
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
        mean, chance = chance, median(sums[which], other, size)
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

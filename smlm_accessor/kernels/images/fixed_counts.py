"""Images of localizations in whole numbers, so that parts add up to the same in any order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.compilation import constant, kernel
from smlm_accessor.kernels.hashing import FIRST, GOLDEN, SECOND
from smlm_accessor.kernels.images.grid import PixelGrid

#: Steps into which a pixel is cut along each axis; a localization counts ``STEPS**2``.
STEPS = 32
FixedImages = npt.NDArray[np.uint32]


def add_counts(positions: FloatArray, slot: IntArray, grid: PixelGrid, images: FixedImages) -> None:
    """Add localizations to images, each shared linearly among the pixels around it.

    Of the positions, (n, d), x and y count; those outside the field, not finite, or with a negative
    ``slot`` are left out. ``slot`` is the image each belongs to: the one that `count` makes, times
    ``STEPS**2``, with positions rounded to 1 / `STEPS` of a pixel.
    """
    positions, slot, box = constant(positions), constant(slot), np.array([grid.lower, grid.upper])
    _add(positions, slot, box, grid.corner, grid.bin_size, np.array(grid.bins), images)


def count_chunks(frames: IntArray, edges: IntArray, counts: IntArray, sums: IntArray) -> IntArray:
    """Return the chunk of each frame between ``edges``, shape (k + 1,); -1 outside.

    The localizations of each chunk are added to ``counts``, their frames since the chunk begins to
    ``sums``, both of shape (k,).
    """
    chunk = np.empty(len(frames), np.int64)
    _count_chunks(constant(frames), edges, chunk, counts, sums)
    return chunk


def in_some_frames(
    frames: IntArray, edges: IntArray, part: FloatArray, counts: IntArray
) -> IntArray:
    """Return the rows of some of the frames of each chunk, always the same frames.

    About which part of those of each chunk is ``part``, shape (k,); a chunk is between two of the
    ``edges``, shape (k + 1,). All localizations of each chunk are added to ``counts``, shape (k,).
    """
    rows = np.empty(len(frames), np.int64)
    n = _in_some_frames(constant(frames), edges, part, counts, rows)
    return rows[:n].copy()


def thinned(positions: FloatArray, frames: IntArray, chunk: IntArray, part: float) -> IntArray:
    """Return about a part of the rows that have a chunk.

    Which ones depends on nothing but what is in them.
    """
    rows = np.empty(len(frames), np.int64)
    limit = np.uint64(min(int(part * 2.0**64), 2**64 - 1))
    n = _thinned(constant(positions).view(np.uint64), constant(frames), chunk, limit, rows)
    return rows[:n].copy()


@kernel
def _count_chunks(frames, edges, chunk, counts, sums):  # type: ignore[no-untyped-def]
    k = len(counts)
    c = 0
    first, stop = edges[0], edges[1]
    n, total = 0, 0  # of this chunk, since it was last left
    for i in range(len(frames)):
        frame = frames[i]
        if not first <= frame < stop:
            chunk[i] = -1
            if frame < edges[0] or frame >= edges[k]:
                continue
            counts[c] += n
            sums[c] += total
            n, total = 0, 0
            c = np.searchsorted(edges, frame, side="right") - 1
            first, stop = edges[c], edges[c + 1]
        chunk[i] = c
        n += 1
        total += frame - first
    counts[c] += n
    sums[c] += total


@kernel
def _add(positions, slot, box, corner, size, bins, images):  # type: ignore[no-untyped-def]
    wide_x, wide_y = int(bins[0] > 1), int(bins[1] > 1)
    for i in range(len(slot)):
        x, y, k = positions[i, 0], positions[i, 1], slot[i]
        inside = box[0, 0] <= x <= box[1, 0] and box[0, 1] <= y <= box[1, 1]
        if k < 0 or not inside:
            continue
        # In steps, rounded to the nearest.
        u = np.int64((x - corner[0]) / size * STEPS + 0.5)
        v = np.int64((y - corner[1]) / size * STEPS + 0.5)
        a, b = u // STEPS, v // STEPS
        s, t = u - a * STEPS, v - b * STEPS
        # An axis without extent has one pixel.
        a, s, b, t = a * wide_x, s * wide_x, b * wide_y, t * wide_y
        images[k, a, b] += np.uint32((STEPS - s) * (STEPS - t))
        if t:
            images[k, a, b + 1] += np.uint32((STEPS - s) * t)
        if s:
            images[k, a + 1, b] += np.uint32(s * (STEPS - t))
            if t:
                images[k, a + 1, b + 1] += np.uint32(s * t)


@kernel
def _in_some_frames(frames, edges, part, counts, rows):  # type: ignore[no-untyped-def]
    k = len(part)
    c = 0
    first, stop = edges[0], edges[0]
    inside, taken = False, False
    n, m = 0, 0  # of this chunk, since it was last left; of the rows
    for i in range(len(frames)):
        frame = frames[i]
        if i == 0 or frame != frames[i - 1]:
            if not first <= frame < stop:
                counts[c] += n
                n = 0
                first, stop = edges[0], edges[0]
                inside = edges[0] <= frame < edges[k]
                if inside:
                    c = np.searchsorted(edges, frame, side="right") - 1
                    first, stop = edges[c], edges[c + 1]
            h = np.uint64(frame) * GOLDEN
            h ^= h >> np.uint64(32)
            h *= FIRST
            # 53 bits: all that a float can hold.
            taken = inside and (h >> np.uint64(11)) < part[c] * 9007199254740992.0
        n += inside
        if taken:
            rows[m] = i
            m += 1
    counts[c] += n
    return m


@kernel
def _thinned(bits, frames, chunk, limit, rows):  # type: ignore[no-untyped-def]
    n = 0
    for i in range(len(frames)):
        if chunk[i] < 0:
            continue
        h = np.uint64(frames[i]) * GOLDEN
        for c in range(bits.shape[1]):
            h ^= bits[i, c] ^ (bits[i, c] << np.uint64(23))
            h *= FIRST
            h ^= h >> np.uint64(29)
        h *= SECOND
        h ^= h >> np.uint64(32)
        if h <= limit:
            rows[n] = i
            n += 1
    return n

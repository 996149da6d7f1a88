"""Loops of `blinks`, over localizations in tiles, in the order of frames.

All are serial and release the GIL. ``start``, ``where``, ``frame`` and ``weight`` are those of
`Tiles`.
"""

from __future__ import annotations

import math

import numpy as np

from smlm_accessor.kernels.compilation import kernel, part
from smlm_accessor.kernels.hashing import slot_of


@kernel
def pairs(start, where, frame, reach, step, apart, n_frames):  # type: ignore[no-untyped-def]
    """Count the localizations so many frames after others, within reach, in each step-th tile."""
    d, n = where.shape[1], 0
    for t in range(0, len(start) - 1, step):
        first, last = start[t], start[t + 1]
        begin, before = first, 0
        for i in range(first, last):
            wanted = (frame[i] + apart) % n_frames
            if wanted < before:  # beyond the last frame
                begin = first
            before = wanted
            while begin < last and frame[begin] < wanted:
                begin += 1
            j = begin
            while j < last and frame[j] == wanted:
                r = 0.0
                for c in range(d):
                    r += ((where[i, c] - where[j, c]) / reach[c]) ** 2
                n += j != i and r < 1.0
                j += 1
    return n


@part
def _cell(i, where, cell):  # type: ignore[no-untyped-def]
    key = np.int64(0)
    for c in range(where.shape[1]):
        key = (key << 21) + np.int64(where[i, c] / cell[c])
    return key


@kernel
def count_in_cells(start, where, cell, counted, keys, counts, found):  # type: ignore[no-untyped-def]
    """Write how many that are counted lie in the same cell of the same tile as each.

    ``keys`` and ``counts`` are room for a hash table: a power of two, twice the largest tile.
    """
    for t in range(len(start) - 1):
        mask = 1
        while mask < 2 * (start[t + 1] - start[t]):
            mask *= 2
        mask -= 1
        for slot in range(mask + 1):
            keys[slot], counts[slot] = -1, 0
        for turn in range(2):
            for i in range(start[t], start[t + 1]):
                key = _cell(i, where, cell)
                slot = slot_of(key, mask)
                while keys[slot] != -1 and keys[slot] != key:
                    slot = (slot + 1) & mask
                if turn == 0:
                    keys[slot] = key
                    counts[slot] += counted[i]
                else:
                    found[i] = counts[slot]


@part
def _find(  # type: ignore[no-untyped-def]
    k, low, stop, where, frame, weight, chance, segment, precision, gate, within, taken, mean,
    known,
):  # fmt: skip
    """Return the likeliest blink of those at ``low:stop`` that goes on at ``k``, and its score.

    The score is minus twice the logarithm of the likelihood; it has to be less than ``chance``.
    """
    d = where.shape[1]
    best, least = np.int64(-1), chance[k]
    for j in range(low, stop):
        in_frame = within and frame[j] == frame[k]
        if not in_frame and (taken[j] or segment[frame[j]] != segment[frame[k]]):
            continue
        squared, variance = 0.0, 1 / weight[k] + 1 / known[j]
        for c in range(d):
            squared += ((where[k, c] - mean[j, c]) / precision[c]) ** 2
        if squared < gate * variance:
            score = squared / variance + d * math.log(variance)
            if score < least:
                best, least = np.int64(j), score
    return best, least


@kernel
def link(  # type: ignore[no-untyped-def]
    start, where, frame, weight, chance, frames, segment, precision, gate, missing, longest,
    within, kept, event_of, age, taken, began, mean, known, best, score,
):  # fmt: skip
    """Write the event of each localization and the age of its blink; return how many events.

    The localizations of a frame choose among the blinks before; of two that choose the same, the
    likelier has it, and the other looks again. ``taken`` (False) is room for whether a localization
    has a next one, ``began`` for the first frame of each event, ``mean`` and ``known`` for where a
    blink is and its weight, ``best`` and ``score`` for the choices of a frame.
    """
    d, n_events = where.shape[1], 0
    for t in range(len(start) - 1):
        low, i = start[t], start[t]
        while i < start[t + 1]:
            n = 1
            while not within and i + n < start[t + 1] and frame[i + n] == frame[i]:
                n += 1
            now = frames[frame[i]]
            while low < i and frames[frame[low]] < now - 1 - missing:
                low += 1
            for k in range(n):
                best[k] = -2  # to look for
            looking = True
            while looking:
                for k in range(n):
                    if best[k] == -2:
                        best[k], score[k] = _find(
                            i + k, low, i, where, frame, weight, chance, segment, precision, gate,
                            within, taken, mean, known,
                        )  # fmt: skip
                looking = False
                for k in range(n):
                    if best[k] < 0 or score[k] == -math.inf:
                        continue
                    has = True
                    for o in range(n):
                        if best[o] == best[k] and o != k:
                            has = has and score[k] <= score[o] and (k < o or score[k] < score[o])
                    if has:
                        taken[best[k]], score[k] = True, -math.inf
                    else:
                        best[k], looking = -2, True
            for k in range(i, i + n):
                j = best[k - i]
                age[k], known[k] = 0, weight[k]
                for c in range(d):
                    mean[k, c] = where[k, c]
                if j >= 0:
                    before = kept * known[j]
                    known[k] += before
                    for c in range(d):
                        mean[k, c] += (mean[j, c] - where[k, c]) * (before / known[k])
                    age[k] = age[j] + now - frames[frame[j]]
                if j >= 0 and now - began[event_of[j]] < longest:
                    event_of[k] = event_of[j]
                else:
                    event_of[k], began[n_events] = n_events, now
                    n_events += 1
            i += n
    return n_events

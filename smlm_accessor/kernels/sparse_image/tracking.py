"""Windows followed from one to the next through a sparse image: the loop of the coarse tracker."""

from __future__ import annotations

import numba
import numpy as np

from smlm_accessor.kernels.sparse_image.image import (
    IN,
    N_GRADIENT_SUMS,
    add_gradients,
    in_cells,
    put,
    with_room,
)
from smlm_accessor.kernels.sparse_image.search import NO, YES, molecules, search

_SETTLED = 3  # segments that have to match before one is looked for far away
_PULLING = 200  # localizations that say where between the cells a segment belongs


@numba.njit(nogil=True, cache=True)
def follow(  # type: ignore[no-untyped-def]
    localizations, motion, scale, image, quantum, kernel, order, reaches, level, patience, most, out
):
    """Register segment after segment onto all before; fill ``out`` (x, y, z, significance, how).

    ``order`` holds the segments in the order they are taken; the first is where drift is 0. One
    that does not match within the near reach is looked for in the far one, then together with the
    next, up to ``patience`` of them: ``how`` is their number, negative if the far
    reach was needed.
    """
    bounds, base = motion
    last, still, before = np.zeros(3), np.zeros(3), np.zeros(3)
    peak, at = np.zeros(3), np.zeros(3)
    sums = np.empty(N_GRADIENT_SUMS)
    slots, keys, found = np.empty(4 * most, np.int32), np.empty(most, np.int64), np.empty((most, 4))
    waiting, matched, missed, lost = 0, 0, 0, NO
    usual, rate = 0.25, 0.0  # squared step from one to the next, part of molecules that match
    for o in range(order.shape[0]):
        s = order[o]
        if o > 0 and abs(s - order[o - 1]) != 1:
            for axis in range(3):
                last[axis] = 0.0
            waiting, lost = 0, NO
        if out[s, 4] != 0.0:
            for axis in range(3):
                last[axis] = out[s, axis]
            waiting, lost = 0, NO
            continue
        a, b = min(s, order[o - waiting]), max(s, order[o - waiting])
        z, far = 0.0, 0 if o == 0 else -1
        if o > 0:
            m = molecules(localizations[0], (a, b), motion, scale, slots, keys, found)
            # The stage does not jump just there; what is far from a few segments is chance.
            wide = matched >= _SETTLED and waiting & (waiting + 1) == 0
            for axis in range(3):
                before[axis] = last[axis]
            tie = 0.5 / (max(usual, 0.1) * (1 + waiting))
            z, far, hit = search(found, m, last, image, reaches, tie, level, 0.5 * rate, wide, lost)
            if far == 0:
                moved = 0.0
                for axis in range(3):
                    moved += (last[axis] - before[axis]) ** 2 / (1 + waiting)
                rate += 0.1 * (hit - rate)
                usual += 0.1 * (min(moved, 10.0 * max(usual, 0.1)) - usual)
            for axis in range(3):
                peak[axis] = last[axis]
            for _ in range(3 if far >= 0 else 0):
                for i in range(N_GRADIENT_SUMS):
                    sums[i] = 0.0
                for t in range(a, b + 1):
                    for axis in range(3):
                        at[axis] = base[t, axis] + last[axis]
                    rows = (bounds[t], bounds[t + 1], 1 + (bounds[b + 1] - bounds[a]) // _PULLING)
                    add_gradients(
                        localizations,
                        rows,
                        (at, still, 0.0),
                        scale,
                        image,
                        quantum,
                        kernel,
                        sums,
                    )
                for axis in range(3):
                    if sums[15] > 0 and reaches[0, axis] > 0:
                        there = last[axis] - 1.3 * sums[axis] / sums[15]
                        last[axis] = min(max(there, peak[axis] - 1.0), peak[axis] + 1.0)
        if far < 0:
            waiting += 1
            missed += 1
            if missed > 4 * patience and missed > matched:
                return
            if waiting > patience:
                waiting, lost = 0, YES
            continue
        matched += waiting + 1
        lost = NO
        image = with_room(image, bounds[b + 1] - bounds[a])
        for t in range(a, b + 1):
            for axis in range(3):
                out[t, axis] = last[axis]
                at[axis] = base[t, axis] + last[axis]
            out[t, 3] = z
            out[t, 4] = -1 - waiting if far else 1 + waiting
            for row in range(bounds[t], bounds[t + 1]):
                x, y, w = in_cells(localizations[0], row, scale, at)
                put(image, quantum, x, y, w, IN)
        waiting = 0

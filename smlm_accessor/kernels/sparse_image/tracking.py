"""Windows followed from one to the next through a sparse image: the loop of the coarse tracker."""

from __future__ import annotations

from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.sparse_image.density import pull
from smlm_accessor.kernels.sparse_image.image import IN, add, with_room
from smlm_accessor.kernels.sparse_image.search import Searcher

_SETTLED = 3  # segments that have to match before one is looked for far away
_PULLING = 200  # localizations that say where between the cells a segment belongs
# To end earlier, where a step is short, lags behind: errors were seven times as large in a world.
_PULLS = 3


def follow(
    localizations: tuple[Any, ...],
    bounds: IntArray,
    base: FloatArray,
    scale: FloatArray,
    image: tuple[Any, ...],
    quantum: float,
    kernel: tuple[Any, ...],
    order: IntArray,
    reaches: IntArray,
    level: float,
    patience: int,
    most: int,
    few: int,
) -> FloatArray:
    """Register segment after segment onto all before: (x, y, z, significance, how) of each.

    ``order`` holds the segments in the order they are taken; the first is where drift is 0. One
    that does not match within the near reach is looked for in the far one, then together with the
    next, up to ``patience`` of them: ``how`` is their number, negative if the far reach was needed.
    At ``most`` so many molecules are looked for, and a ``few`` first: see `Searcher`.
    """
    k = len(base)
    out, at, still = np.zeros((k, 5)), base.copy(), np.zeros_like(base)
    moved = bounds, at, still, np.zeros(k)
    searcher = Searcher(localizations[0], bounds, base, scale, reaches, level, most, few)
    last = np.zeros(3)
    row_of = bounds.tolist()
    exists = reaches[0] > 0
    waiting, matched, missed, lost = 0, 0, 0, False
    usual, rate = 0.25, 0.0  # squared step from one to the next, part of molecules that match
    previous = -1
    for o, s in enumerate(order.tolist()):
        if o > 0 and abs(s - previous) != 1:
            last[:] = 0.0
            waiting, lost = 0, False
        previous = s
        if out[s, 4] != 0.0:
            last[:] = out[s, :3]
            waiting, lost = 0, False
            continue
        begun = int(order[o - waiting])
        a, b = min(s, begun), max(s, begun)
        n = row_of[b + 1] - row_of[a]
        z, far = 0.0, 0 if o == 0 else -1
        if o > 0:
            # The stage does not jump just there; what is far from a few segments is chance.
            wide = matched >= _SETTLED and waiting & (waiting + 1) == 0
            before = last.copy()
            tie = 0.5 / (max(usual, 0.1) * (1 + waiting))
            z, far, hit = searcher.search(image, (a, b), last, tie, 0.5 * rate, wide, lost)
            if far == 0:
                square = float(((last - before) ** 2).sum()) / (1 + waiting)
                rate += 0.1 * (hit - rate)
                usual += 0.1 * (min(square, 10.0 * max(usual, 0.1)) - usual)
            if far >= 0:
                pull(
                    *(localizations[0], bounds, base, (a, b + 1), 1 + n // _PULLING),
                    *(scale, image, quantum, kernel, exists, _PULLS, last),
                )
        if far < 0:
            waiting += 1
            missed += 1
            if missed > 4 * patience and missed > matched:
                return out
            if waiting > patience:
                waiting, lost = 0, True
            continue
        matched += waiting + 1
        lost = False
        image = with_room(image, n)
        out[a : b + 1, :3] = last
        out[a : b + 1, 3] = z
        out[a : b + 1, 4] = -1 - waiting if far else 1 + waiting
        at[a : b + 1] = base[a : b + 1] + last
        rows = row_of[a], row_of[b + 1]
        add(localizations, moved, scale, image, quantum, rows, IN)
        waiting = 0
    return out

"""Frame edges of windows: cut, filled, joined, and shorter beside jumps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from smlm_accessor._typing import IntArray

_LONGER = 4  # times as long is each window farther from a jump


def cut(frames: IntArray, per_window: float, most: int, jumps: IntArray | None = None) -> IntArray:
    """Return edges of windows of equal length that hold so many localizations on average.

    There are edges at ``jumps``, too, if they are given and there are localizations after them.
    """
    first, last = int(frames[0]), int(frames[-1]) + 1
    k = int(np.clip(len(frames) // per_window, 1, most))
    present = np.count_nonzero(np.diff(frames)) + 1
    edges = np.append(np.arange(first, last, max(1, -(-int(present) // k))), last)
    if jumps is not None:
        edges = np.union1d(edges, jumps[(jumps > first) & (jumps < last)])
    return filled(frames, edges)


def filled(frames: IntArray, edges: IntArray) -> IntArray:
    """Return edges of windows that all have localizations; an empty one joins that before."""
    return np.append(edges[:-1][np.diff(np.searchsorted(frames, edges)) > 0], edges[-1])


def joined(edges: IntArray, many: int, jumps: IntArray) -> IntArray:
    """Return the edges of windows of so many short ones, none of them over a jump.

    A rest of up to half as many joins the window before.

    Examples
    --------
    >>> joined(np.arange(0, 80, 10), 3, np.array([40])).tolist()
    [0, 40, 70]
    """
    ends = np.concatenate([[0], np.searchsorted(edges, jumps), [len(edges) - 1]])
    result = [edges[-1:]]
    for a, b in pairwise(ends):
        starts = edges[a:b:many]
        if len(starts) > 1 and 0 < (b - a) % many <= many // 2:
            starts = starts[:-1]
        result.append(starts)
    return np.unique(np.concatenate(result))


def tapered(edges: IntArray, jumps: IntArray, shortest: int) -> IntArray:
    """Return windows that become shorter towards each jump, where the curve has to bend.

    Examples
    --------
    >>> tapered(np.array([0, 100, 200]), np.array([100]), 2)
    array([  0,  58,  90,  98, 100, 102, 110, 142, 200])
    """
    more = [edges]
    for jump in jumps:
        at = int(np.searchsorted(edges, jump))
        before, after = int(edges[at - 1]), int(edges[min(at + 1, len(edges) - 1)])
        away, length = shortest, shortest
        while length < max(jump - before, after - jump):
            sides = np.array([jump - away, jump + away])
            more.append(sides[(sides > before) & (sides < after)])
            length *= _LONGER
            away += length
    return np.unique(np.concatenate(more))

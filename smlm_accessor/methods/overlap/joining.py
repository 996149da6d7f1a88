"""Parts of a table that share nothing where they are, laid on each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.correlation.global_shift import find_shift_at_any_scale
from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs
from smlm_accessor.kernels.correlation.site_differences import find_site_shift
from smlm_accessor.methods.overlap.between_times import Connection
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.timeline import Timeline

# Standard deviations of a shift that was found in images: less is chance in most tables.
_WORTH_TRYING = 3.0
_REACH = 3.0  # smoothings, by which a shift that was found in images may be wrong
# Events on either side of the end of a part: molecules that live for a short time are seen on both
# sides only next to it.
_BESIDE = (400, 1600)
_NEAR = 5.0  # precisions: where parts lie, or so near, they share nothing
_BIN = 2.0  # precisions, in which differences are counted


class PartLink(NamedTuple):
    """The shift that puts a part onto the one before it, and how many are as likely by chance."""

    chance: float
    before: int
    after: int
    shift: FloatArray


def joined(
    known: Connection, drift: FloatArray, timeline: Timeline, density: Density
) -> FloatArray | None:
    """Return the drift with the parts of the table laid on the largest, None if none can be.

    The shift of each is looked for among all, in images of the events. What has too little in
    common with the largest part is laid beside it by molecules that are seen on both sides of the
    end of a part. The most frequent difference of pairs tells a shift to about one precision.
    Whether it is right, `connection` tells.
    """
    if not known.part.any():
        return None
    events, precision = density.events, density.precision
    positions, sides = events.less(drift), known.sides(timeline)
    part, shifts = known.part[events.frame], {0: np.zeros(len(precision))}
    every = range(1, part.max(initial=0) + 1)
    for number in every:
        reference, moving = positions[part == 0], positions[part == number]
        finest = float(precision[:2].mean())
        found = find_shift_at_any_scale(reference[:, :2], moving[:, :2], finest)
        if found.significance >= _WORTH_TRYING:
            shift = np.append(found.shift, np.zeros(len(precision) - 2))
            reach = _REACH * found.smoothing
            shifts[number] = shift + shift_of_pairs(reference, moving + shift, precision, reach)
    if len(shifts) <= len(every):
        shifts = placed(links(positions, sides[events.frame], precision), shifts)
    moved = drift.copy()
    for number, shift in shifts.items():
        moved[sides == number] -= shift
    return None if np.array_equal(moved, drift) else moved


def links(positions: FloatArray, part: IntArray, precision: FloatArray) -> list[PartLink]:
    """Return the shifts that molecules tell on both sides of the ends of parts.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        Of events in the order of time.
    part : ndarray of int, shape (n,)
    precision : ndarray, shape (d,)
    """
    found = []
    for end in np.flatnonzero(np.diff(part)) + 1:
        sides = int(part[end - 1]), int(part[end])
        best = PartLink(1.0, *sides, np.zeros(0))
        for n in _BESIDE:
            rows = slice(max(end - n, 0), end), slice(end, end + n)
            here, there = (positions[r][part[r] == s] for r, s in zip(rows, sides, strict=True))
            site = find_site_shift(here, there, _BIN * precision)
            away = float(np.hypot(*(site.shift / precision)[:2]))
            if site.chance < best.chance and away > _NEAR:
                reach = _BIN * _NEAR * float(precision[:2].mean())
                shift = shift_of_pairs(here, there - site.shift, precision, reach) - site.shift
                best = best._replace(chance=site.chance, shift=shift)
        if len(best.shift):
            found.append(best)
    return found


def placed(links: list[PartLink], known: dict[int, FloatArray]) -> dict[int, FloatArray]:
    """Return the shifts of parts onto those that are known, by the least likely chance first."""
    shifts = dict(known)
    while ends := [link for link in links if (link.before in shifts) != (link.after in shifts)]:
        link = min(ends, key=lambda one: one.chance)
        if link.before in shifts:
            shifts[link.after] = shifts[link.before] + link.shift
        else:
            shifts[link.before] = shifts[link.after] - link.shift
    return shifts

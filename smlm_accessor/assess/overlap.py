"""How well blinks lie on those of other times, place by place, before and after a correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.halves_of_field import FieldBlocks
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.pair_sums import WIDTH
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.neighbours.neighbour_counts import neighbour_counts
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.stages import timed

CLEAR = 3.0  # standard deviations: chance gives more in one of 700 cases
KERNEL = 2.0  # precisions: the standard deviation of the kernel
REACH = KERNEL / WIDTH  # precisions
_BESIDE = 2.0  # reaches: kernels there and here do not touch
_MARGIN = _BESIDE + 1
_MOST_COMPANIONS = 100.0  # within a cell; of more, some are left out
_MOST = 300_000  # blinks; more say no more
_FEW = 8.0  # places that count: with fewer, blocks of time tell the error
_TIME_BLOCKS = 20


class Overlap(NamedTuple):
    """How well each blink lies on those of other times.

    ``neighbour_counts`` is how many lie there; ``contrast`` compares the logarithm of one plus that
    with what lies a little beside. Both have shape (n,).
    """

    neighbour_counts: FloatArray
    contrast: FloatArray


@dataclass(frozen=True)
class Blinks:
    """Localizations of one blink put together.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        As they are in the table.
    frames : ndarray, shape (n,)
    place : ndarray, shape (n,)
        Number of the place.
    second : ndarray of bool, shape (n,)
        Half that the place belongs to.
    gap : int
        Blinks so many frames apart could be one.
    reach : ndarray, shape (d,)
        Of the kernel.
    inner : ndarray of bool, shape (n,)
        Whether it is so far from the edges of the field that all around it is seen.
    """

    positions: FloatArray
    frames: IntArray
    place: IntArray
    second: BoolArray
    gap: int
    reach: FloatArray
    inner: BoolArray

    def overlap(self, positions: FloatArray, *, halves: bool) -> Overlap:
        """Return how corrected blinks lie on those of other times, perhaps of the same half only.

        What lies a little beside each, in some direction, is there by chance. Where nothing but
        chance is at work, both have the same distribution, whatever the density.
        """
        turn = split_mix64(np.arange(len(positions))) * (2 * np.pi / 2.0**64)
        beside = positions / self.reach
        here = beside.copy()
        beside[:, 0] += _BESIDE * np.cos(turn)
        beside[:, 1] += _BESIDE * np.sin(turn)
        group = self.second.astype(np.int64) if halves else np.zeros_like(self.frames)
        at_it, by_chance = (
            neighbour_counts(
                *(here, self.frames, group),
                gap=self.gap,
                at=at,
                run=map_threads,
            )
            for at in (None, beside)
        )
        return Overlap(at_it, np.log1p(at_it) - np.log1p(by_chance))

    def some(self, chosen: BoolArray) -> Blinks:
        """Return some of the blinks."""
        return Blinks(
            self.positions[chosen],
            self.frames[chosen],
            self.place[chosen],
            self.second[chosen],
            self.gap,
            self.reach,
            self.inner[chosen],
        )


def find_blinks(
    localizations: ChunkedLocalizations, precision: FloatArray, places: FieldBlocks
) -> Blinks:
    """Return the blinks of localizations in the order of frames."""
    assert localizations.center is not None
    rows = timed(localizations, precision)
    frames = rows.timeline.frames
    still = np.zeros((len(frames), len(precision)))
    events = rows.events(still, precision, np.zeros_like(frames))
    positions = events.positions + localizations.center
    place = places.of(positions)
    extent = int(frames[-1] - frames[0])
    gap = min(events.lifetime * 3 // 2 + 2, max(extent // 10, 1))
    return Blinks(
        positions,
        frames[events.frame].astype(np.int64),
        place,
        places.second[place],
        gap,
        REACH * precision,
        places.inner(positions, _MARGIN * REACH * float(precision[0])),
    )


def thinned(blinks: Blinks, versions: list[FloatArray]) -> BoolArray:
    """Choose blinks so that none has very many companions in any version of the positions."""
    n_places = int(blinks.place.max()) + 1
    inside = np.bincount(blinks.place, minlength=n_places)
    crowd = np.ones(n_places)
    for positions in versions:
        cell = np.floor(positions / blinks.reach).astype(np.int64)
        cell = cell @ np.array([1_000_003, 10_007, 1][-cell.shape[1] :])
        counts = np.unique(cell, return_inverse=True, return_counts=True)
        mean = np.bincount(blinks.place, counts[2][counts[1]], n_places) / np.maximum(inside, 1)
        crowd = np.maximum(crowd, mean)
    kept = np.minimum(_MOST_COMPANIONS / crowd, 1.0)
    # Whole places are left out where there are too many blinks: pairs need both.
    order = np.argsort(split_mix64(np.arange(n_places)), kind="stable")
    kept[order[np.cumsum((inside * kept)[order]) > max(_MOST, inside.max())]] = 0.0
    hashed = split_mix64(np.arange(len(blinks.place))) / 2.0**64
    return np.asarray(hashed < kept[blinks.place])


@dataclass(frozen=True)
class Change:
    """What a correction does to the contrast, summed over blinks.

    Parameters
    ----------
    total : float
    error : float
        Its standard deviation, from places, or from blocks of time if there are few places.
    freedom : float
        Degrees of freedom of that.
    worth : float
        What it would be if companions became e times as many.
    """

    total: float
    error: float
    freedom: float
    worth: float

    @property
    def score(self) -> float:
        """How many standard deviations of a normal distribution this is away from no change."""
        if not self.error > 0 or self.freedom <= 0:
            return 0.0
        # Student's t as a normal deviate, as D. L. Wallace, Ann. Math. Stat. 30, 1124 (1959),
        # DOI 10.1214/aoms/1177706093; the tails underflow otherwise.
        t, n = self.total / self.error, self.freedom
        size = np.sqrt(n * np.log1p(t * t / n)) * (8 * n + 1) / (8 * n + 3)
        return float(np.copysign(size, t))

    @property
    def gain(self) -> float:
        """Relative change of the number of companions, beyond that of chance."""
        return float(np.expm1(self.total / self.worth)) if self.worth > 0 else 0.0

    def __add__(self, other: Change) -> Change:
        """Return the sum of two changes that may go together: errors add up."""
        return Change(
            self.total + other.total,
            self.error + other.error,
            min(self.freedom, other.freedom),
            self.worth + other.worth,
        )


def change(
    blinks: Blinks, before: Overlap, after: Overlap, chosen: BoolArray | None = None
) -> Change:
    """Return what happened to blinks, or chosen ones, shape (n,), that are not at the edges."""
    used = blinks.inner if chosen is None else blinks.inner & chosen
    difference = (after.contrast - before.contrast)[used]
    most = np.maximum(before.neighbour_counts, after.neighbour_counts)[used]
    worth = most / (1 + most)
    if not worth.any():
        return Change(0.0, 0.0, 0.0, 0.0)
    sums = np.bincount(blinks.place[used], difference)
    weight = np.bincount(blinks.place[used], worth)
    n = float(weight.sum() ** 2 / (weight**2).sum())
    mean = difference.sum() / worth.sum()
    error = float(np.sqrt(((sums - mean * weight) ** 2).sum() * n / max(n - 1, 1e-9)))
    if n < _FEW:
        frames = blinks.frames[used]
        order = np.argsort(frames, kind="stable")
        parts = np.array_split(difference[order], _TIME_BLOCKS)
        blocks = np.array([part.sum() for part in parts])
        # A pair belongs to two blinks, and what moves one of them changes it for both.
        error = float(2 * np.sqrt(_TIME_BLOCKS) * blocks.std(ddof=1))
        n = float(_TIME_BLOCKS)
    return Change(float(difference.sum()), error, n - 1, float(worth.sum()))

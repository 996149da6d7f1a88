"""How a sample moves: fixed once for a whole movie, then applied to any part of a table."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift.poses import to_matrices
from smlm_accessor.kernels import by_column
from smlm_accessor.options import PerComponent, Seed, number, per_component
from smlm_accessor.simulate.drift_curve import (
    WALK_STEP,
    SteadyTerms,
    drift_curve,
    random_walk,
    steady_drift,
)
from smlm_accessor.table.clock import FRAMES, Clock
from smlm_accessor.table.localizations import Localizations, read_localizations


@dataclass(frozen=True)
class MovieExtent:
    """Which frames a table has, and where its localizations lie."""

    first: int | None  # frames; None if there are no rows
    last: int | None
    low: FloatArray | None  # corners of the field; None if there are no finite positions
    high: FloatArray | None
    n_rows: int

    @property
    def n_frames(self) -> int:
        """Frames from the first to the last."""
        return 0 if self.first is None or self.last is None else self.last - self.first + 1


def extent_of(locs: Localizations) -> MovieExtent:
    """Return the extent of localizations."""
    n, positions = len(locs.frames), locs.positions[locs.finite]
    first, last = (int(locs.frames.min()), int(locs.frames.max())) if n else (None, None)
    if not len(positions):
        return MovieExtent(first, last, None, None, n)
    return MovieExtent(first, last, by_column.lowest(positions), by_column.highest(positions), n)


def extent_of_part(part: pd.DataFrame) -> MovieExtent:
    """Return the extent of a part of a table."""
    return extent_of(read_localizations(part))


def extent_of_all(parts: Sequence[MovieExtent]) -> MovieExtent:
    """Return the extent of several parts together."""
    low = [p.low for p in parts if p.low is not None]
    high = [p.high for p in parts if p.high is not None]
    return MovieExtent(
        min((p.first for p in parts if p.first is not None), default=None),
        max((p.last for p in parts if p.last is not None), default=None),
        np.min(low, axis=0) if low else None,
        np.max(high, axis=0) if high else None,
        sum(p.n_rows for p in parts),
    )


@dataclass(frozen=True)
class Motion:
    """What is asked of `simulate_drift`."""

    components: tuple[str, ...]
    terms: SteadyTerms
    diffusion_constant: PerComponent | None
    seed: Seed
    rotation: float | None
    scale: float | None
    rotation_center: Sequence[float] | None
    # Whether a generator given as seed is left as it is, so that the walk is the same each time.
    again: bool = False
    clock: Clock = FRAMES  # of the table: terms are per frame, or per second

    @property
    def needs_positions(self) -> bool:
        """Whether it turns or grows about the middle of the field."""
        has_center = self.rotation is not None or self.scale is not None
        return has_center and self.rotation_center is None

    def in_movie(self, extent: MovieExtent, *, all_frames: bool) -> MovieMotion:
        """Fix the motion for a movie; with ``all_frames``, keep the drift in each frame."""
        rate = 0.0 if self.rotation is None else number("rotation", self.rotation)
        growth = 0.0 if self.scale is None else number("scale", self.scale)
        first, in_each = 0 if extent.first is None else extent.first, None
        seed = copy.deepcopy(self.seed) if self.again else self.seed
        if self.clock.is_time:
            if self.diffusion_constant is not None:
                n = max(extent.n_frames - 1, 0)
                in_each = random_walk(n, self.components, self.diffusion_constant, seed)
        elif all_frames or self.diffusion_constant is not None:
            in_each = drift_curve(
                first,
                extent.n_frames,
                self.components,
                **self.terms,
                diffusion_constant=self.diffusion_constant,
                seed=seed,
            )
        center = self._center(extent)
        terms = self.components, self.terms
        return MovieMotion(*terms, first, rate, growth, center, in_each, self.clock)

    def repeatable(self) -> Motion:
        """Return the same motion with a random walk that is the same in each movie."""
        if self.diffusion_constant is None:
            return self
        if self.seed is None:
            return replace(self, seed=int(np.random.default_rng().integers(2**63)))
        kept = copy.deepcopy(self.seed)
        if isinstance(self.seed, np.random.Generator):
            self.seed.integers(2**63)  # the next table gets another walk
        return replace(self, seed=kept, again=True)

    def _center(self, extent: MovieExtent) -> FloatArray:
        if self.rotation_center is not None:
            return per_component("rotation_center", self.rotation_center, self.components)
        if extent.low is None or extent.high is None:
            return np.zeros(len(self.components))
        return np.asarray((extent.low + extent.high) / 2)


@dataclass(frozen=True)
class MovieMotion:
    """The motion of the sample of one movie."""

    components: tuple[str, ...]
    terms: SteadyTerms
    first: int  # frame in which nothing has moved
    rate: float  # radians per frame
    growth: float  # logarithm of the factor by which the sample grows per frame
    center: FloatArray  # about which the sample turns and grows
    # Drift in each frame, shape (n_frames, d); if it is not kept, each frame is for itself. Of
    # times, what a random walk adds every `WALK_STEP`.
    in_each: FloatArray | None = field(default=None, repr=False)
    clock: Clock = FRAMES

    def shift(self, frames: IntArray) -> FloatArray:
        """Return the drift in some frames, shape (n, d)."""
        if self.clock.is_time:
            return self._shift_at(frames)
        if self.in_each is not None:
            return np.asarray(self.in_each[frames - self.first])
        present, rows = np.unique(frames, return_inverse=True)
        return steady_drift(present, self.first, self.components, **self.terms)[rows]

    def _shift_at(self, ticks: IntArray) -> FloatArray:
        """Return the drift at some times."""
        terms = (self.first, self.components, self.clock)
        shift = steady_drift(ticks, *terms, **self.terms)
        if self.in_each is not None:
            at, steps = (ticks - self.first) / WALK_STEP, np.arange(len(self.in_each))
            shift += np.stack([np.interp(at, steps, walk) for walk in self.in_each.T], axis=1)
        return shift

    def moved(self, locs: Localizations) -> FloatArray:
        """Return the positions of localizations of which the sample has moved."""
        time = self.clock.values(locs.frames - self.first).astype(np.float64)
        moved = locs.positions + self.shift(locs.frames)
        if self.rate != 0:  # from x to y
            cos, sin = np.cos(self.rate * time), np.sin(self.rate * time)
            x, y = moved[:, 0] - self.center[0], moved[:, 1] - self.center[1]
            moved[:, 0] = self.center[0] + cos * x - sin * y
            moved[:, 1] = self.center[1] + sin * x + cos * y
        if self.growth == 0:
            return moved
        return np.asarray(self.center + np.exp(self.growth * time)[:, None] * (moved - self.center))

    def matrices(self, frames: IntArray) -> FloatArray:
        """Return the matrices that undo rotation and growth in some frames, shape (n, d, d)."""
        time = self.clock.values(frames - self.first).astype(np.float64)
        d = len(self.components)
        rotation = np.zeros((len(frames), 1 if d == 2 else 3))
        rotation[:, -1] = self.rate * time  # about z
        return to_matrices(rotation, self.growth * time)

"""The chunks of icp, their neighbour grids and samples, and what is known of each so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.frames.sample import whole_frames
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.closest_points import (
    ClosestPointMap,
    Matching,
    fewest_points,
)
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.icp.influence import Influence

_SAMPLE = 1000  # localizations of a chunk in the coarse pass
# Of the usual fraction within reach, above that of a displaced chunk: one below is not registered.
_WORST = 0.5
_UNCLEAR = (
    "Their localizations lie no nearer to those of the target than if they were displaced: too few "
    "structures appear again; longer chunks or method='overlap' may find the drift."
)


class IcpOptions(NamedTuple):
    """What is asked for; see `smlm_accessor.methods.icp.method.icp`."""

    target: str
    with_rotation: bool
    with_scaling: bool
    max_distance: float | None
    max_iterations: int
    tolerance: float
    threads: int | None
    progress: bool


class Link(NamedTuple):
    """A chunk, what it is registered on, and how, coarsely.

    ``reference`` is a chunk, or None for all chunks before this one, as corrected; ``base`` is the
    coarse pose of the reference on the first chunk.
    """

    chunk: int
    reference: int | None
    base: Pose
    coarse: Matching

    @property
    def pose(self) -> Pose:
        """The coarse pose of the chunk on the first one."""
        return self.base.after(self.coarse.pose)


class IcpChunks:
    """All chunks of a table, and the poses of those that are registered.

    ``usable`` chunks have enough localizations; the first of them does not move. ``samples`` are
    localizations of each other one, for the coarse pass. ``poses`` and ``fractions``, of the
    localizations that have a neighbour within reach, are those of the chunks registered so far,
    ``influence`` is that of field blocks on the poses, ``reaches`` are the largest distances that
    were used, at ``n_unconverged`` chunks ``max_iterations`` ended it, and ``n_unclear`` chunks lay
    no nearer to the target than a displaced one does.
    """

    def __init__(self, localizations: ChunkedLocalizations, options: IcpOptions) -> None:
        self.localizations, self.options = localizations, options
        self.n_axes = len(localizations.components)
        self.terms = {"with_rotation": options.with_rotation, "with_scaling": options.with_scaling}
        fewest = fewest_points(self.n_axes, **self.terms)
        self.usable = [int(k) for k in np.flatnonzero(np.diff(localizations.bounds) >= fewest)]
        self.poses = {k: Pose.identity(self.n_axes) for k in self.usable[:1]}
        self.fractions = dict.fromkeys(self.poses, 1.0)
        self.reaches: list[float] = []
        self.n_unconverged = self.n_unclear = 0
        self.influence = Influence(localizations, self.usable)
        rest = self.usable[1:]
        self.samples = dict(
            zip(rest, map_threads(self._sample, rest, threads=options.threads), strict=True)
        )
        self._corrected = [localizations.chunk(k) for k in self.poses]
        self._first = self._before = nearest.build(self._corrected[0]) if self._corrected else None

    def batches(self) -> list[list[int]]:
        """Return the chunks to be registered: at once, or one by one if each extends the target."""
        rest = self.usable[1:]
        if self.options.target == "all":
            return [[chunk] for chunk in rest]
        return [rest] if rest else []

    def mean_frame(self, chunk: int) -> float:
        """Return the mean frame of the localizations of a chunk."""
        return float(self.localizations.frames[self.localizations.rows(chunk)].mean())

    def grid(self, reference: int | None) -> nearest.NeighbourGrid:
        """Return the localizations of a reference for searches; None: all chunks so far."""
        if reference is None and self._before is not None:
            return self._before
        if self._first is not None and reference == self.usable[0]:
            return self._first
        assert reference is not None
        return nearest.build(self.localizations.chunk(reference))

    def closest_points(
        self, source: FloatArray, target: nearest.NeighbourGrid, reach: float
    ) -> ClosestPointMap:
        """Return the closest-point map of what is fitted."""
        return ClosestPointMap(source, target, **self.terms, reach=reach)

    def usual_fraction(self, matchings: Sequence[Matching | None]) -> float:
        """Return the median fraction within reach, of chunks before these if there are any."""
        before = list(self.fractions.values())[1:]
        return float(np.median(before or [m.fraction for m in matchings if m] or [0.0]))

    def keep(self, link: Link, matching: Matching | None, usual: float) -> None:
        """Note where a chunk lies, unless it fits much worse than usual."""
        if matching is None:
            return
        if not matching.nearer:
            self.n_unclear += 1
            return
        chance = min(matching.chance, usual)
        if not matching.fraction - chance >= _WORST * (usual - chance):
            return
        chunk, reference = link.chunk, link.reference
        self.influence.add(chunk, reference, matching, self.poses)
        base = self.poses[self.usable[0] if reference is None else reference]
        self.poses[chunk] = base.after(matching.pose)
        self.fractions[chunk] = matching.fraction
        self.n_unconverged += not matching.converged
        if self.options.target == "all":
            self._corrected.append(self.poses[chunk].move(self.localizations.chunk(chunk)))
            self._before = nearest.build(np.concatenate(self._corrected))

    def registered(self) -> Registered:
        """Return the result."""
        n, d = self.localizations.n_chunks, self.n_axes
        offset, quality = np.full((n, d), np.nan), np.full(n, np.nan)
        matrix = np.full((n, d, d), np.nan)
        for chunk, pose in self.poses.items():
            offset[chunk], matrix[chunk] = pose.offset, pose.matrix
            quality[chunk] = self.fractions[chunk]
        chosen: dict[str, Any] = {}
        reaches = [reach for reach in self.reaches if math.isfinite(reach)]
        if self.options.max_distance is None and reaches:
            chosen["max_distance"] = float(np.median(reaches))
        if self.n_unconverged:
            chosen["n_unconverged"] = self.n_unconverged
        return Registered(
            offset=offset,
            quality=quality,
            valid=np.isfinite(quality),
            matrix=matrix if any(self.terms.values()) else None,
            offset_std=self.influence.offset_std(n),
            chosen=chosen,
            reason=_UNCLEAR if self.n_unclear else "",
        )

    def _sample(self, chunk: int) -> FloatArray:
        rows = self.localizations.rows(chunk)
        chosen = whole_frames(self.localizations.frames[rows], _SAMPLE)
        return nearest.build(self.localizations.positions[rows][chosen]).positions

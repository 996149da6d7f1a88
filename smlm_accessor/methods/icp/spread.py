"""How sure the poses of chunks are: how each would change if a place were left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours.closest_points import Match, Pair
from smlm_accessor.kernels.neighbours.left_out import Pulls, mean_of, nothing, of_after, of_inverse
from smlm_accessor.methods.api import ChunkedLocalizations


class How(NamedTuple):
    """What is asked for; see `smlm_accessor.methods.icp.method.icp`."""

    with_rotation: bool
    with_scaling: bool
    max_distance: float | None
    max_iterations: int
    tolerance: float
    threads: int | None
    progress: bool


class Spread:
    """How the poses of chunks would change without each place of the field.

    Parameters
    ----------
    localizations : ChunkedLocalizations
    usable : list of int
        Chunks that can be registered; the places are those of the first.
    """

    def __init__(self, localizations: ChunkedLocalizations, usable: list[int]) -> None:
        self.n_axes = len(localizations.components)
        self._counts = np.diff(localizations.bounds)
        self._left_out: dict[int, Pose] = {}
        if usable:
            self.blocks = make_field_blocks(localizations.chunk(usable[0]))
            self._left_out[usable[0]] = nothing(self.blocks.n, self.n_axes)

    def watched(
        self, register: Callable[..., Match | None], pair: Pair, start: Pose, there: Pose
    ) -> Match | None:
        """Register a pair, whose source lies in the field where ``there`` puts it."""
        pulls = Pulls(pair, self.blocks.of(there.move(pair.source)), self.blocks.n)
        match = register(pair, start, watch=pulls)
        return match and match._replace(left_out=pulls.left_out(match.pose))

    def add(self, chunk: int, reference: int | None, match: Match, poses: dict[int, Pose]) -> None:
        """Note what was found of a chunk.

        Parameters
        ----------
        chunk : int
        reference : int, optional
            What it was registered on; all chunks that are known if not given.
        match : Match
        poses : dict
            Of the chunks that are known.
        """
        assert match.left_out is not None
        if reference is not None:
            base, changes = poses[reference], self._left_out[reference]
        else:
            known = list(self._left_out)
            counts = [int(self._counts[k]) for k in known]
            base = Pose.identity(self.n_axes)
            changes = mean_of([self._left_out[k] for k in known], counts)
        self._left_out[chunk] = of_after(base, match.pose, changes, match.left_out)

    def offset_std(self, poses: dict[int, Pose], n_chunks: int) -> FloatArray:
        """Return the standard deviation of each offset, shape (n_chunks, d).

        But for a constant, which no method can know: the mean of all chunks is taken off each set
        of offsets. NaN of chunks without a pose, and of a single one.
        """
        std = np.full((n_chunks, self.n_axes), np.nan)
        known = list(poses)
        if len(known) < 2:
            return std
        moves = np.array([self._left_out[k].offset for k in known])
        moves -= moves.mean(axis=0)
        # The mean contains each chunk itself.
        std[known] = np.sqrt(np.sum(moves**2, axis=1) * len(known) / (len(known) - 1))
        return std


def halfway(pair: Pair, match: Match, back: Match) -> Match:
    """Return the mean of a source on a target and of the target on the source."""
    assert match.left_out is not None
    assert back.left_out is not None
    pose = pair.halfway(match.pose, back.pose.inverse())
    left_out = mean_of([match.left_out, of_inverse(back.pose, back.left_out)], [1, 1])
    return match._replace(pose=pose, left_out=left_out)

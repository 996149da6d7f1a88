"""How the poses of chunks would change without each field block: their standard errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.field.jackknife import squares_but_common
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours.block_influence import (
    BlockGradients,
    mean_influence,
    no_influence,
    on_composition,
)
from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap, Matching
from smlm_accessor.methods.api import ChunkedLocalizations


class Influence:
    """The influence of each field block on the poses of chunks.

    The field is that of the first chunk that is usable, which no block moves.
    """

    def __init__(self, localizations: ChunkedLocalizations, usable: list[int]) -> None:
        self.n_axes = len(localizations.components)
        self._counts = np.diff(localizations.bounds)
        self._of: dict[int, Pose] = {}
        if usable:
            self.blocks = make_field_blocks(localizations.chunk(usable[0]))
            self._of[usable[0]] = no_influence(self.blocks.n, self.n_axes)

    def gradients(self, pairs: ClosestPointMap, there: Pose) -> BlockGradients:
        """Return the map of pairs whose source lies in the field where ``there`` puts it."""
        return BlockGradients(pairs, self.blocks.of(there.move(pairs.source)), self.blocks.n)

    def add(
        self, chunk: int, reference: int | None, matching: Matching, poses: Mapping[int, Pose]
    ) -> None:
        """Note the influence on a chunk that is registered on a reference.

        If that is None, all chunks so far are the reference. Its own changes count, too.
        """
        assert matching.influence is not None
        if reference is None:
            base = Pose.identity(self.n_axes)
            on_base = mean_influence([*self._of.values()], [int(self._counts[k]) for k in self._of])
        else:
            base, on_base = poses[reference], self._of[reference]
        self._of[chunk] = on_composition(base, matching.pose, on_base, matching.influence)

    def offset_std(self, n_chunks: int) -> FloatArray:
        """Return the standard deviation of each offset, shape (n_chunks, d).

        It is the root of the sum of squared changes over the field blocks. A constant, which no
        method can know, does not count: the mean over all chunks is subtracted first. NaN of chunks
        that are not registered, of a single one, and where leaving blocks out changes nothing: of
        a single block, or along an axis without extent.
        """
        std = np.full((n_chunks, self.n_axes), np.nan)
        if len(self._of) > 1:
            changes = np.array([change.offset for change in self._of.values()])
            std[list(self._of)] = np.sqrt(squares_but_common(changes).sum(axis=1))
        return np.where(std > 0, std, np.nan)

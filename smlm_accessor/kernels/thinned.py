"""Localizations of a movie thinned out chunk by chunk, in a way that parts of a table agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.fixed_counts import NEVER, Hashes, low_hashes, lowest


@dataclass
class Thinned:
    """At most so many localizations of each chunk: those with the lowest hashes.

    Parameters
    ----------
    most : int
        Of each chunk.
    n_chunks : int
    parts : list
        Of chunk, hash, frame and position of localizations, some of which will have to go.
    limit : ndarray of uint64, shape (n_chunks,)
        Hashes above it are of no use any more.
    """

    most: int
    n_chunks: int
    parts: list[tuple[IntArray, Hashes, IntArray, FloatArray]]
    limit: Hashes

    @classmethod
    def nothing(cls, most: int, n_chunks: int) -> Thinned:
        """Return no localizations."""
        return cls(most, n_chunks, [], np.full(n_chunks, NEVER))

    def add(self, chunk: IntArray, frames: IntArray, positions: FloatArray) -> None:
        """Add localizations; those whose chunk is negative are left out."""
        use, hashes = low_hashes(positions, frames, chunk, self.limit)
        self.parts.append((chunk[use], hashes, frames[use], positions[use]))
        if sum(len(part[0]) for part in self.parts) > 2 * self.most * self.n_chunks + 2**18:
            self.parts = [self._kept()]

    def rows(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Return chunks, frames and positions, in the order of chunks and hashes."""
        chunk, _, frames, positions = self._kept()
        return chunk, frames, positions

    def _kept(self) -> tuple[IntArray, Hashes, IntArray, FloatArray]:
        if not self.parts:
            nothing = np.zeros(0, np.int64)
            return nothing, nothing.astype(np.uint64), nothing, np.zeros((0, 2))
        chunk, hashes, frames, positions = (
            np.concatenate([part[j] for part in self.parts]) for j in range(4)
        )
        order = np.lexsort((hashes, chunk))
        bounds = np.searchsorted(chunk[order], np.arange(self.n_chunks + 1))
        kept = []
        for k in range(self.n_chunks):
            rows = order[bounds[k] : bounds[k + 1]]
            rows = rows[lowest(hashes[rows], self.most)]
            if len(rows) >= self.most:
                self.limit[k] = hashes[rows].max()
            kept.append(rows)
        rows = np.concatenate(kept)
        return chunk[rows], hashes[rows], frames[rows], positions[rows]


def thinned_together(parts: Sequence[Thinned]) -> Thinned:
    """Return what is left of several parts of a table."""
    together = Thinned.nothing(parts[0].most, parts[0].n_chunks)
    together.parts = [one for part in parts for one in part.parts]
    together.parts = [together._kept()]
    return together

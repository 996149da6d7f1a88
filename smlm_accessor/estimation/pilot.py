"""Some rows of a few chunks, by which it is decided how all are counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.estimation.scan import in_blocks
from smlm_accessor.kernels.frames.order import in_order
from smlm_accessor.kernels.images.fixed_counts import count_chunks, thinned

# Rows, about, of each of the chunks by which pixels and smoothing are chosen.
_PILOT = 2**17


@dataclass(frozen=True)
class Rows:
    """Some rows: their chunks, frames and positions."""

    chunk: IntArray
    frames: IntArray
    positions: FloatArray

    def in_order(self) -> Rows:
        """Return the same in the order of chunks, and of what they hold."""
        order = in_order(self.frames, self.positions)
        order = order[np.argsort(self.chunk[order], kind="stable")]
        return Rows(self.chunk[order], self.frames[order], self.positions[order])


def pilot_chunks(n_chunks: int) -> list[int]:
    """Return which chunks are looked at first."""
    return list(dict.fromkeys(int(part * (n_chunks - 1)) for part in (0.5, 0.2, 0.8)))


def usable_in(part: pd.DataFrame) -> Iterator[tuple[IntArray, FloatArray]]:
    """Yield frames and positions of usable localizations, block by block."""
    for block in in_blocks(part):
        usable = block.usable
        yield block.frames[usable], block.positions[usable]


def pilot_rows(part: pd.DataFrame, edges: IntArray, n_rows: int) -> Rows:
    """Take some rows of a few chunks."""
    n_chunks = len(edges) - 1
    chunks = pilot_chunks(n_chunks)
    wanted = np.full(n_chunks + 1, -1)  # the last one for frames outside
    wanted[chunks] = np.arange(len(chunks))
    taken = []
    for frames, positions in usable_in(part):
        ignored = np.zeros((2, n_chunks), np.int64)
        chunk = wanted[count_chunks(frames, edges, *ignored)]
        rows = thinned(positions, frames, chunk, _PILOT * n_chunks / n_rows)
        taken.append(Rows(chunk[rows], frames[rows], positions[rows]))
    return rows_together(taken)


def rows_together(parts: Sequence[Rows]) -> Rows:
    """Put rows of several parts together."""
    return Rows(
        np.concatenate([part.chunk for part in parts]),
        np.concatenate([part.frames for part in parts]),
        np.concatenate([part.positions for part in parts]),
    )

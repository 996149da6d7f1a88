"""What is found out about all rows of a table before any of them is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.chunks import Chunks
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.table.localizations import Localizations, read_localizations

if TYPE_CHECKING:
    from smlm_accessor.kernels.field.squares import Squares

_BLOCK = 2**18  # rows that are copied at a time


@dataclass(frozen=True)
class Frames:
    """The frames that have usable localizations, increasing, and how many each has.

    Parameters
    ----------
    number, count : ndarray, shape (m,)
    n_rows : int
        Rows of the table, usable or not.
    """

    number: IntArray
    count: IntArray
    n_rows: int

    @classmethod
    def of(cls, frames: IntArray, n_rows: int | None = None) -> Frames:
        """Count frames in any order."""
        n_rows = len(frames) if n_rows is None else n_rows
        if not len(frames):
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), n_rows)
        first, last = int(frames.min()), int(frames.max())
        if last - first < 4 * len(frames) + 1_000_000:
            counts = np.bincount(frames - first)
            present = np.flatnonzero(counts)
            return cls(present + first, counts[present], n_rows)
        return cls(*np.unique(frames, return_counts=True), n_rows)

    @classmethod
    def added(cls, parts: Sequence[Frames]) -> Frames:
        """Add what was counted in several parts."""
        number, place = np.unique(np.concatenate([p.number for p in parts]), return_inverse=True)
        weights = np.concatenate([p.count for p in parts])
        count = np.bincount(place, weights, len(number)).astype(np.int64)
        return cls(number, count, sum(p.n_rows for p in parts))

    def require_enough(self) -> None:
        """Raise `TableError` if there is nothing to tell drift from."""
        if not len(self.number):
            raise TableError(
                f"None of the {self.n_rows} rows has coordinates."
                if self.n_rows
                else "This table has no rows. If it is a part of another one, no row of that was "
                "chosen: look at the condition."
            )
        if len(self.number) == 1:
            raise TableError(
                f"All localizations are in frame {self.number[0]}; drift needs more frames. If "
                "another column holds the frame numbers, say so: "
                "smlm_accessor.set_columns(table, frame='...')"
            )

    def per_chunk(self, cut: Chunks) -> tuple[IntArray, FloatArray]:
        """Return how many localizations each chunk has, and their mean frame.

        The mean frame of an empty chunk is its middle.
        """
        chunk = cut.assign(self.number)
        counts = np.bincount(chunk, self.count, cut.n_chunks)
        since = (self.number - cut.edges[0]).astype(np.float64)
        sums = np.bincount(chunk, self.count * since, cut.n_chunks)
        mean = sums / np.maximum(counts, 1) + cut.edges[0]
        mean = np.where(counts > 0, mean, (cut.start + cut.stop - 1) / 2)
        return counts.astype(np.int64), mean


@dataclass(frozen=True)
class Scan:
    """The frames of a table, how they follow each other, and where its localizations lie."""

    frames: Frames
    squares: Squares
    runs: Runs


def row_blocks(part: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield blocks of rows; of an empty table, one empty block."""
    for start in range(0, max(len(part), 1), _BLOCK):
        yield part.iloc[start : start + _BLOCK]


def in_blocks(part: pd.DataFrame) -> Iterator[Localizations]:
    """Yield the localizations of a table in blocks of rows."""
    return map(read_localizations, row_blocks(part))


def scan(part: pd.DataFrame) -> Scan:
    """Survey a part of a table."""
    from smlm_accessor.kernels.field import squares as lattice

    frames, runs, squares = [], [], lattice.count_squares(np.zeros((0, 2)))
    for block in in_blocks(part):
        usable = block.usable
        frames.append(Frames.of(block.frames[usable], len(block.frames)))
        runs.append(Runs.of(block.frames[usable], block.positions[usable]))
        squares = lattice.count_squares(block.positions[usable], squares)
    return Scan(Frames.added(frames), squares, Runs.joined(runs))


def scan_of_all(parts: Sequence[Scan]) -> Scan:
    """Add the surveys of all parts of a table."""
    from smlm_accessor.kernels.field import squares as lattice

    return Scan(
        Frames.added([p.frames for p in parts]),
        lattice.add_up([p.squares for p in parts]),
        Runs.joined([p.runs for p in parts]),
    )


def frames_in(part: pd.DataFrame) -> Frames:
    """Count the usable localizations of each frame in a part of a table."""
    counted = []
    for block in in_blocks(part):
        usable = block.usable
        counted.append(Frames.of(block.frames[usable], len(block.frames)))
    return Frames.added(counted)

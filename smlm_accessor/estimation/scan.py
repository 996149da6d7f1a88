"""What is found out about all rows of a table before any of them is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

if TYPE_CHECKING:
    from smlm_accessor.kernels.field.squares import Squares

_BLOCK = 2**18  # rows that are copied at a time


@dataclass(frozen=True)
class Scan:
    """The frames of a table, how they follow each other, and where its localizations lie."""

    timeline: Timeline
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

    timelines, runs, squares = [], [], lattice.count_squares(np.zeros((0, 2)))
    for block in in_blocks(part):
        usable = block.usable
        timelines.append(Timeline.of(block.frames[usable], n_rows=len(block.frames)))
        runs.append(Runs.of(block.frames[usable], block.positions[usable]))
        squares = lattice.count_squares(block.positions[usable], squares)
    return Scan(Timeline.joined(timelines), squares, Runs.joined(runs))


def scan_of_all(parts: Sequence[Scan]) -> Scan:
    """Add the surveys of all parts of a table."""
    from smlm_accessor.kernels.field import squares as lattice

    return Scan(
        Timeline.joined([p.timeline for p in parts]),
        lattice.add_up([p.squares for p in parts]),
        Runs.joined([p.runs for p in parts]),
    )


def timeline_of(part: pd.DataFrame) -> Timeline:
    """Count the usable localizations of each frame in a part of a table."""
    blocks = in_blocks(part)
    return Timeline.joined([Timeline.of(b.frames[b.usable], n_rows=len(b.frames)) for b in blocks])

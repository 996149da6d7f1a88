"""Which localizations are used: all, or of a large table a sample that is always the same.

A `Scan` is what is learnt of all rows: their frames, and how many lie in each square of the field.
By it a `Sampling` is chosen: all localizations in some squares, or in some runs of frames. Which
these are depends on the table alone: not on its rows' order, nor on how it is cut into parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import RowBlocks, Rows, Source, Step, source_of
from smlm_accessor.kernels.field.squares import SquareCounter, SquareIndex, Squares, add_up, corners
from smlm_accessor.kernels.frames.count import image_step
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.table.clock import FRAMES, Clock
from smlm_accessor.table.columns import selection, set_columns
from smlm_accessor.table.localizations import Localizations, read_in_blocks, read_localizations
from smlm_accessor.timeline import Timeline

# Localizations of the first sample, and by how much the next is larger, until drift is precise.
_FIRST, _LARGER = 250_000, 4
# Squares of the first sample, where the field has enough of them; more are narrower, and drift
# makes molecules cross their edges.
_SQUARES = 4
_FEWEST = 64  # squares of the field
_RUN = 64  # images that are used, or left out, together


@dataclass(frozen=True)
class Scan:
    """The frames of a table, how they follow each other, and where its localizations lie.

    ``spans`` are the first and the last frame of each of its parts, None of an empty one.
    """

    timeline: Timeline
    squares: Squares
    runs: Runs
    spans: tuple[tuple[int, int] | None, ...]

    @classmethod
    def joined(cls, parts: Sequence[Scan]) -> Scan:
        """Add what was learnt of several parts of a table."""
        return cls(
            Timeline.joined([part.timeline for part in parts]),
            add_up([part.squares for part in parts]),
            Runs.joined([part.runs for part in parts]),
            tuple(span for part in parts for span in part.spans),
        )


class Counting:
    """Adds up a `Scan`, block by block of a part of a table.

    The squares are no smaller than those of the ``level``, if that is given.
    """

    def __init__(self, level: int | None = None) -> None:
        self._timelines: list[Timeline] = []
        self._runs: list[Runs] = []
        self._squares = SquareCounter() if level is None else SquareCounter(level)

    def add(self, n_rows: int, block: Localizations) -> None:
        """Count a block of so many rows, of which these have coordinates."""
        self._timelines.append(Timeline.of(block.frames, n_rows=n_rows))
        if len(block.frames):
            ends = corners(block.positions)
            self._runs.append(Runs.of(block.frames, block.positions, ends))
            self._squares.add(block.positions, float(np.abs(ends[:, :2]).max()))

    def scan(self) -> Scan:
        """Return what was counted."""
        timeline, runs = Timeline.joined(self._timelines), Runs.joined(self._runs)
        frames = timeline.frames
        span = (int(frames[0]), int(frames[-1])) if len(frames) else None
        return Scan(timeline, self._squares.squares(), runs, (span,))


def scan(part: Rows) -> Scan:
    """Count the usable localizations of a part of a table in each frame, square and run."""
    counting = Counting()
    for n_rows, block in usable_blocks(part):
        counting.add(n_rows, block)
    return counting.scan()


def timeline_of(part: Rows) -> Timeline:
    """Count the usable localizations of each frame in a part of a table."""
    blocks = usable_blocks(part)
    return Timeline.joined([Timeline.of(block.frames, n_rows=n) for n, block in blocks])


def usable_blocks(part: Rows) -> Iterator[tuple[int, Localizations]]:
    """Yield the number of rows of each block, and those localizations that have coordinates."""
    for block in read_in_blocks(part):
        yield len(block.frames), block.take(block.usable)


@dataclass(frozen=True)
class Sampling:
    """What to take of a table: all, unless squares or runs of frames are given.

    ``squares`` are those of the field, in the order in which they are added; ``runs`` are the
    numbers of the runs of ``run_length`` frames that are taken, increasing.
    """

    squares: Squares | None = None
    runs: IntArray | None = None
    run_length: int = _RUN

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out."""
        return self.squares is None and self.runs is None

    def sizes(self) -> list[int]:
        """Return how many of the squares make samples of growing size; the last has all of them."""
        if self.squares is None:
            return [0]
        total = np.cumsum(self.squares.count)
        sizes, wanted = [], _FIRST
        while wanted < total[-1]:
            sizes.append(max(1, int(np.searchsorted(total, wanted, side="right"))))
            wanted *= _LARGER
        return [*(n for n in dict.fromkeys(sizes) if n < len(total)), len(total)]

    def stays_inside(self, block: Localizations, drift: FloatArray) -> BoolArray:
        """Tell which localizations are of emitters that are in their square at all times.

        Squares do not move with the sample. An emitter near an edge is in its square for a part of
        the time, and pulls the drift of this time towards the inside. All localizations count if
        the sample moves by more than half a square.

        Parameters
        ----------
        block : Localizations
            Their groups are ranks of squares.
        drift : ndarray, shape (n, d)
            At each of them, up to a constant.
        """
        assert self.squares is not None
        assert block.group is not None
        edge = 2.0**self.squares.level
        low, high = drift[:, :2].min(axis=0), drift[:, :2].max(axis=0)
        if (high - low > edge / 2).any():
            return np.ones(len(block.frames), dtype=np.bool_)
        corner = self.squares.number[block.group] * edge
        at_rest = block.positions[:, :2] - corner - drift[:, :2]
        return np.asarray(((at_rest >= -low) & (at_rest < edge - high)).all(axis=1))

    def record(self, used: int, n_squares: int, clock: Clock = FRAMES) -> dict[str, Any]:
        """Return what was used, as plain values."""
        if self.squares is not None:
            edge = 2.0**self.squares.level
            return {
                "of": "field", "squares": n_squares, "square_size": edge, "localizations": used
            }  # fmt: skip
        n = 0 if self.runs is None else len(self.runs)
        length = clock.values(self.run_length).item()
        return {"of": "time", "runs": n, f"{clock.plural}_per_run": length, "localizations": used}


def sample_field(scan: Scan, most: int) -> Sampling:
    """Take squares of the field that hold no more than so many localizations in all."""
    total = int(scan.squares.count.sum())
    if total <= most:
        return Sampling()
    fine = scan.squares.at_most(squares_of_sample(total, most))
    order = fine.order()
    order = order[fine.count[order] <= most]
    if not len(order):  # all of them in the finest squares there are
        order = np.argsort(fine.count, kind="stable")[:1]
    room = np.cumsum(fine.count[order]) <= most
    chosen = order[: max(1, int(room.sum()))]
    return Sampling(squares=Squares(fine.level, fine.number[chosen], fine.count[chosen]))


def squares_of_sample(total: float, most: int) -> int:
    """Return how many squares there are at most where so many localizations are used."""
    return max(_FEWEST, int(_SQUARES * total / min(most, _FIRST)))


def sample_time(scan: Scan, most: int) -> Sampling:
    """Take runs of frames that hold no more than so many localizations in all."""
    timeline = scan.timeline
    if int(timeline.counts.sum()) <= most:
        return Sampling()
    length = _RUN * image_step(timeline.frames)
    runs, at = np.unique(timeline.frames // length, return_inverse=True)
    count = np.bincount(at, timeline.counts)
    order = Squares(0, np.stack([runs, runs], axis=1), count.astype(np.int64)).order()
    n = max(2, int(np.searchsorted(np.cumsum(count[order]), most, side="right")))
    return Sampling(runs=np.sort(runs[order[:n]]), run_length=length)


@dataclass(frozen=True)
class Sample:
    """What was taken of a table, and how frames follow each other, if that was all.

    If squares were taken, the rank of the square of each localization is its group.
    """

    localizations: Localizations
    runs: Runs = field(default_factory=Runs)

    def first(
        self,
        n_squares: int,
        sampling: Sampling,
        drift_at: Callable[[IntArray], FloatArray] | None = None,
    ) -> Localizations:
        """Return the localizations in so many squares.

        If the drift is known about, ``drift_at`` of frames, only those of emitters that are in
        their square at all times.
        """
        rank = self.localizations.group
        if rank is None:
            return self.localizations
        some = self.localizations.take(rank < n_squares)
        if drift_at is not None:
            some = some.take(sampling.stays_inside(some, drift_at(some.frames)))
        return replace(some, group=None)

    @classmethod
    def joined(cls, parts: Sequence[Sample]) -> Sample:
        """Put what was taken of several parts of a table together."""
        together = Localizations.concat([part.localizations for part in parts])
        return cls(together, Runs.joined([part.runs for part in parts]))


def take_sample(part: Rows, sampling: Sampling) -> Sample:
    """Take what is wanted of a part of a table."""
    if sampling.takes_all:
        blocks = read_in_blocks(part) if isinstance(part, RowBlocks) else [read_localizations(part)]
        all_rows = Localizations.concat(list(blocks))
        usable = all_rows.take(all_rows.usable)
        return Sample(all_rows, Runs.of(usable.frames, usable.positions))
    taken = []
    index = None if sampling.squares is None else SquareIndex(sampling.squares)
    for block in read_in_blocks(part):
        if index is not None:
            taken.append(in_squares(block, index))
        else:
            assert sampling.runs is not None
            run = block.frames // sampling.run_length
            at = np.minimum(np.searchsorted(sampling.runs, run), len(sampling.runs) - 1)
            taken.append(block.take(block.finite & (sampling.runs[at] == run)))
    return Sample(Localizations.concat(taken))


def in_squares(block: Localizations, index: SquareIndex) -> Localizations:
    """Return the localizations in some squares, whose ranks are their groups."""
    rows, rank = index.rows(block.positions)
    found = replace(block.take(rows), group=rank)
    return found.take(found.usable)


def scanned(source: Source) -> Step[Scan]:
    """Go over all rows and learn where and when localizations are."""
    return source.reduce(scan, Scan.joined, only=selection(source.example), in_blocks=True)


def sampled(source: Source, sampling: Step[Sampling] | Sampling) -> Step[Sample]:
    """Go over all rows and take those that are wanted."""
    only = selection(source.example)
    return source.reduce(take_sample, Sample.joined, sampling, only=only, in_blocks=True)


def sample_at_most(
    source: Source, most: int, choose: Callable[[Scan, int], Sampling] = sample_field
) -> Step[Sample]:
    """Take no more than so many localizations; all, if there are no more."""
    if source.n_rows is not None and source.n_rows <= most:
        return sampled(source, Sampling())
    return sampled(source, source.call(choose, scanned(source), most))


def sample_in_memory(table: Any, most: int, *, progress: bool = False) -> pd.DataFrame:
    """Return a sample of the field of a table of dask as a table in memory.

    It has the columns frame (or time), x, y and if they are there z and uncertainties, all in the
    length unit of the table.
    """
    source = source_of(table)
    locs = source.result(sample_at_most(source, most), progress=progress).localizations
    when = locs.clock.name
    values = {
        when: locs.clock.values(locs.frames),
        **dict(zip(locs.components, locs.positions.T, strict=True)),
    }
    if locs.uncertainty is not None:
        names = [f"uncertainty_{component}" for component in locs.components]
        values |= dict(zip(names, locs.uncertainty.T, strict=True))
    named: dict[str, Any] = {name: name for name in values}
    duration = locs.columns.frame_duration
    return set_columns(
        pd.DataFrame(values), **named, unit=locs.length_unit, frame_duration=duration
    )

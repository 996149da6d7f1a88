"""Which localizations a method gets: all, or of a large table a sample that is always the same.

A sample holds all localizations in some squares of the field, or all in some runs of frames. Which
these are depends on the table alone: not on its rows' order, nor on how it is cut into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import BoolArray, IntArray
from smlm_accessor.estimation.scan import Scan, in_blocks
from smlm_accessor.kernels.field.squares import Squares, rank_in
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

#: Localizations that are tried first of a sample.
FIRST = 250_000
# Squares of that, where the field has enough of them; more are narrower, and drift makes molecules
# cross their edges.
_SQUARES = 4
_FEWEST = 64  # of the field
_RUN = 64  # frames


@dataclass(frozen=True)
class Sampling:
    """What to take of a table.

    Parameters
    ----------
    squares : Squares, optional
        Of the field, in the order in which they are added.
    runs : ndarray, optional
        Numbers of the runs of frames that are taken, increasing.
    """

    squares: Squares | None = None
    runs: IntArray | None = None

    @property
    def takes_all(self) -> bool:
        """Whether nothing is left out."""
        return self.squares is None and self.runs is None


@dataclass(frozen=True)
class Sample:
    """What was taken of a table.

    Parameters
    ----------
    localizations : Localizations
    rank : ndarray, shape (n,), optional
        Which of the squares each lies in.
    runs : Runs
        How frames follow each other, if all was taken.
    """

    localizations: Localizations
    rank: IntArray | None = None
    runs: Runs = field(default_factory=Runs)

    def first(self, n_squares: int) -> Localizations:
        """Return the localizations in so many squares."""
        if self.rank is None:
            return self.localizations
        return _rows(self.localizations, self.rank < n_squares)


def sample_field(scan: Scan, most: int) -> Sampling:
    """Take squares of the field that hold no more than so many localizations in all."""
    squares = scan.squares
    total = int(squares.count.sum())
    if total <= most:
        return Sampling()
    fine = squares.at_most(max(_FEWEST, int(_SQUARES * total / min(most, FIRST))))
    order = fine.order()
    order = order[fine.count[order] <= most]
    if not len(order):  # all of them in the finest squares there are
        order = np.argsort(fine.count, kind="stable")[:1]
    room = np.cumsum(fine.count[order]) <= most
    chosen = order[: max(1, int(room.sum()))]
    return Sampling(squares=Squares(fine.level, fine.number[chosen], fine.count[chosen]))


def sample_time(timeline: Timeline, most: int) -> Sampling:
    """Take runs of frames that hold no more than so many localizations in all."""
    if int(timeline.counts.sum()) <= most:
        return Sampling()
    runs, place = np.unique(timeline.frames // _RUN, return_inverse=True)
    count = np.bincount(place, timeline.counts)
    as_squares = Squares(0, np.stack([runs, runs], axis=1), count.astype(np.int64))
    order = as_squares.order()
    n = max(2, int(np.searchsorted(np.cumsum(count[order]), most, side="right")))
    return Sampling(runs=np.sort(runs[order[:n]]))


def take_sample(part: pd.DataFrame, sampling: Sampling) -> Sample:
    """Take what is wanted of a part of a table."""
    if sampling.takes_all:
        localizations = read_localizations(part)
        usable = localizations.usable
        runs = Runs.of(localizations.frames[usable], localizations.positions[usable])
        return Sample(localizations, runs=runs)
    taken = []
    for block in in_blocks(part):
        if sampling.squares is not None:
            rank = rank_in(block.positions, sampling.squares)
            rows = np.flatnonzero(rank >= 0)
            rows = rows[np.isfinite(block.positions[rows]).all(axis=1)]
            taken.append(Sample(_rows(block, rows), rank[rows]))
        else:
            assert sampling.runs is not None
            run = block.frames // _RUN
            at = np.minimum(np.searchsorted(sampling.runs, run), len(sampling.runs) - 1)
            taken.append(Sample(_rows(block, block.finite & (sampling.runs[at] == run))))
    return join_samples(taken)


def join_samples(parts: Sequence[Sample]) -> Sample:
    """Put what was taken of several parts of a table together."""
    first = parts[0].localizations
    if len(parts) == 1:
        return parts[0]
    several = [part.localizations for part in parts]
    ranks = [part.rank for part in parts if part.rank is not None]
    uncertainty = [one.uncertainty for one in several if one.uncertainty is not None]
    return Sample(
        replace(
            first,
            positions=np.concatenate([one.positions for one in several]),
            frames=np.concatenate([one.frames for one in several]),
            uncertainty=np.concatenate(uncertainty) if uncertainty else None,
        ),
        np.concatenate(ranks) if ranks else None,
        Runs.joined([part.runs for part in parts]),
    )


def described(sampling: Sampling, used: int, n_squares: int | None = None) -> dict[str, Any]:
    """Return what was used, as plain values."""
    if sampling.squares is not None:
        n = len(sampling.squares.count) if n_squares is None else n_squares
        edge = 2.0**sampling.squares.level
        return {"of": "field", "squares": n, "square_size": edge, "localizations": used}
    assert sampling.runs is not None
    return {"of": "time", "runs": len(sampling.runs), "frames_per_run": _RUN, "localizations": used}


def _rows(localizations: Localizations, wanted: BoolArray | IntArray) -> Localizations:
    uncertainty = localizations.uncertainty
    return replace(
        localizations,
        positions=localizations.positions[wanted],
        frames=localizations.frames[wanted],
        uncertainty=None if uncertainty is None else uncertainty[wanted],
    )

"""A sample of the field in the same pass in which all rows are counted.

Which squares are sampled is known only after all rows have been counted. But a few parts of the
table tell it nearly: squares are taken in an order that depends on nothing but their numbers, until
they are full. So a pass over all rows counts them, and takes what lies in the squares that come
first in this order, some more than needed. Afterwards the sample is chosen as ever. If all of it
was taken, there is no second pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import HandOver, Rows, Source, Step
from smlm_accessor.estimation.request import Request
from smlm_accessor.estimation.runner import Estimate, register
from smlm_accessor.estimation.sampling import (
    Counting,
    Sample,
    Sampling,
    Scan,
    in_squares,
    sample_field,
    scan,
    squares_of_sample,
    usable_blocks,
)
from smlm_accessor.kernels.field.squares import SquareIndex, Squares, rank_in
from smlm_accessor.table.columns import selection
from smlm_accessor.table.localizations import Localizations

# Localizations that are taken for each that is sampled. Of half a million rows in hundreds of
# squares, the sum over the squares of a sample is known to a percent, if the movie does not change.
_MORE = 1.15
# The part of all squares that an excerpt may not show: then larger ones could be sampled. Rows
# without coordinates make fewer of them, so smaller ones are taken if there are a little too many.
_UNSEEN, _TOO_MANY = 0.2, 0.05
# Squares about those that the excerpt shows, on each side: the sample moves.
_BESIDE = 2
# The most that is taken, in sizes of the sample: twice it and a little, with larger squares.
_TOO_MUCH = 3
_MOST = 2**18  # squares that are looked through; more lie about localizations that are far off


@dataclass(frozen=True)
class Foreseen:
    """What a sample needs, most likely, of all rows: what lies in squares; everything, if None.

    Squares that are smaller than those of the ``level`` are too many to be counted.
    """

    squares: Squares | None
    most: int
    level: int


@dataclass(frozen=True)
class Seen:
    """The scan of some rows, and what was taken of them; the group is the square it lies in.

    Nothing was ``taken`` if it was far more than foreseen.
    """

    scan: Scan
    taken: Localizations | None

    @classmethod
    def joined(cls, parts: Sequence[Seen], most: int) -> Seen:
        """Put what was seen of several parts of a table together."""
        taken = [part.taken for part in parts if part.taken is not None]
        fits = len(taken) == len(parts) and sum(len(t.frames) for t in taken) <= _TOO_MUCH * most
        together = Localizations.concat(taken) if fits else None
        return cls(Scan.joined([part.scan for part in parts]), together)

    def sample(self, sampling: Sampling, squares: Squares | None) -> Sample | None:
        """Return the sample, None if not all of it was taken."""
        wanted = sampling.squares
        if self.taken is None or not len(self.taken.frames):
            return None
        if squares is None:
            return Sample(self.taken, self.scan.runs) if wanted is None else None
        if wanted is None or wanted.level < squares.level:
            return None
        middle = np.asarray((squares.number + 0.5) * 2.0**squares.level, dtype=np.float64)
        rank = rank_in(middle, wanted)
        found = np.bincount(rank[rank >= 0], minlength=len(wanted.number))
        if (found < 4 ** (wanted.level - squares.level)).any():
            return None
        assert self.taken.group is not None
        group = rank[self.taken.group]
        return Sample(replace(self.taken, group=group).take(group >= 0))


def estimate_in_one_pass(source: Source, request: Request) -> Step[Estimate | Scan] | None:
    """Return the estimate from a sample of the field, or from all of a small table.

    The step gives the scan of all rows instead where that tells that another pass is needed. None
    if there are no parts small enough to look at first.
    """
    excerpt = source.excerpt()
    if excerpt is None:
        return None
    only, most = selection(source.example), request.max_localizations
    seen = excerpt.rows.reduce(scan, Scan.joined, only=only, in_blocks=True)
    plan = source.call(foreseen, seen, excerpt.part, most)
    joined = partial(Seen.joined, most=most)
    all_rows = source.reduce(scan_and_take, joined, plan, only=only, in_blocks=True)
    return source.call(_register, HandOver(all_rows), plan, request)


def foreseen(excerpt: Scan, part: float, most: int) -> Foreseen:
    """Foresee the sample by the scan of a part of all rows."""
    total = excerpt.squares.count.sum() / part
    if total <= most:
        return Foreseen(None, most, excerpt.squares.level)
    limit = squares_of_sample(total, most)
    fine = excerpt.squares.at_most(int((1 + _TOO_MANY) * limit))
    found = _first(fine, part, most)
    if len(fine.count) > (1 - _UNSEEN) * limit:
        larger = _first(fine.coarser(fine.level + 1), part, most)
        corners = [2 * larger + corner for corner in product((0, 1), repeat=2)]
        found = np.unique(np.concatenate([found, *corners]), axis=0)
    squares = Squares(fine.level, found, np.zeros(len(found), np.int64))
    return Foreseen(squares, most, excerpt.squares.level)


def _first(squares: Squares, part: float, most: int) -> IntArray:
    """Return the numbers of the squares that come first in the order, whether seen or not."""
    room, count = _MORE * most, squares.count / part
    order = squares.order()
    order = order[count[order] <= room]
    until = int(np.searchsorted(np.cumsum(count[order]), room))
    low, high = squares.number.min(axis=0) - _BESIDE, squares.number.max(axis=0) + _BESIDE + 1
    number = squares.number
    if np.prod((high - low).astype(np.float64)) <= _MOST:
        number = np.stack([axis.ravel() for axis in np.mgrid[low[0] : high[0], low[1] : high[1]]]).T
    every = Squares(squares.level, number, np.zeros(len(number), np.int64))
    if until < len(order):
        number = number[every.hashed() <= squares.hashed()[order[until]]]
    full = squares.number[count > room]
    is_full = (number[:, None] == full).all(axis=2).any(axis=1)
    return np.asarray(number[~is_full])


def scan_and_take(part: Rows, plan: Foreseen) -> Seen:
    """Scan a part of a table, and take what a sample needs, most likely."""
    counting, taken = Counting(plan.level), []
    index = None if plan.squares is None else SquareIndex(plan.squares)
    for n_rows, block in usable_blocks(part):
        counting.add(n_rows, block)
        taken.append(block if index is None else in_squares(block, index))
    return Seen.joined([Seen(counting.scan(), Localizations.concat(taken))], plan.most)


def _register(parcel: HandOver[Seen], plan: Foreseen, request: Request) -> Estimate | Scan:
    seen = parcel.take()
    scan = seen.scan
    sampling = sample_field(scan, request.max_localizations)
    sample = seen.sample(sampling, plan.squares)
    del seen  # the method needs the memory
    return scan if sample is None else register(HandOver(sample), sampling, scan, request)

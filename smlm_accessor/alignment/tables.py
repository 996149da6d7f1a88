"""The localizations of two tables, in one unit; of large tables, those in the same squares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.backends import is_partitioned, source_of
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.sampling import (
    Sampling,
    sample_field,
    sample_time,
    sampled,
    scanned,
)
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.kernels.images.grid import field_of
from smlm_accessor.kernels.neighbours.cluster_scale import cluster_scale
from smlm_accessor.kernels.neighbours.nena import contradiction, precision
from smlm_accessor.table.columns import factor_between, find_columns
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

#: Beads are looked for in so many localizations, in runs of frames all over the table: of each bead
#: thousands are left, and its place is known far better than two tables agree on it.
MOST_FOR_BEADS = 400_000


@dataclass(frozen=True)
class TablePair:
    """Two tables in the length unit of the moving one.

    Localizations are finite, in the order of frames, without outliers far from the field. The
    ``components`` are those that both have, and in which both have an extent. ``first``, ``last``
    and ``mean`` are frames of the moving table; ``sampled`` says that these are not all rows: then
    ``in_time``, in which beads are looked for, are those of both tables in runs of frames.
    """

    reference: Localizations
    moving: Localizations
    components: tuple[str, ...]
    first: int
    last: int
    mean: float
    sampled: bool
    in_time: tuple[Localizations, Localizations] | None = None

    def positions(self) -> tuple[FloatArray, FloatArray]:
        """Return those of the reference and of the moving table, shape (n, d) each."""
        d = len(self.components)
        one, other = (
            np.ascontiguousarray(locs.positions[:, :d]) for locs in (self.reference, self.moving)
        )
        return one, other

    def without(self, reference: BoolArray, moving: BoolArray) -> TablePair:
        """Return all but some localizations of each."""
        return replace(
            self, reference=self.reference.take(~reference), moving=self.moving.take(~moving)
        )

    def precision(self) -> FloatArray:
        """Return the usual precision of a localization along each component."""
        each = [_precision(locs)[: len(self.components)] for locs in (self.reference, self.moving)]
        return np.asarray(np.sqrt((each[0] ** 2 + each[1] ** 2) / 2))


def read_pair(reference: Any, moving: Any, most: int, *, progress: bool) -> TablePair:
    """Read both tables; if either has more than ``most`` localizations, in some squares only."""
    tables = {"reference": reference, "moving": moving}
    factor = factor_between(find_columns(reference), find_columns(moving))
    partitioned = [is_partitioned(table) for table in tables.values()]
    if not any(partitioned) and max(len(reference), len(moving)) <= most:
        read = {name: read_localizations(t, need_frames=False) for name, t in tables.items()}
        timeline = Timeline.of(read["moving"].frames[read["moving"].finite])
        in_time = None
    else:
        read, timeline, in_time = _sample(tables, most, factor, progress)
    for name, locs in read.items():
        if not locs.finite.any():
            raise TableError(f"The {name} table has no rows with coordinates: nothing to align.")
    read["reference"] = _scaled(read["reference"], factor)
    clean = {name: _clean(locs) for name, locs in read.items()}
    return TablePair(
        **clean,
        components=_components(clean["reference"], clean["moving"]),
        first=int(timeline.frames[0]),
        last=int(timeline.frames[-1]),
        mean=float(np.average(timeline.frames - timeline.frames[0], weights=timeline.counts))
        + float(timeline.frames[0]),
        sampled=in_time is not None,
        in_time=in_time,
    )


def _sample(
    tables: dict[str, pd.DataFrame], most: int, factor: float, progress: bool
) -> tuple[dict[str, Localizations], Timeline, tuple[Localizations, Localizations] | None]:
    sources = {name: source_of(table) for name, table in tables.items()}
    found = {name: s.result(scanned(s), progress=progress) for name, s in sources.items()}
    total = {name: int(one.squares.count.sum()) for name, one in found.items()}
    sampling = sample_field(found[max(total, key=lambda name: total[name])], most)
    if not sampling.takes_all and factor != 1.0:
        raise TableError(
            f"Tables of more than max_localizations={most} are sampled in the same squares of the "
            "field, so both have to be in the same unit: convert one of them, or give a larger "
            "max_localizations"
        )

    def taken(name: str, some: Sampling) -> Localizations:
        source = sources[name]
        return source.result(sampled(source, some), progress=progress).localizations

    read = {name: taken(name, sampling) for name in sources}
    timeline = found["moving"].timeline
    if sampling.takes_all:
        return read, timeline, None
    # Few beads may be in none of the squares, but they are in all runs of frames.
    in_time = [_clean(taken(name, sample_time(found[name], MOST_FOR_BEADS))) for name in tables]
    return read, timeline, (in_time[0], in_time[1])


def _scaled(locs: Localizations, factor: float) -> Localizations:
    if factor == 1.0:
        return locs
    uncertainty = None if locs.uncertainty is None else locs.uncertainty * factor
    return replace(locs, positions=locs.positions * factor, uncertainty=uncertainty)


def _clean(locs: Localizations) -> Localizations:
    """Return what lies in the field, in an order that is the same for any order of rows."""
    finite = locs.take(np.flatnonzero(locs.finite))
    lower, upper = field_of(finite.positions)
    inside = ((finite.positions >= lower) & (finite.positions <= upper)).all(axis=1)
    return finite.take(np.flatnonzero(inside)).sorted()


def _components(reference: Localizations, moving: Localizations) -> tuple[str, ...]:
    flat = [np.ptp(locs.positions, axis=0) == 0 for locs in (reference, moving)]
    both = [c for c in moving.components if c in reference.components]
    if len(both) == 3 and (flat[0][2] or flat[1][2]):
        both.pop()
    return tuple(both)


def _precision(locs: Localizations) -> FloatArray:
    known = locs.columns.when is not None
    uncertainty = locs.uncertainty
    frames = FrameCount.of(locs.frames, locs.positions).number(locs.frames)
    if known and uncertainty is not None:
        wrong = contradiction(locs.positions, frames, uncertainty) is not None
        uncertainty = None if wrong else uncertainty
    if known or uncertainty is not None:
        return precision(locs.positions, frames, uncertainty)
    # Nothing tells which were seen together: the smallest structures say something, too.
    order = np.random.default_rng(0).permutation(len(locs.positions))
    out = np.full(locs.positions.shape[1], np.nan)
    out[:2] = cluster_scale(locs.positions[order], np.arange(len(order)))
    return out

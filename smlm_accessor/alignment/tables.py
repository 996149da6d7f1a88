"""The localizations of two tables, in one unit; of large tables, those in the same squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

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
        tables, d = (self.reference, self.moving), len(self.components)
        each = [usual_precision(locs)[:d] for locs in tables]
        return np.asarray(np.sqrt((each[0] ** 2 + each[1] ** 2) / 2))


@dataclass(frozen=True)
class ReadTable:
    """What is read of one of several tables.

    Parameters
    ----------
    localizations : Localizations
        Finite, in the order of frames, without outliers far from the field.
    timeline : Timeline
        Of all rows.
    in_time : Localizations, optional
        Those in runs of frames, if ``localizations`` are only a sample of the field.
    """

    localizations: Localizations
    timeline: Timeline
    in_time: Localizations | None

    @property
    def mean_frame(self) -> float:
        """Mean frame of all rows."""
        frames = self.timeline.frames
        return float(np.average(frames - frames[0], weights=self.timeline.counts)) + float(
            frames[0]
        )


def read_pair(reference: Any, moving: Any, most: int, *, progress: bool) -> TablePair:
    """Read both tables; if either has more than ``most`` localizations, in some squares only."""
    tables = {"reference": reference, "moving": moving}
    read = read_tables(tables, most, unit_of="moving", progress=progress)
    moved, one = read["moving"], read["reference"]
    in_time = None
    if one.in_time is not None and moved.in_time is not None:
        in_time = one.in_time, moved.in_time
    return TablePair(
        *(one.localizations, moved.localizations),
        components=common_components([moved.localizations, one.localizations]),
        first=int(moved.timeline.frames[0]),
        last=int(moved.timeline.frames[-1]),
        mean=moved.mean_frame,
        sampled=in_time is not None,
        in_time=in_time,
    )


def read_tables(
    tables: Mapping[str, Any], most: int, *, unit_of: str, progress: bool
) -> dict[str, ReadTable]:
    """Read tables in the unit of one; if any has more than ``most`` rows, in the same squares."""
    columns = {name: find_columns(table) for name, table in tables.items()}
    factors = {name: factor_between(c, columns[unit_of]) for name, c in columns.items()}
    partitioned = [is_partitioned(table) for table in tables.values()]
    if not any(partitioned) and max(len(table) for table in tables.values()) <= most:
        read = {name: read_localizations(t, need_frames=False) for name, t in tables.items()}
        timelines = {name: Timeline.of(r.frames[r.finite]) for name, r in read.items()}
        in_time: dict[str, Localizations] = {}
    else:
        read, timelines, in_time = _sample(tables, most, set(factors.values()) == {1.0}, progress)
    for name, locs in read.items():
        if not locs.finite.any():
            raise TableError(f"The {name} table has no rows with coordinates: nothing to align.")
    return {
        name: ReadTable(_clean(_scaled(r, factors[name])), timelines[name], in_time.get(name))
        for name, r in read.items()
    }


def _sample(
    tables: Mapping[str, Any], most: int, one_unit: bool, progress: bool
) -> tuple[dict[str, Localizations], dict[str, Timeline], dict[str, Localizations]]:
    sources = {name: source_of(table) for name, table in tables.items()}
    found = {name: s.result(scanned(s), progress=progress) for name, s in sources.items()}
    total = {name: int(one.squares.count.sum()) for name, one in found.items()}
    sampling = sample_field(found[max(total, key=lambda name: total[name])], most)
    if not sampling.takes_all and not one_unit:
        raise TableError(
            f"Tables of more than max_localizations={most} are sampled in the same squares of the "
            "field, so all have to be in the same unit: convert some of them, or give a larger "
            "max_localizations"
        )

    def taken(name: str, some: Sampling) -> Localizations:
        source = sources[name]
        return source.result(sampled(source, some), progress=progress).localizations

    read = {name: taken(name, sampling) for name in sources}
    timelines = {name: one.timeline for name, one in found.items()}
    if sampling.takes_all:
        return read, timelines, {}
    # Few beads may be in none of the squares, but they are in all runs of frames.
    in_time = {n: _clean(taken(n, sample_time(found[n], MOST_FOR_BEADS))) for n in tables}
    return read, timelines, in_time


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


def common_components(tables: Sequence[Localizations]) -> tuple[str, ...]:
    """Return the components that all tables have; z only if all have an extent along it."""
    flat = any(np.ptp(t.positions, axis=0)[2] == 0 for t in tables if t.positions.shape[1] == 3)
    common = [c for c in tables[0].components if all(c in t.components for t in tables)]
    if len(common) == 3 and flat:
        common.pop()
    return tuple(common)


def usual_precision(locs: Localizations) -> FloatArray:
    """Return the usual precision of a localization along each component; NaN if unknown."""
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

"""Estimates from what a method sums up of all rows: see `smlm_accessor.methods.api.Reduction`.

Of a large table, all localizations in some of the frames are summed up, always the same frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import HandOver, Rows, Source, Step
from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.chunking import centered, is_small
from smlm_accessor.estimation.request import Request
from smlm_accessor.estimation.runner import Estimate, build, cut_into_chunks, run
from smlm_accessor.estimation.sampling import Scan, timeline_of, usable_blocks
from smlm_accessor.estimation.segments import require_one_movie
from smlm_accessor.kernels.frames.count import time_unit
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.kernels.images.fixed_counts import count_chunks, in_some_frames, thinned
from smlm_accessor.kernels.localizations import LocalizationArrays
from smlm_accessor.methods.api import ChunkedLocalizations, Reduced, Reduction
from smlm_accessor.table.columns import find_columns, selection
from smlm_accessor.table.localizations import (
    columns_of,
    known_range,
    read_frames,
    read_localizations,
    row_blocks,
    without_attrs,
)
from smlm_accessor.timeline import Timeline

# Rows, about, that are kept besides what is summed up, in all: 40 MB in 3D.
_KEPT = 1_000_000
# Frames of a chunk, about, at least; a shorter one is used as a whole.
_FRAMES = 32
# Rows, about, of each of the chunks by which it is planned what to sum up, and those in its middle
# among which they are chosen: hundreds of frames of a large table, which are soon read.
_TO_PLAN_BY, _LOOKED_THROUGH = 2**17, 2**20


def estimate_by_reduction(
    source: Source, request: Request, scan: Scan | None = None
) -> Step[Estimate]:
    """Return the estimate: rows are gone over once more where frames are not known beforehand.

    The scan is that of all rows, if there is one.
    """
    only = selection(source.example)
    columns = find_columns(source.example)
    n_rows = source.n_rows if scan is None else scan.timeline.n_rows
    assert n_rows is not None
    by_frames = set(request.rule) & {"frames_per_chunk", "chunk_duration", "chunks"}
    known = known_range(source, columns) if by_frames else None
    rows: Source = source
    edges: IntArray | Step[IntArray]
    if scan is not None:
        edges = _edges(scan.timeline, request)
        wanted = _to_plan_by(edges, n_rows)
        rows = source.parts([_in_one_of(span, wanted) for span in scan.spans])
    elif known is None:
        timeline = source.reduce(timeline_of, Timeline.joined, only=only, in_blocks=True)
        edges = source.call(_edges, timeline, request)
    else:
        ends = np.array([known[0], known[1]], dtype=np.int64)
        edges = _edges(Timeline.of(ends, n_rows=0), request)
        ranges = [columns.time_range(*some) for some in _to_plan_by(edges, n_rows)]
        rows = source.within(columns.when, ranges)
    some = rows.reduce(
        _rows_to_plan_by, LocalizationArrays.concat, edges, n_rows, only=only, in_blocks=True
    )
    plan = source.call(_planned, some, edges, n_rows, request)
    added = partial(_added, _reduction(request).combine)
    summed = source.reduce(_sum_up, added, plan, request, only=only, in_blocks=True)
    return source.call(_solve, HandOver(summed), plan, request, source.example.iloc[:0])


@dataclass(frozen=True)
class ReductionPlan:
    """Which rows are summed up, and how: what `Reduction.plan` gave is ``of_method``.

    ``part``, (n_chunks,), is the part of the frames of each chunk whose localizations are summed
    up, ``kept`` the part of these localizations that is kept.
    """

    edges: IntArray
    center: FloatArray
    of_method: Any
    part: FloatArray
    kept: float


@dataclass(frozen=True)
class SummedUp:
    """What some rows sum up to: ``by_method`` is what `Reduction.count` gave.

    ``numbers``, (3, n_chunks), are the localizations of each chunk, those of them that are summed
    up, and the sum of their frames since the chunk begins. Some of these are ``kept``, with their
    chunk as group. ``runs`` are how frames follow each other.
    """

    by_method: Any
    numbers: IntArray
    kept: LocalizationArrays
    runs: Runs


def _edges(timeline: Timeline, request: Request) -> IntArray:
    return cut_into_chunks(timeline, request)[0]


def _reduction(request: Request) -> Reduction[Any, Any]:
    assert request.entry.reduction is not None
    return request.entry.reduction


def _to_plan_by(edges: IntArray, n_rows: int) -> list[tuple[int, int]]:
    """Return the frames by which it is planned what to sum up: of a few chunks, or their middle."""
    n_chunks = len(edges) - 1
    chunks = dict.fromkeys(int(at * (n_chunks - 1)) for at in (0.5, 0.2, 0.8))
    left_out = (1 - min(1.0, _LOOKED_THROUGH * n_chunks / n_rows)) / 2 * np.diff(edges)
    beside = left_out.astype(np.int64)
    return [(int(edges[k] + beside[k]), int(edges[k + 1] - beside[k])) for k in chunks]


def _in_one_of(span: tuple[int, int] | None, ranges: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a span of frames has some in common with one of these ranges."""
    return span is not None and any(span[0] < stop and start <= span[1] for start, stop in ranges)


def _rows_to_plan_by(part: Rows, edges: IntArray, n_rows: int) -> LocalizationArrays:
    """Take some rows of a few chunks, which are numbered anew."""
    ranges = _to_plan_by(edges, n_rows)
    bounds = np.unique(ranges)
    number = np.full(len(bounds), -1)  # the last one for frames outside
    number[np.searchsorted(bounds, [start for start, _ in ranges])] = np.arange(len(ranges))
    share = _TO_PLAN_BY / min(n_rows / (len(edges) - 1), _LOOKED_THROUGH)
    taken = []
    for _, block in usable_blocks(part):
        unused = np.zeros((2, len(bounds) - 1), np.int64)
        chunk = number[count_chunks(block.frames, bounds, *unused)]
        some = LocalizationArrays(block.positions, block.frames, group=chunk)
        taken.append(some.take(thinned(some.positions, some.frames, chunk, share)))
    return LocalizationArrays.concat(taken)


def _planned(
    rows: LocalizationArrays, edges: IntArray, n_rows: int, request: Request
) -> ReductionPlan:
    if not len(rows.frames):
        raise TableError(
            "There are no localizations in the chunks that are looked at first; are they all in a "
            "small part of the frames? Say chunks=[...] so that most of them have some"
        )
    n_chunks = len(edges) - 1
    rows = rows.sorted()
    assert rows.group is not None
    order = np.argsort(rows.group, kind="stable")
    group, rows = rows.group[order], rows.take(order)
    positions, center = centered(rows.positions)
    bounds = np.searchsorted(group, np.arange(group[-1] + 2))
    largest = int(np.argmax(np.diff(bounds)))
    one = slice(bounds[largest], bounds[largest + 1])
    unit, _ = time_unit(rows.frames[one], positions[one])
    components = COMPONENTS[: positions.shape[1]]
    localizations = ChunkedLocalizations(positions, rows.frames, bounds, components)
    options = {k: v for k, v in request.options.items() if k not in ("threads", "progress")}
    of_method = _reduction(request).plan(localizations, n_chunks=n_chunks, **options)
    most = request.max_localizations
    part = np.clip(np.maximum(most / n_rows, _FRAMES * unit / np.diff(edges)), 0.0, 1.0)
    kept = min(1.0, min(_KEPT, most) / (n_rows * part.mean()))
    return ReductionPlan(edges, center, of_method, part, kept)


def _sum_up(table: Rows, plan: ReductionPlan, request: Request) -> SummedUp:
    """Sum up the rows of a part of a table, and keep some."""
    edges, reduction, clock = plan.edges, _reduction(request), request.counter.clock
    numbers = np.zeros((3, len(edges) - 1), np.int64)
    n, n_used, frame_sums = numbers
    kept, runs, by_method = [], [], None
    columns = columns_of(table)
    for block in row_blocks(without_attrs(table)):
        frames = read_frames(block, columns)
        if frames is None:
            localizations = read_localizations(block, columns=columns)
            usable = localizations.finite
            block, frames = block[usable], localizations.frames[usable]
        before = int(n.sum())
        runs.append(Runs.of(frames, None))
        rows = in_some_frames(frames, edges, plan.part, n)
        if n.sum() - before < len(frames):
            raise TableError(
                f"There are {clock.name}s outside {clock.bare(edges[0], edges[-1] - 1)}, which the "
                "files say are all; write them again"
            )
        positions = read_localizations(block.iloc[rows], columns=columns).positions - plan.center
        frames = frames[rows]
        chunk = count_chunks(frames, edges, n_used, frame_sums)
        some = LocalizationArrays(positions, frames, group=chunk)
        kept.append(some.take(thinned(positions, frames, chunk, plan.kept)))
        by_method = reduction.count(positions, chunk, plan.of_method, by_method)
    # Sorted here, part by part, and so nearly sorted where all are put together.
    return SummedUp(by_method, numbers, LocalizationArrays.concat(kept).sorted(), Runs.joined(runs))


def _added(combine: Callable[[Sequence[Any]], Any], parts: Sequence[SummedUp]) -> SummedUp:
    """Add what several parts of a table sum up to."""
    return SummedUp(
        combine([part.by_method for part in parts]),
        np.sum([part.numbers for part in parts], axis=0),
        LocalizationArrays.concat([part.kept for part in parts]),
        Runs.joined([part.runs for part in parts]),
    )


def _solve(
    parcel: HandOver[SummedUp], plan: ReductionPlan, request: Request, example: pd.DataFrame
) -> Estimate:
    """Register the chunks of what was summed up."""
    found, edges, k = parcel.take(), plan.edges, len(plan.edges) - 1
    if request.expects_one_movie:
        require_one_movie(found.runs, request.counter.clock)
    columns = find_columns(example)
    n, n_used, frame_sums = found.numbers
    small = is_small(n)
    rows = found.kept.sorted()
    if small.any():
        rows = rows.take(~small[rows.group])
    assert rows.group is not None
    localizations = ChunkedLocalizations(
        rows.positions,
        rows.frames,
        np.searchsorted(rows.group, np.arange(k + 1)),
        columns.components,
        edges=edges,
        center=plan.center,
        jumps=request.jumps,
    )
    reduced = Reduced(plan.of_method, found.by_method, np.where(small, 0, n_used))
    sample = {
        "max_localizations": request.max_localizations,
        "of": "frames",
        "frames": float(np.mean(plan.part)),
        "localizations": len(rows.frames),
    }
    middle = (edges[:-1] + edges[1:] - 1) / 2
    mean = np.where(n_used > 0, frame_sums / np.maximum(n_used, 1) + edges[:-1], middle)
    chosen = {**(request.rule or {"n_chunks": k}), "sample": sample}
    registered = run(localizations, request, reduced)
    return build(registered, localizations, edges, (n, mean), chosen, columns.length_unit, request)

"""Estimates from images of many rows: for methods whose summaries of parts of a table add up.

Images of a large table are made of all localizations in some of its frames, always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import Selection, Source
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.chunking import centered, is_small
from smlm_accessor.estimation.pilot import Rows, pilot_chunks, pilot_rows, rows_together
from smlm_accessor.estimation.request import Request
from smlm_accessor.estimation.runner import Estimate, build, cut_into_chunks, run
from smlm_accessor.estimation.scan import row_blocks, timeline_of
from smlm_accessor.estimation.segments import require_one_movie
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.kernels.images.fixed_counts import (
    STEPS,
    FixedImages,
    add_counts,
    count_chunks,
    in_some_frames,
    thinned,
)
from smlm_accessor.kernels.images.image_plan import CountedImages, ImagePlan
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.table.columns import find_columns
from smlm_accessor.table.localizations import read_frames, read_localizations
from smlm_accessor.timeline import Timeline

# Rows, about, that are kept besides the images, in all.
_KEPT = 1_000_000
# Frames of a chunk, about, at least; a shorter one is used as a whole.
_FRAMES = 32


def estimate_from_images(
    source: Source, request: Request, only: Selection, timeline: Timeline | None
) -> Any:
    """Return the estimate: rows are gone over once more where frames are not known beforehand."""
    label = find_columns(source.example).frame
    n_rows = source.n_rows if timeline is None else timeline.n_rows
    assert n_rows is not None
    known = source.range_of(label) if set(request.rule) & {"frames_per_chunk", "chunks"} else None
    rows: Source = source
    if timeline is not None:
        edges: Any = _edges(timeline, request)
    elif known is None:
        counted = source.reduce(timeline_of, Timeline.joined, only=only)
        edges = source.call(_edges, counted, request)
    else:
        edges = _edges(Timeline.of(np.array(known, dtype=np.int64)), request)
        wanted = pilot_chunks(len(edges) - 1)
        rows = source.within(label, [(int(edges[k]), int(edges[k + 1])) for k in wanted])
    pilot = rows.reduce(pilot_rows, rows_together, edges, n_rows, only=only)
    plan = source.call(_planned, pilot, edges, n_rows, request)
    counted = source.reduce(_count, _counted_together, plan, only=only)
    return source.call(_solve, [counted], plan, request, source.example.iloc[:0])


@dataclass(frozen=True)
class Plan:
    """What is to be counted.

    Parameters
    ----------
    edges : ndarray, shape (n_chunks + 1,)
        Of the chunks.
    center : ndarray, shape (d,)
    images : ImagePlan, optional
        None if the field has no extent.
    part : ndarray, shape (n_chunks,)
        Of the frames of each chunk whose localizations are counted.
    kept : float
        Part of these localizations that is kept.
    """

    edges: IntArray
    center: FloatArray
    images: ImagePlan | None
    part: FloatArray
    kept: float


@dataclass
class Counted:
    """What was counted in some rows.

    Parameters
    ----------
    images : ndarray of uint32, shape (m, *bins)
    chunk : ndarray, shape (m,)
        Whose images they are.
    counts : ndarray of int64, shape (n_chunks,)
        Localizations.
    counted, frame_sums : ndarray of int64, shape (n_chunks,)
        Localizations in images, and their frames since the chunk begins, summed.
    rows : Rows
        That are kept.
    runs : Runs
        How frames follow each other.
    """

    images: FixedImages
    chunk: IntArray
    counts: IntArray
    counted: IntArray
    frame_sums: IntArray
    rows: Rows
    runs: Runs


def _edges(timeline: Timeline, request: Request) -> IntArray:
    return cut_into_chunks(timeline, request)[0]


def _planned(pilot: Rows, edges: IntArray, n_rows: int, request: Request) -> Plan:
    if not len(pilot.frames):
        raise TableError(
            "There are no localizations in the chunks that are looked at first; are they all in a "
            "small part of the frames? Say chunks=[...] so that most of them have some"
        )
    rows = pilot.in_order()
    positions, center = centered(rows.positions)
    n_chunks = len(edges) - 1
    bounds = np.searchsorted(rows.chunk, np.arange(len(pilot_chunks(n_chunks)) + 1))
    components = ("x", "y", "z")[: positions.shape[1]]
    localizations = ChunkedLocalizations(positions, rows.frames, bounds, components)
    plan_images = request.entry.plan_images
    assert plan_images is not None
    options = {k: v for k, v in request.options.items() if k not in ("threads", "progress")}
    images = plan_images(localizations, n_chunks=n_chunks, **options)
    most = request.max_localizations
    part = np.clip(np.maximum(most / n_rows, _FRAMES / np.diff(edges)), 0.0, 1.0)
    return Plan(edges, center, images, part, min(1.0, min(_KEPT, most) / (n_rows * part.mean())))


def _count(table: pd.DataFrame, plan: Plan) -> Counted:
    """Count the rows of a part of a table, and keep some."""
    edges, k = plan.edges, len(plan.edges) - 1
    bins = (1, 1) if plan.images is None else plan.images.grid.bins
    images, slots = np.zeros((0, *bins), np.uint32), np.zeros(0, np.int64)
    counts, counted, sums, unused = np.zeros((4, k), np.int64)
    slot_of = np.full(k, -1)
    kept, runs = [], []
    for block in row_blocks(table):
        frames = read_frames(block)
        if frames is None:
            localizations = read_localizations(block)
            usable = localizations.finite
            block, frames = block[usable], localizations.frames[usable]
        before = int(counts.sum())
        runs.append(Runs.of(frames, None))
        chunk = count_chunks(frames, edges, counts, unused)
        if counts.sum() - before < len(frames):
            raise TableError(
                f"There are frames outside {edges[0]} to {edges[-1] - 1}, which the files "
                "say are all; write them again"
            )
        rows = in_some_frames(frames, chunk, plan.part)
        positions = read_localizations(block.iloc[rows]).positions - plan.center
        frames = frames[rows]
        chunk = count_chunks(frames, edges, counted, sums)
        rows = thinned(positions, frames, chunk, plan.kept)
        kept.append(Rows(chunk[rows], frames[rows], positions[rows]))
        if plan.images is None:
            continue
        there = np.bincount(chunk, minlength=k) > 0
        new = np.flatnonzero(there & (slot_of < 0))
        if len(new):
            slot_of[new] = len(slots) + np.arange(len(new))
            slots = np.append(slots, new)
            images = np.concatenate([images, np.zeros((len(new), *bins), np.uint32)])
        add_counts(positions, slot_of[chunk], plan.images.grid, images)
    kept_rows = rows_together(kept)
    return Counted(images, slots, counts, counted, sums, kept_rows, Runs.joined(runs))


def _counted_together(parts: Sequence[Counted]) -> Counted:
    if len(parts) == 1:
        return parts[0]
    chunk = np.unique(np.concatenate([part.chunk for part in parts]))
    images = np.zeros((len(chunk), *parts[0].images.shape[1:]), np.uint32)
    for part in parts:
        for image, place in zip(part.images, np.searchsorted(chunk, part.chunk), strict=True):
            images[place] += image
    return Counted(
        images,
        chunk,
        np.sum([part.counts for part in parts], axis=0),
        np.sum([part.counted for part in parts], axis=0),
        np.sum([part.frame_sums for part in parts], axis=0),
        rows_together([part.rows for part in parts]),
        Runs.joined([part.runs for part in parts]),
    )


def _solve(counted: list[Counted], plan: Plan, request: Request, example: pd.DataFrame) -> Estimate:
    """Register the chunks of what was counted, which is taken out of the list."""
    found, edges, k = counted.pop(), plan.edges, len(plan.edges) - 1
    if request.expects_one_movie:
        require_one_movie(found.runs)
    columns = find_columns(example)
    rows = found.rows.in_order()
    small = is_small(found.counts)
    keep = ~small[rows.chunk]
    localizations = ChunkedLocalizations(
        rows.positions[keep],
        rows.frames[keep],
        np.searchsorted(rows.chunk[keep], np.arange(k + 1)),
        columns.components,
        edges=edges,
        center=plan.center,
        jumps=request.jumps,
    )
    if plan.images is not None:
        images: npt.NDArray[np.float32] = np.zeros((k, *plan.images.grid.bins), np.float32)
        for one, of in zip(found.images, found.chunk, strict=True):
            if not small[of]:
                images[of] = one * np.float32(1 / STEPS**2)
        counts = np.where(small, 0, found.counted)
        localizations = replace(localizations, counted=CountedImages(plan.images, images, counts))
    chosen = request.rule or {"n_chunks": k}
    n = found.counted
    sample = {
        "of": "frames",
        "frames": float(np.mean(plan.part)),
        "localizations": len(localizations.frames),
    }
    mean = found.frame_sums / np.maximum(n, 1) + edges[:-1]
    mean = np.where(n > 0, mean, (edges[:-1] + edges[1:] - 1) / 2)
    return build(
        run(localizations, request),
        localizations,
        edges,
        (found.counts, mean),
        {**chosen, "sample": {"max_localizations": request.max_localizations, **sample}},
        columns.length_unit,
        request,
    )

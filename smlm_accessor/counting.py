"""Estimates from images of all rows: for methods whose summaries of parts of a table add up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.blocks import Selection, Source
from smlm_accessor.chunking import Chunks
from smlm_accessor.columns import find_columns
from smlm_accessor.errors import TableError
from smlm_accessor.kernels.fixed_counts import STEPS, FixedImages, add_counts
from smlm_accessor.kernels.thinned import Thinned, thinned_together
from smlm_accessor.methods._registry import ChunkedPoints, CountedImages, ImagePlan
from smlm_accessor.points import centered, is_small
from smlm_accessor.registration import Estimate, build, cut_into_chunks, run
from smlm_accessor.request import Request
from smlm_accessor.survey import Frames, frames_in, in_blocks

# Rows of each of the chunks by which pixels and smoothing are chosen.
_PILOT = 2**17
# Rows that are kept besides the images, in all.
_KEPT = 2_000_000
_FEWEST_KEPT = 1000


def estimate_from_images(source: Source, request: Request, only: Selection) -> Any:
    """Return the estimate: rows are gone over once more where frames are not known beforehand."""
    label = find_columns(source.example).frame
    known = source.range_of(label) if set(request.rule) & {"frames_per_chunk", "chunks"} else None
    rows: Source = source
    if known is None:
        frames = source.reduce(frames_in, Frames.added, only=only)
        cut = source.call(_cut, frames, request)
    else:
        ends = np.array([known[0], known[1]], dtype=np.int64)
        cut = _cut(Frames(ends, np.ones(2, dtype=np.int64), 0), request)
        wanted = _pilot_chunks(cut.n_chunks)
        rows = source.within(label, [(int(cut.start[k]), int(cut.stop[k])) for k in wanted])
    pilot = rows.reduce(_pilot, thinned_together, cut, only=only)
    plan = source.call(_planned, pilot, cut, request)
    most = max(_FEWEST_KEPT, min(_KEPT, request.max_localizations))
    counted = source.reduce(_count, _counted_together, plan, most, only=only)
    return source.call(_solve, [counted], plan, request, source.example.iloc[:0])


@dataclass(frozen=True)
class Plan:
    """What is to be counted.

    Parameters
    ----------
    cut : Chunks
    center : ndarray, shape (d,)
    images : ImagePlan, optional
        None if the field has no extent.
    """

    cut: Chunks
    center: FloatArray
    images: ImagePlan | None


@dataclass
class Counted:
    """What was counted in some rows.

    Parameters
    ----------
    images : ndarray of uint32, shape (m, *bins)
    chunk : ndarray, shape (m,)
        Whose images they are.
    counts, frame_sums : ndarray of int64, shape (n_chunks,)
        Localizations, and their frames since the chunk begins, summed.
    rows : Thinned
    """

    images: FixedImages
    chunk: IntArray
    counts: IntArray
    frame_sums: IntArray
    rows: Thinned


def _cut(frames: Frames, request: Request) -> Chunks:
    return cut_into_chunks(frames, request)[0]


def _pilot_chunks(n_chunks: int) -> list[int]:
    return list(dict.fromkeys(int(part * (n_chunks - 1)) for part in (0.5, 0.2, 0.8)))


def _usable(part: pd.DataFrame) -> Iterator[tuple[IntArray, FloatArray]]:
    for block in in_blocks(part):
        usable = block.usable
        yield block.frames[usable], block.positions[usable]


def _pilot(part: pd.DataFrame, cut: Chunks) -> Thinned:
    """Take some rows of a few chunks."""
    wanted = np.full(cut.n_chunks, -1)
    chunks = _pilot_chunks(cut.n_chunks)
    wanted[chunks] = np.arange(len(chunks))
    found = Thinned.nothing(_PILOT, len(chunks))
    for frames, positions in _usable(part):
        inside = (frames >= cut.edges[0]) & (frames < cut.edges[-1])
        chunk = np.where(inside, wanted[cut.assign(frames) % cut.n_chunks], -1)
        found.add(chunk, frames, positions)
    return found


def _planned(pilot: Thinned, cut: Chunks, request: Request) -> Plan:
    chunk, frames, positions = pilot.rows()
    if not len(frames):
        raise TableError(
            "There are no localizations in the chunks that are looked at first; are they all in a "
            "small part of the frames? Say chunks=[...] so that most of them have some"
        )
    positions, center = centered(positions)
    bounds = np.searchsorted(chunk, np.arange(pilot.n_chunks + 1))
    components = ("x", "y", "z")[: positions.shape[1]]
    points = ChunkedPoints(positions, frames, bounds, components)
    plan_images = request.entry.plan_images
    assert plan_images is not None
    options = {k: v for k, v in request.options.items() if k not in ("threads", "progress")}
    return Plan(cut, center, plan_images(points, n_chunks=cut.n_chunks, **options))


def _count(part: pd.DataFrame, plan: Plan, most: int) -> Counted:
    """Count the rows of a part of a table, and keep some."""
    cut, k = plan.cut, plan.cut.n_chunks
    bins = (1, 1) if plan.images is None else plan.images.grid.bins
    found = Counted(
        np.zeros((0, *bins), np.uint32),
        np.zeros(0, np.int64),
        np.zeros(k, np.int64),
        np.zeros(k, np.int64),
        Thinned.nothing(-(-most // k), k),
    )
    slot_of = np.full(k, -1)
    for frames, positions in _usable(part):
        if len(frames) and not (cut.edges[0] <= frames.min() and frames.max() < cut.edges[-1]):
            raise TableError(
                f"There are frames outside {cut.edges[0]} to {cut.edges[-1] - 1}, which the files "
                "say are all; write them again"
            )
        positions -= plan.center
        chunk = cut.assign(frames)
        counts = np.bincount(chunk, minlength=k)
        found.counts += counts
        since = np.bincount(chunk, frames - cut.start[chunk], minlength=k)
        found.frame_sums += since.astype(np.int64)
        found.rows.add(chunk, frames, positions)
        if plan.images is None:
            continue
        new = np.flatnonzero((counts > 0) & (slot_of < 0))
        if len(new):
            slot_of[new] = len(found.chunk) + np.arange(len(new))
            found.chunk = np.append(found.chunk, new)
            more = np.zeros((len(new), *bins), np.uint32)
            found.images = np.concatenate([found.images, more])
        add_counts(positions, slot_of[chunk], plan.images.grid, found.images)
    return found


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
        np.sum([part.frame_sums for part in parts], axis=0),
        thinned_together([part.rows for part in parts]),
    )


def _solve(counted: list[Counted], plan: Plan, request: Request, example: pd.DataFrame) -> Estimate:
    """Register the chunks of what was counted, which is taken out of the list."""
    found, cut, k = counted.pop(), plan.cut, plan.cut.n_chunks
    columns = find_columns(example)
    chunk, frames, positions = found.rows.rows()
    small = is_small(found.counts)
    keep = ~small[chunk]
    points = ChunkedPoints(
        positions[keep],
        frames[keep],
        np.searchsorted(chunk[keep], np.arange(k + 1)),
        columns.components,
        edges=cut.edges,
        center=plan.center,
    )
    if plan.images is not None:
        images: npt.NDArray[np.float32] = np.zeros((k, *plan.images.grid.bins), np.float32)
        for one, of in zip(found.images, found.chunk, strict=True):
            if not small[of]:
                images[of] = one * np.float32(1 / STEPS**2)
        counts = np.where(small, 0, found.counts)
        points = replace(points, counted=CountedImages(plan.images, images, counts))
    chosen = request.rule or {"n_chunks": k}
    n = found.counts
    sample = {"of": "rows", "localizations": len(points.frames), "images_of": int(n.sum())}
    mean = found.frame_sums / np.maximum(n, 1) + cut.start
    mean = np.where(n > 0, mean, (cut.start + cut.stop - 1) / 2)
    return build(
        run(points, request),
        points,
        cut,
        (n, mean),
        {**chosen, "sample": {"max_localizations": request.max_localizations, **sample}},
        columns.length_unit,
        request,
    )

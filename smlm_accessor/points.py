"""Localizations in the order of frames, cut into chunks: what methods take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.chunking import Chunks
from smlm_accessor.errors import TableError
from smlm_accessor.methods._registry import ChunkedPoints
from smlm_accessor.table import Localizations

# A chunk with fewer localizations than both counts as empty: this number, and this part of what
# chunks usually have.
_FEW = 50
_FEW_OF_USUAL = 0.05


def frame_counts(localizations: Localizations) -> tuple[IntArray, IntArray]:
    """Return the frames that have usable localizations, increasing, and how many each has."""
    frames = localizations.frames[localizations.finite]
    if not len(frames):
        rows = len(localizations.frames)
        raise TableError(
            "This table has no rows." if not rows else f"None of the {rows} rows has coordinates."
        )
    first, last = int(frames.min()), int(frames.max())
    if first == last:
        raise TableError(
            f"All localizations are in frame {first}; drift needs more frames. If another column "
            "holds the frame numbers, say so: smlm_accessor.set_columns(table, frame='...')"
        )
    if last - first < 4 * len(frames) + 1_000_000:
        counts = np.bincount(frames - first)
        present = np.flatnonzero(counts)
        return present + first, counts[present]
    return np.unique(frames, return_counts=True)


def chunked(localizations: Localizations, cut: Chunks) -> ChunkedPoints:
    """Return the usable localizations ordered by frame, about their centre."""
    frames, positions = localizations.frames, localizations.positions
    uncertainty = localizations.uncertainty
    usable = localizations.finite
    rows: IntArray | None = None if usable.all() else np.flatnonzero(usable)
    some = frames if rows is None else frames[rows]
    if (some[1:] < some[:-1]).any():
        order = np.argsort(some, kind="stable")
        rows = order if rows is None else rows[order]
    if rows is not None:
        frames, positions = frames[rows], positions[rows]
        uncertainty = None if uncertainty is None else uncertainty[rows]
    center = _center(positions)
    return ChunkedPoints(
        positions=positions - center,
        frames=frames,
        bounds=np.searchsorted(frames, cut.edges),
        components=localizations.components,
        uncertainty=uncertainty,
        edges=cut.edges,
        center=center,
    )


def recut(points: ChunkedPoints, cut: Chunks) -> ChunkedPoints:
    """Return the same localizations in other chunks."""
    return replace(points, bounds=np.searchsorted(points.frames, cut.edges), edges=cut.edges)


def _center(positions: FloatArray) -> FloatArray:
    """Return the mean, rounded to a millionth of the extent.

    So the last digits of the coordinates that a method gets, and with them which one of several
    equally good answers it finds, do not depend on the order of the rows.
    """
    extent = float(np.ptp(positions, axis=0).max())
    if extent == 0:
        return np.asarray(positions[0])
    step = 2.0 ** np.floor(np.log2(extent) - 20)
    return np.asarray(np.round(positions.mean(axis=0) / step) * step)


def without_small_chunks(points: ChunkedPoints) -> ChunkedPoints:
    """Empty the chunks that are tiny beside the others.

    What is left over at an end of a movie would be registered badly; as the target it would spoil
    all the others.
    """
    counts = np.diff(points.bounds)
    small = counts < min(_FEW, _FEW_OF_USUAL * float(np.median(counts[counts > 0])))
    keep = np.repeat(~small, counts)
    if keep.all():
        return points
    return replace(
        points,
        positions=points.positions[keep],
        frames=points.frames[keep],
        bounds=np.concatenate([[0], np.cumsum(np.where(small, 0, counts))]),
        uncertainty=None if points.uncertainty is None else points.uncertainty[keep],
    )


def mean_frames(points: ChunkedPoints, cut: Chunks) -> FloatArray:
    """Return the mean frame of each chunk; of an empty one, its middle."""
    sums = np.diff(np.concatenate([[0.0], np.cumsum(points.frames - cut.edges[0])])[points.bounds])
    counts = np.diff(points.bounds)
    mean = sums / np.maximum(counts, 1) + cut.edges[0]
    return np.where(counts > 0, mean, (cut.start + cut.stop - 1) / 2)

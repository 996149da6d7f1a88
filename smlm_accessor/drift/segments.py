"""Segments: runs of frames between jumps, within which drift is continuous.

A Dataset of transformations says by its coordinate ``segment`` which one each chunk is in: 0 in
the beginning, and another number from every chunk on with which a new segment begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import BoolArray, IntArray
from smlm_accessor.drift.times import counted
from smlm_accessor.errors import OptionError
from smlm_accessor.table.clock import FRAMES, Clock


def segments_of(dataset: xr.Dataset) -> IntArray:
    """Return the segment of each chunk; all 0 if the Dataset does not tell."""
    if "segment" in dataset.coords:
        return np.asarray(dataset["segment"].values, dtype=np.int64)
    return np.zeros(dataset.sizes["chunk"], dtype=np.int64)


def jump_frames(dataset: xr.Dataset) -> IntArray:
    """Return the first frame of each segment but the first, as a count of the drift's clock."""
    dataset = counted(dataset)
    number = segments_of(dataset)
    begins = np.flatnonzero(np.diff(number) != 0) + 1
    return np.asarray(dataset["frame_start"].values[begins], dtype=np.int64)


def segment_numbers(frames: npt.ArrayLike, at: npt.ArrayLike) -> IntArray:
    """Return the segment that each frame is in; segments but the first begin ``at`` these."""
    return np.searchsorted(np.asarray(at), np.asarray(frames), side="right").astype(np.int64)


def with_segments(dataset: xr.Dataset, at: npt.ArrayLike) -> xr.Dataset:
    """Return a Dataset whose chunks are in the segments that begin at these frames.

    A jump within a chunk is at its nearer end.
    """
    start = dataset["frame_start"].values
    edges = np.append(start, dataset["frame_stop"].values[-1:])
    nearest = [edges[np.argmin(np.abs(edges - frame))] for frame in np.atleast_1d(at)]
    segment = segment_numbers(start, np.unique(nearest))
    return dataset.assign_coords(segment=("chunk", segment - segment[0]))


def chunks_by_segment(
    dataset: xr.Dataset, usable: BoolArray
) -> Iterator[tuple[IntArray, float, float]]:
    """Yield what to interpolate within each segment: chunks, first frame, and first frame after it.

    The chunks are the usable ones of the segment; of one that has none, those next to it on both
    sides. Both ends of all are infinite.
    """
    of_chunk, at = segments_of(dataset), jump_frames(dataset)
    names = np.concatenate([of_chunk[:1], of_chunk[1:][np.diff(of_chunk) != 0]])
    ends = np.concatenate([[-np.inf], at, [np.inf]])
    known = np.flatnonzero(usable)
    for name, first, stop in zip(names, ends[:-1], ends[1:], strict=True):
        inside = np.flatnonzero(usable & (of_chunk == name))
        if not len(inside):
            place = int(np.searchsorted(known, np.flatnonzero(of_chunk == name)[0]))
            inside = known[max(place - 1, 0) : place + 1]
        yield inside, float(first), float(stop)


def checked_jumps(value: Any, clock: Clock = FRAMES) -> IntArray:
    """Return the counts at which segments begin, in order, of frames or times the user gave.

    Examples
    --------
    >>> checked_jumps([5000, 2000])
    array([2000, 5000])
    """
    given = np.atleast_1d(np.asarray(value))
    whole = given.ndim == 1 and given.dtype.kind in "iuf" and np.isfinite(given).all()
    if len(given) == 0:
        return np.empty(0, dtype=np.int64)
    if not whole or (not clock.is_time and (given % 1 != 0).any()):
        what = "times in seconds" if clock.is_time else "frames"
        raise OptionError(
            f"segments={value!r} must be the {what} with which segments begin, such as "
            "segments=[2000, 5000]"
        )
    return np.unique(clock.counts(given))

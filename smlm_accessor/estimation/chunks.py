"""The rules by which users cut the frames into chunks."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import OptionError
from smlm_accessor.options import count
from smlm_accessor.table.clock import FRAMES, Clock
from smlm_accessor.timeline import MOST_FRAMES, Timeline

DEFAULT_N_CHUNKS = 10


def chunk_edges(
    timeline: Timeline,
    *,
    chunk_size: int | None = None,
    n_chunks: int | None = None,
    frames_per_chunk: int | None = None,
    chunks: npt.ArrayLike | None = None,
    jumps: IntArray | None = None,
    clock: Clock = FRAMES,
) -> IntArray:
    """Return the edges of chunks by exactly one rule; of ten chunks if none is given.

    Chunk ``k`` holds the frames ``edges[k] <= frame < edges[k + 1]``. All localizations of a frame
    are in one chunk, since drift is a function of the frame. For the rules see
    ``table.smlm.drift``: cuts are at the frame nearest to each multiple of ``chunk_size``;
    ``n_chunks`` have as equal numbers of localizations as whole frames allow; ``frames_per_chunk``
    are counted from the first frame. The last chunk takes what is left. No chunk reaches over a
    jump, and the rule holds within each segment. Frames are counts of the ``clock``.

    Examples
    --------
    >>> chunk_edges(Timeline.of(np.repeat(np.arange(6), 10)), n_chunks=3)
    array([0, 2, 4, 6])
    """
    jumps = timeline.jumps if jumps is None else jumps
    rules = {
        "chunk_size": chunk_size,
        "n_chunks": n_chunks,
        "frames_per_chunk": frames_per_chunk,
        "chunks": chunks,
    }
    given = [name for name, value in rules.items() if value is not None]
    if len(given) > 1:
        raise OptionError(f"give only one of {', '.join(rules)}; you gave {', '.join(given)}")
    if chunks is not None:
        edges = _explicit_edges(chunks, timeline.frames, clock)
        _require_among(edges, jumps, clock)
        return edges
    timeline = timeline.with_jumps(jumps)
    cuts = np.flatnonzero(np.diff(timeline.segment)) + 1
    parts = list(zip(np.split(timeline.frames, cuts), np.split(timeline.counts, cuts), strict=True))
    if chunk_size is not None:
        size = count("chunk_size", chunk_size, least=1)
        starts = [_starts_by_size(f, c, size) for f, c in parts]
    elif frames_per_chunk is not None:
        length = count("frames_per_chunk", frames_per_chunk, least=1)
        if timeline.stop - timeline.frames[0] > MOST_FRAMES * length:
            raise OptionError(
                f"chunks of {clock.values(length)} {clock.plural} would be more than "
                f"{MOST_FRAMES:.0e}; ask for larger ones"
            )
        starts = [np.arange(f[0], f[-1] + 1, length) for f, _ in parts]
    else:
        wanted = max(min(DEFAULT_N_CHUNKS, len(timeline.frames)), len(parts))
        wanted = wanted if n_chunks is None else count("n_chunks", n_chunks, least=1)
        numbers = _shared_out(parts, wanted)
        starts = [_starts_by_number(f, c, n) for (f, c), n in zip(parts, numbers, strict=True)]
    return np.append(np.concatenate(starts), timeline.stop)


def _shared_out(parts: Sequence[tuple[IntArray, IntArray]], number: int) -> IntArray:
    """Return how many chunks each segment gets: one, and in turn where chunks would be largest."""
    if number < len(parts):
        raise OptionError(
            f"n_chunks={number} but there are {len(parts)} segments, and no chunk reaches over "
            f"two; ask for at least n_chunks={len(parts)}"
        )
    available = np.array([len(f) for f, _ in parts])
    if number > available.sum():
        raise OptionError(
            f"n_chunks={number} but only {available.sum()} frames have localizations; "
            f"ask for at most n_chunks={available.sum()}"
        )
    size = np.array([c.sum() for _, c in parts], dtype=np.float64)
    shares = np.ones(len(parts), dtype=np.int64)
    for _ in range(number - len(parts)):
        shares[np.argmax(np.where(shares < available, size / shares, -1.0))] += 1
    return shares


def _require_among(edges: IntArray, jumps: IntArray, clock: Clock) -> None:
    inside = jumps[(jumps > edges[0]) & (jumps < edges[-1])]
    missing = inside[~np.isin(inside, edges)]
    if len(missing):
        at = int(np.searchsorted(edges, missing[0]))
        raise OptionError(
            f"a segment begins with {clock.said(missing[0])}, but the chunk of "
            f"{clock.span(edges[at - 1], edges[at])} reaches over it; put "
            f"{clock.values(missing[0])} among the edges of chunks"
        )


def _nearest_cuts(counts: IntArray, wanted: FloatArray | IntArray) -> IntArray:
    """Return before which frames there are most nearly so many localizations."""
    before = np.concatenate([[0], np.cumsum(counts)])
    cuts = np.clip(np.searchsorted(before, wanted), 1, len(counts))
    return np.asarray(cuts - (wanted - before[cuts - 1] < before[cuts] - wanted))


def _starts_by_size(frames: IntArray, counts: IntArray, size: int) -> IntArray:
    cuts = np.unique(_nearest_cuts(counts, np.arange(size, counts.sum(), size)))
    return np.append(frames[0], frames[cuts[(cuts > 0) & (cuts < len(frames))]])


def _starts_by_number(frames: IntArray, counts: IntArray, number: int) -> IntArray:
    index = np.arange(1, number)
    cuts = _nearest_cuts(counts, counts.sum() * index / number)
    # Every chunk keeps at least one frame, also where one frame holds most localizations.
    cuts = np.maximum.accumulate(np.maximum(cuts, index) - index) + index
    return np.append(frames[0], frames[np.minimum(cuts, len(frames) - number + index)])


def _explicit_edges(chunks: npt.ArrayLike, frames: IntArray, clock: Clock) -> IntArray:
    given = np.asarray(chunks)
    if given.ndim == 2 and given.shape[1] == 2:
        _require_no_gap(given, frames, clock)
        edges = np.append(given[:, 0], given[-1:, 1])
    else:
        edges = given
    is_whole = edges.dtype.kind in "iuf" and np.isfinite(edges).all() and (edges % 1 == 0).all()
    if edges.ndim != 1 or len(edges) < 2 or not is_whole:
        raise OptionError(
            f"chunks must be {'edges in seconds' if clock.is_time else 'whole-number frame edges'} "
            "such as [0, 1000, 2000], or pairs such as "
            f"[(0, 1000), (1000, 2000)]; got {reprlib.repr(chunks)}"
        )
    if (np.diff(edges) <= 0).any():
        raise OptionError(f"chunks must increase; got {reprlib.repr(chunks)}")
    outside = (frames < edges[0]) | (frames >= edges[-1])
    if outside.any():
        raise OptionError(
            f"chunks leave out {int(outside.sum())} {clock.name}s that have localizations, the "
            f"first is {clock.values(frames[outside][0])}; let the edges reach from "
            f"{clock.values(frames[0])} to {clock.values(frames[-1] + 1)}"
        )
    return edges.astype(np.int64)


def _require_no_gap(pairs: npt.NDArray[Any], frames: IntArray, clock: Clock) -> None:
    for stop, start in zip(pairs[:-1, 1], pairs[1:, 0], strict=True):
        if start < stop:
            raise OptionError(
                f"chunks overlap: one ends at {clock.values(stop)}, the next starts at "
                f"{clock.values(start)}"
            )
        lost = (frames >= stop) & (frames < start)
        if lost.any():
            raise OptionError(
                f"chunks leave out the {clock.name}s from {clock.values(stop)} to "
                f"{clock.values(start)}, which have localizations"
            )

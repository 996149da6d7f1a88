"""Cut a movie into chunks of successive frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import IntArray
from smlm_accessor.errors import OptionError

DEFAULT_N_CHUNKS = 10


@dataclass(frozen=True)
class Chunks:
    """Successive runs of frames that leave no frame out.

    All localizations of a frame are in one chunk, since drift is a function of the frame.

    Parameters
    ----------
    edges : ndarray, shape (n_chunks + 1,)
        Chunk ``k`` holds the frames ``edges[k] <= frame < edges[k + 1]``.

    Examples
    --------
    >>> Chunks(np.array([0, 10, 20])).assign(np.array([9, 10, 0]))
    array([0, 1, 0])
    """

    edges: IntArray

    @property
    def n_chunks(self) -> int:
        """Number of chunks."""
        return len(self.edges) - 1

    @property
    def start(self) -> IntArray:
        """First frame of each chunk."""
        return self.edges[:-1]

    @property
    def stop(self) -> IntArray:
        """First frame after each chunk."""
        return self.edges[1:]

    def assign(self, frames: IntArray) -> IntArray:
        """Return the chunk of each frame; frames must lie within the edges."""
        return np.searchsorted(self.edges, frames, side="right") - 1


def make_chunks(
    frames: IntArray,
    counts: IntArray,
    *,
    chunk_size: int | None = None,
    n_chunks: int | None = None,
    frames_per_chunk: int | None = None,
    chunks: npt.ArrayLike | None = None,
    jumps: IntArray | None = None,
) -> Chunks:
    """Cut the frames into chunks by exactly one rule; ten chunks if none is given.

    Parameters
    ----------
    frames : ndarray, shape (m,)
        The frames that have localizations, increasing.
    counts : ndarray, shape (m,)
        Localizations in each.
    chunk_size : int, optional
        Localizations per chunk. Cuts are at the frame nearest to each multiple of it; the last
        chunk takes what is left.
    n_chunks : int, optional
        Number of chunks, with as equal numbers of localizations as whole frames allow.
    frames_per_chunk : int, optional
        Frames per chunk, counted from the first frame; the last chunk takes what is left.
    chunks : array_like, optional
        The edges ``[0, 1000, 5000]``, or pairs ``[(0, 1000), (1000, 5000)]`` of first frame and
        first frame after.
    jumps : ndarray, optional
        Frames that begin a segment: no chunk reaches over one, and the rule holds within each.

    Raises
    ------
    OptionError
        If more than one rule is given, or if the rule cannot be kept.

    Examples
    --------
    >>> make_chunks(np.arange(6), np.full(6, 10), n_chunks=3).edges
    array([0, 2, 4, 6])
    """
    rules = {
        "chunk_size": chunk_size,
        "n_chunks": n_chunks,
        "frames_per_chunk": frames_per_chunk,
        "chunks": chunks,
    }
    given = {name: value for name, value in rules.items() if value is not None}
    if len(given) > 1:
        raise OptionError(f"give only one of {', '.join(rules)}; you gave {', '.join(given)}")
    if chunks is not None:
        edges = _explicit_edges(chunks, frames)
        _require_among(edges, jumps)
        return Chunks(edges)
    for name, value in given.items():
        _require_count(name, value)
    inside = [] if jumps is None else jumps[(jumps > frames[0]) & (jumps <= frames[-1])]
    cuts = np.unique(np.searchsorted(frames, inside))
    parts = list(zip(np.split(frames, cuts), np.split(counts, cuts), strict=True))
    if chunk_size is not None:
        pieces = [_edges_by_size(f, c, int(chunk_size)) for f, c in parts]
    elif frames_per_chunk is not None:
        pieces = [_edges_by_frames(f, int(frames_per_chunk)) for f, _ in parts]
    else:
        wanted = min(DEFAULT_N_CHUNKS, len(frames)) if n_chunks is None else int(n_chunks)
        numbers = _shared_out(parts, max(wanted, len(parts)) if n_chunks is None else wanted)
        pieces = [_edges_by_number(f, c, n) for (f, c), n in zip(parts, numbers, strict=True)]
    starts = np.concatenate([piece[:-1] for piece in pieces])
    return Chunks(np.append(starts, frames[-1] + 1).astype(np.int64))


def _edges_by_frames(frames: IntArray, length: int) -> IntArray:
    stop = int(frames[-1]) + 1
    return np.append(np.arange(int(frames[0]), stop, length), stop)


def _shared_out(parts: Sequence[tuple[IntArray, IntArray]], number: int) -> IntArray:
    """Return how many of the chunks each segment gets: at least one, and more if it has more."""
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


def _require_among(edges: IntArray, jumps: IntArray | None) -> None:
    jumps = np.empty(0, dtype=np.int64) if jumps is None else jumps
    inside = jumps[(jumps > edges[0]) & (jumps < edges[-1])]
    missing = inside[~np.isin(inside, edges)]
    if len(missing):
        at = int(np.searchsorted(edges, missing[0]))
        raise OptionError(
            f"a segment begins with frame {missing[0]}, but the chunk of frames {edges[at - 1]} to "
            f"{edges[at] - 1} reaches over it; put {missing[0]} among the edges of chunks"
        )


def _require_count(name: str, value: Any) -> None:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or value < 1 or value % 1 != 0:  # NaN and infinity have a remainder of NaN
        raise OptionError(f"{name}={value!r} must be a whole number of at least 1")


def _edges_by_size(frames: IntArray, counts: IntArray, size: int) -> IntArray:
    before = np.concatenate([[0], np.cumsum(counts)])  # localizations before each cut
    total = int(before[-1])
    wanted = np.arange(size, total, size)
    right = np.clip(np.searchsorted(before, wanted), 1, len(before) - 1)
    nearer_left = wanted - before[right - 1] < before[right] - wanted
    cuts = np.unique(right - nearer_left)
    cuts = cuts[(cuts > 0) & (cuts < len(frames))]
    return _edges_at(frames, cuts)


def _edges_by_number(frames: IntArray, counts: IntArray, number: int) -> IntArray:
    before = np.concatenate([[0], np.cumsum(counts)])
    wanted = before[-1] * np.arange(1, number) / number
    cuts = np.searchsorted(before, wanted)
    cuts -= wanted - before[cuts - 1] < before[cuts] - wanted
    # Every chunk keeps at least one frame, also where one frame holds most localizations.
    index = np.arange(1, number)
    cuts = np.maximum.accumulate(np.maximum(cuts, index) - index) + index
    cuts = np.minimum(cuts, len(frames) - number + index)
    return _edges_at(frames, cuts)


def _edges_at(frames: IntArray, cuts: IntArray) -> IntArray:
    return np.concatenate([frames[:1], frames[cuts], frames[-1:] + 1]).astype(np.int64)


def _explicit_edges(chunks: npt.ArrayLike, frames: IntArray) -> IntArray:
    given = np.asarray(chunks)
    if given.ndim == 2 and given.shape[1] == 2:
        _require_no_gap(given, frames)
        edges = np.append(given[:, 0], given[-1:, 1])
    else:
        edges = given
    is_whole = edges.dtype.kind in "iuf" and np.isfinite(edges).all() and (edges % 1 == 0).all()
    if edges.ndim != 1 or len(edges) < 2 or not is_whole:
        raise OptionError(
            "chunks must be whole-number frame edges such as [0, 1000, 2000], or pairs such as "
            f"[(0, 1000), (1000, 2000)]; got {_short(chunks)}"
        )
    if (np.diff(edges) <= 0).any():
        raise OptionError(f"chunks must increase; got {_short(chunks)}")
    outside = (frames < edges[0]) | (frames >= edges[-1])
    if outside.any():
        raise OptionError(
            f"chunks leave out {int(outside.sum())} frames that have localizations, the first is "
            f"{int(frames[outside][0])}; let the edges reach from {int(frames[0])} "
            f"to {int(frames[-1]) + 1}"
        )
    return edges.astype(np.int64)


def _require_no_gap(pairs: npt.NDArray[Any], frames: IntArray) -> None:
    for stop, start in zip(pairs[:-1, 1], pairs[1:, 0], strict=True):
        if start < stop:
            raise OptionError(f"chunks overlap: one ends at {stop}, the next starts at {start}")
        lost = (frames >= stop) & (frames < start)
        if lost.any():
            raise OptionError(
                f"chunks leave out the frames from {stop} to {start}, which have localizations"
            )


def _short(chunks: npt.ArrayLike | Sequence[Any]) -> str:
    text = repr(chunks)
    return text if len(text) < 80 else text[:77] + "..."

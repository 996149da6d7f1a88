"""Localizations that are cut into chunks: what methods take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.kernels.localizations import LocalizationArrays


@dataclass(frozen=True)
class KnownDrift:
    """A drift to start from, in the frames where it is known.

    Parameters
    ----------
    frames : ndarray, shape (n,)
        Increasing.
    drift : ndarray, shape (n, d)
    jumps : ndarray, shape (n_jumps,)
        First frame after each jump of the sample.

    Examples
    --------
    >>> known = KnownDrift(np.array([2, 4]), np.array([[0.0], [1.0]]), np.array([], dtype=int))
    >>> known.at(np.array([1, 3, 4]))[:, 0]
    array([nan, 0.5, 1. ])
    """

    frames: IntArray
    drift: FloatArray
    jumps: IntArray

    def at(self, frames: IntArray) -> FloatArray:
        """Return the drift of each frame, shape (n_frames, d); NaN before and after."""
        columns = [
            np.interp(frames, self.frames, x, left=np.nan, right=np.nan) for x in self.drift.T
        ]
        return np.stack(columns, axis=1)

    def along(self, axes: Sequence[int]) -> KnownDrift:
        """Return the same along some of the axes."""
        return replace(self, drift=self.drift[:, list(axes)])

    def counted(self, count: FrameCount) -> KnownDrift:
        """Return the same in frames that are counted in another way."""
        number, first = np.unique(count.number(self.frames), return_index=True)
        return KnownDrift(number, self.drift[first], count.edge(self.jumps))


@dataclass(frozen=True)
class PriorDrift(KnownDrift):
    """What is known of the drift beforehand, up to a constant: at some frames, with its errors.

    Errors at different frames are independent.

    Parameters
    ----------
    variance : ndarray, shape (n, d)
        Infinite along an axis of which nothing is known.
    rates : ndarray, shape (3, d)
        Variance per frame that level, slope and acceleration gain at least: what was smoothed seems
        to change less than it did.
    """

    variance: FloatArray
    rates: FloatArray

    def along(self, axes: Sequence[int]) -> PriorDrift:
        """Return the same along some of the axes."""
        columns = list(axes)
        drift, variance, rates = (x[:, columns] for x in (self.drift, self.variance, self.rates))
        return replace(self, drift=drift, variance=variance, rates=rates)

    def counted(self, count: FrameCount) -> PriorDrift:
        """Return the same in frames that are counted in another way; those of one are averaged."""
        number, of = np.unique(count.number(self.frames), return_inverse=True)
        drift, information = np.zeros((2, len(number), self.drift.shape[1]))
        np.add.at(information, of, 1 / self.variance)
        np.add.at(drift, of, self.drift / self.variance)
        with np.errstate(divide="ignore"):
            variance = 1 / information
        drift /= np.where(information > 0, information, 1.0)
        rates = self.rates * float(count.unit) ** np.array([[1], [3], [5]])
        return PriorDrift(number, drift, count.edge(self.jumps), variance, rates)


@dataclass(frozen=True)
class ChunkedLocalizations(LocalizationArrays):
    """Localizations ordered by frame, their coordinates relative to the centre of the table.

    Coordinates are finite.

    Parameters
    ----------
    positions : ndarray, shape (n, d), C order
        In the length unit of the table.
    frames : ndarray, shape (n,)
        Frame of each localization, in order.
    uncertainty : ndarray, shape (n, d), optional
        Localization precision, in the same unit; NaN for a component without.
    group : ndarray, shape (n,), optional
        A number for each localization, such as that of its field block.
    trace : ndarray, shape (n,), optional
        A number for each localization, the same within a trace; negative where it is not known.
    bounds : ndarray, shape (n_chunks + 1,)
        Chunk ``k`` holds the rows ``bounds[k]:bounds[k + 1]``. A single chunk leaves the choice of
        chunks to a method that can choose them.
    components : tuple of str
        Names of the ``d`` axes.
    edges : ndarray, shape (n_chunks + 1,), optional
        Chunk ``k`` holds the frames ``edges[k] <= frame < edges[k + 1]``.
    center : ndarray, shape (d,), optional
        What was subtracted from the coordinates of the table.
    jumps : ndarray, shape (n_jumps,), optional
        First frame after each known jump of the sample, increasing; edges of chunks are there, too.
    start : KnownDrift, optional
        To start from.
    prior : PriorDrift, optional
        What is known of the drift beforehand.

    Examples
    --------
    >>> positions, frames = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0, 1, 7])
    >>> two = ChunkedLocalizations(positions, frames, np.array([0, 2, 3]), ("x", "y"))
    >>> two.n_chunks, two.counts.tolist()
    (2, [2, 1])
    """

    bounds: IntArray
    components: tuple[str, ...]
    edges: IntArray | None = None
    center: FloatArray | None = None
    jumps: IntArray | None = None
    start: KnownDrift | None = None
    prior: PriorDrift | None = None

    @property
    def n_chunks(self) -> int:
        """Number of chunks."""
        return len(self.bounds) - 1

    @property
    def counts(self) -> IntArray:
        """Number of localizations in each chunk."""
        return np.diff(self.bounds)

    @property
    def segment(self) -> IntArray:
        """Number of known jumps before each chunk."""
        jumps = np.zeros(0, dtype=np.int64) if self.jumps is None else self.jumps
        return np.searchsorted(jumps, self.frame_edges()[:-1], side="right")

    def take(self, rows: BoolArray | IntArray | slice) -> Self:
        """Return some of the rows, in their order; each stays in its chunk."""
        kept = np.arange(len(self.frames))[rows]
        return replace(super().take(rows), bounds=np.searchsorted(kept, self.bounds))

    def rows(self, chunk: int) -> slice:
        """Rows of one chunk."""
        return slice(int(self.bounds[chunk]), int(self.bounds[chunk + 1]))

    def along(self, axes: Sequence[int] | IntArray) -> ChunkedLocalizations:
        """Return the same localizations with some of their axes."""
        columns = list(axes)
        uncertainty, center = self.uncertainty, self.center
        return replace(
            self,
            positions=np.ascontiguousarray(self.positions[:, columns]),
            components=tuple(self.components[a] for a in columns),
            uncertainty=None if uncertainty is None else uncertainty[:, columns],
            center=None if center is None else center[columns],
            start=None if self.start is None else self.start.along(columns),
            prior=None if self.prior is None else self.prior.along(columns),
        )

    def counted(self) -> tuple[Self, FrameCount]:
        """Return the same with frames in their own unit of time, and how they were counted.

        The first frame is 0, and a blink that goes on is seen in successive frames.
        """
        known = [known for known in (self.edges, self.jumps) if known is not None]
        begins = self.frames[self.bounds[1:-1][self.bounds[1:-1] < len(self.frames)]]
        count = FrameCount.of(self.frames, self.positions, np.concatenate([begins, *known]))
        if count.is_own:
            return self, count
        counted = replace(
            self,
            frames=count.number(self.frames),
            edges=None if self.edges is None else count.edge(self.edges),
            jumps=None if self.jumps is None else count.edge(self.jumps),
            start=None if self.start is None else self.start.counted(count),
            prior=None if self.prior is None else self.prior.counted(count),
        )
        return counted, count

    def frame_edges(self) -> IntArray:
        """Return the frame edges of the chunks; as near as can be, if they are not known."""
        if self.edges is not None:
            return self.edges
        starts = self.frames[np.minimum(self.bounds[:-1], len(self.frames) - 1)]
        return np.append(starts, self.frames[-1] + 1)

    def chunk(self, chunk: int) -> FloatArray:
        """Positions of one chunk, shape (m, d)."""
        return self.positions[self.rows(chunk)]

"""Frames cut into segments, and a drift that is known in each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.interpolation import interpolate


@dataclass(frozen=True, eq=False)
class Movie:
    """The frames that have localizations.

    Parameters
    ----------
    frames : ndarray, shape (m,)
        Increasing.
    counts : ndarray, shape (m,)
        Localizations in each.
    jumps : ndarray
        First frame after each known jump, increasing; the movie has frames before and after.
    """

    frames: IntArray
    counts: IntArray
    jumps: IntArray

    @classmethod
    def of(cls, frames: IntArray, jumps: IntArray | None = None) -> Movie:
        """Return the movie of the frames of localizations, which are in order."""
        first = np.flatnonzero(np.concatenate([[True], frames[1:] != frames[:-1]]))
        present = frames[first]
        known = np.empty(0, dtype=np.int64) if jumps is None else jumps
        if len(present):
            known = known[(known > present[0]) & (known <= present[-1])]
        return cls(present, np.diff(np.append(first, len(frames))), known)

    @property
    def piece(self) -> IntArray:
        """Number of the piece between known jumps that each frame is in."""
        return np.searchsorted(self.jumps, self.frames, side="right")

    def known_jump(self, first: int, stop: int) -> int | None:
        """Return the known jump within a range of frames, the first of several."""
        inside = self.jumps[(self.jumps > first) & (self.jumps < stop)]
        return int(inside[0]) if len(inside) else None

    def cut(self, edges: IntArray) -> Segments:
        """Return the segments with these frame edges."""
        of_frame = np.searchsorted(edges, self.frames, side="right") - 1
        k = len(edges) - 1
        counts = np.bincount(of_frame, weights=self.counts, minlength=k)
        since = (self.frames - edges[0]).astype(np.float64)
        sums = np.bincount(of_frame, weights=self.counts * since, minlength=k)
        middle = (edges[:-1] + edges[1:] - 1) / 2 - edges[0]
        times = np.where(counts > 0, sums / np.maximum(counts, 1), middle)
        return Segments(self, edges, of_frame, counts.astype(np.int64), times)


@dataclass(frozen=True, eq=False)
class Segments:
    """Runs of frames.

    Parameters
    ----------
    movie : Movie
    edges : ndarray, shape (k + 1,)
    of_frame : ndarray, shape (m,)
        Segment of each frame of the movie.
    counts : ndarray, shape (k,)
        Localizations in each.
    times : ndarray, shape (k,)
        Their mean frame, less the first edge.
    """

    movie: Movie
    edges: IntArray
    of_frame: IntArray
    counts: IntArray
    times: FloatArray

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def piece(self) -> IntArray:
        """Number of the piece between known jumps that each segment is in."""
        return np.searchsorted(self.movie.jumps, self.edges[:-1], side="right")

    def curve(self, drift: FloatArray, valid: BoolArray) -> FloatArray:
        """Return the drift in each frame of the movie from that of valid segments.

        Nothing is interpolated across a known jump, as long as there are valid segments after it.
        """
        at = (self.movie.frames - self.edges[0]).astype(np.float64)
        if not valid.any():
            return np.zeros((len(at), drift.shape[1]))
        result = interpolate(self.times[valid], drift[valid], at, kind="cubic")
        if len(self.movie.jumps):
            piece = self.piece
            for k in np.unique(piece[valid]):
                use, asked = valid & (piece == k), self.movie.piece == k
                times, values = self.times[use], drift[use]
                result[asked] = interpolate(times, values, at[asked], kind="cubic")
        return result

    def mean(self, curve: FloatArray) -> FloatArray:
        """Return the mean of a curve, given in each frame, over the localizations of segments."""
        weights = self.movie.counts
        sums = [
            np.bincount(self.of_frame, weights=weights * c, minlength=len(self)) for c in curve.T
        ]
        return np.stack(sums, axis=1) / np.maximum(self.counts, 1)[:, None]

    def shape(self, drift: FloatArray, valid: BoolArray, still: BoolArray) -> FloatArray:
        """Return the drift in each frame whose mean over each valid segment is the one given.

        Parameters
        ----------
        drift : ndarray, shape (k, d)
        valid : ndarray of bool, shape (k,)
            Others are bridged.
        still : ndarray of bool, shape (k,)
            Segments within which nothing moves: those that stand beside a jump.
        """
        curve = self.curve(drift, valid)
        difference = np.where(valid[:, None], drift - self.mean(curve), 0.0)
        moving = curve + difference[self.of_frame]
        held = (still & valid)[self.of_frame]
        moving[held] = drift[self.of_frame[held]]
        return np.asarray(moving)

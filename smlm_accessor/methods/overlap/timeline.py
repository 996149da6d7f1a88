"""Frames, the segments they are in, and curves through the drift of segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Timeline:
    """The frames that have localizations, in segments.

    Parameters
    ----------
    frames : ndarray, shape (n_frames,)
        Numbers of the frames, increasing.
    counts : ndarray, shape (n_frames,)
        Localizations in each.
    segment : ndarray, shape (n_frames,)
        Segment of each frame; every segment has frames.
    free : ndarray of bool, shape (n_segments,)
        Whether the sample may be anywhere else when the segment begins.
    """

    frames: IntArray
    counts: IntArray
    segment: IntArray
    free: BoolArray

    @property
    def n_segments(self) -> int:
        """Number of segments."""
        return len(self.free)

    @property
    def middle(self) -> FloatArray:
        """Mean frame of the localizations of each segment."""
        return self.mean(self.frames.astype(np.float64))

    @property
    def first(self) -> IntArray:
        """Index of the first frame of each segment."""
        return np.searchsorted(self.segment, np.arange(self.n_segments))

    @property
    def pieces(self) -> IntArray:
        """Number of the piece between jumps that each frame is in."""
        return np.asarray(np.cumsum(self.free.astype(np.int64))[self.segment])

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean over the localizations of each segment of a value per frame."""
        total = np.bincount(self.segment, values * self.counts)
        return np.asarray(total / np.bincount(self.segment, self.counts))

    def at_frames(self, level: FloatArray, slope: FloatArray) -> FloatArray:
        """Return a value per frame: straight between the middles, and as steep beyond the last."""
        result = np.empty(len(self.frames))
        middle, first = self.middle, self.first
        begins = np.flatnonzero(self.free | (np.arange(self.n_segments) == 0))
        for a, b in zip(begins, [*begins[1:], self.n_segments], strict=True):
            stop = first[b] if b < self.n_segments else len(self.frames)
            frames = self.frames[first[a] : stop]
            t, y = middle[a:b], level[a:b]
            value = np.interp(frames, t, y)
            value += slope[a] * np.minimum(frames - t[0], 0)
            value += slope[b - 1] * np.maximum(frames - t[-1], 0)
            result[first[a] : stop] = value
        return result

    def edges(self) -> IntArray:
        """Return the first frame of each segment, and the frame after the last."""
        return np.append(self.frames[self.first], self.frames[-1] + 1)


def regular(
    frames: IntArray, counts: IntArray, length: int, jumps: IntArray | None = None
) -> Timeline:
    """Cut frames into segments of equal length, and where the sample jumps.

    Parameters
    ----------
    frames, counts : ndarray, shape (n_frames,)
    length : int
        Frames.
    jumps : ndarray, optional
        Indices of frames; each begins anew. The frame before, and the frame itself, are segments of
        their own, so that no curve between the middles of segments bridges the jump.
    """
    number = (frames - frames[0]) // length
    begins = np.concatenate([[True], number[1:] != number[:-1]])
    new = np.zeros(len(frames), dtype=np.bool_)
    if jumps is not None:
        for around in (-1, 0, 1):
            at = jumps + around
            begins[at[(at >= 0) & (at < len(frames))]] = True
        new[jumps] = True
    return Timeline(frames, counts, np.cumsum(begins) - 1, new[begins])


def from_chunks(frames: IntArray, counts: IntArray, first: IntArray, jumps: IntArray) -> Timeline:
    """Return the timeline of chunks, of which ``first`` are the first frames.

    Those that begin at a jump, of which ``jumps`` are the indices of frames, are free.
    """
    segment = np.searchsorted(first, frames, side="right") - 1
    free = np.zeros(len(first), dtype=np.bool_)
    free[segment[jumps]] = True
    return Timeline(frames, counts, segment, free)

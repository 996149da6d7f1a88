"""The frames, or times, that have localizations, and windows into which they are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.errors import TableError
from smlm_accessor.table.clock import FRAMES, Clock

#: Frames with a drift in each, at most: 160 MB in 2D.
MOST_FRAMES = 10_000_000
# A gap between frames that have localizations is this many times as long as a window, at least,
_GAP = 0.5
# and this many times as long as the usual step from one such frame to the next.
_GAP_STEPS = 10


@dataclass(frozen=True, eq=False)
class Timeline:
    """The frames that have localizations, and in which of them a segment begins.

    Nothing here needs frames to be whole numbers: times in seconds do as well. Frames without
    localizations may be among them, where something else tells the drift.

    Parameters
    ----------
    frames : ndarray, shape (m,)
        Increasing.
    counts : ndarray of int, shape (m,)
        Localizations in each.
    jumps : ndarray
        First frame of each segment but the first, increasing; there are frames before and after.
    n_rows : int
        Rows of the table, with and without coordinates.

    Examples
    --------
    >>> timeline = Timeline.of(np.array([3, 1, 3, 7]), jumps=np.array([4]))
    >>> timeline.frames, timeline.counts, timeline.segment
    (array([1, 3, 7]), array([1, 2, 1]), array([0, 0, 1]))
    """

    frames: IntArray
    counts: IntArray
    jumps: IntArray
    n_rows: int

    @classmethod
    def of(
        cls, frames: IntArray, jumps: IntArray | None = None, *, n_rows: int | None = None
    ) -> Timeline:
        """Count the frames of localizations, in any order."""
        present, counts = _counted(frames)
        n_rows = len(frames) if n_rows is None else n_rows
        timeline = cls(present, counts, present[:0], n_rows)
        return timeline if jumps is None else timeline.with_jumps(jumps)

    @classmethod
    def joined(cls, parts: Sequence[Timeline]) -> Timeline:
        """Add what was counted in several parts of a table."""
        frames, at = np.unique(np.concatenate([p.frames for p in parts]), return_inverse=True)
        weights = np.concatenate([p.counts for p in parts])
        counts = np.bincount(at, weights, len(frames)).astype(np.int64)
        return cls(frames, counts, frames[:0], sum(p.n_rows for p in parts))

    def with_jumps(self, jumps: IntArray) -> Timeline:
        """Return the same frames in the segments that begin with other ones."""
        if len(self.frames):
            jumps = jumps[(jumps > self.frames[0]) & (jumps <= self.frames[-1])]
        return replace(self, jumps=jumps)

    def including(self, frames: IntArray) -> Timeline:
        """Return the same with more frames, between the first and the last.

        Examples
        --------
        >>> timeline = Timeline.of(np.array([1, 9])).including(np.array([0, 4, 9]))
        >>> timeline.frames, timeline.counts
        (array([1, 4, 9]), array([1, 0, 1]))
        """
        inside = frames[(frames >= self.frames[0]) & (frames <= self.frames[-1])]
        every = np.union1d(self.frames, inside)
        counts = np.zeros(len(every), dtype=np.int64)
        counts[np.searchsorted(every, self.frames)] = self.counts
        return replace(self, frames=every, counts=counts)

    @cached_property
    def unit(self) -> float:
        """One frame; of times, the median from one to the next."""
        if self.frames.dtype.kind in "iu":
            return 1
        return float(np.median(np.diff(self.frames))) if len(self.frames) > 1 else 1.0

    @property
    def stop(self) -> float:
        """First frame after the last."""
        return self.frames[-1] + self.unit  # type: ignore[no-any-return]

    @property
    def segment(self) -> IntArray:
        """Number of the segment that each frame is in."""
        return np.searchsorted(self.jumps, self.frames, side="right")

    @property
    def of_rows(self) -> IntArray:
        """Index of the frame of each localization, in the order of frames."""
        return np.repeat(np.arange(len(self.frames)), self.counts)

    def require_enough(self, clock: Clock = FRAMES) -> None:
        """Raise `TableError` if there is no drift to be found in so few frames."""
        if not len(self.frames):
            raise TableError(
                f"None of the {self.n_rows} rows has coordinates."
                if self.n_rows
                else "This table has no rows. If it is a part of another one, no row of that was "
                "chosen: look at the condition."
            )
        if len(self.frames) == 1:
            raise TableError(
                f"All localizations are {'at' if clock.is_time else 'in'} "
                f"{clock.said(self.frames[0])}; drift needs more {clock.name}s. If another column "
                "holds them, say so: smlm_accessor.set_columns(table, frame='...'), or for seconds "
                "smlm_accessor.set_columns(table, time='...')"
            )

    def known_jump(self, first: float, stop: float) -> int | None:
        """Return the first jump between two frames, None if there is none."""
        inside = self.jumps[(self.jumps > first) & (self.jumps < stop)]
        return int(inside[0]) if len(inside) else None

    def cut(self, edges: IntArray) -> Windows:
        """Return the windows with these edges, within which all frames lie."""
        of_frame = np.searchsorted(edges, self.frames, side="right") - 1
        counts = np.bincount(of_frame, self.counts, len(edges) - 1).astype(np.int64)
        return Windows(self, edges, of_frame, counts)

    def beginning(self, first: IntArray) -> Windows:
        """Return the windows that begin with these frames."""
        return self.cut(np.append(first, self.stop))

    def regular(self, length: float) -> Windows:
        """Return windows of equal length; those without localizations are left out.

        The frames before and after a jump are windows of their own: no curve through the windows
        of a segment has to go on beyond them.
        """
        number = (self.frames - self.frames[0]) // length
        begins = np.diff(number, prepend=-1) != 0
        beside = np.searchsorted(self.frames, self.jumps)[:, None] + [-1, 0, 1]
        begins[beside[beside < len(begins)]] = True
        return self.beginning(self.frames[begins])

    def regularly(self, k: int) -> Windows:
        """Return about ``k`` windows of equal length, see `regular`."""
        extent = int(self.stop - self.frames[0])
        return self.regular(-(-extent // k))

    def evenly(self, k: int) -> Windows:
        """Return about ``k`` windows; none reaches over a long gap or a jump.

        Each has the same sum of its share of all localizations and its share of all frames: where
        there are fewer localizations, windows are longer, but not as much as to hold as many, for
        the sample moves in the meantime.
        """
        frames, counts = self.frames, self.counts
        k = min(k, len(frames))
        steps = np.diff(frames, prepend=frames[0] - self.unit).astype(np.float64)
        gap = max(_GAP * (self.stop - frames[0]) / k, _GAP_STEPS * float(np.median(steps)))
        begins = np.union1d(np.flatnonzero(steps > gap), np.searchsorted(frames, self.jumps))
        steps = np.minimum(steps, gap)
        share = steps / steps.sum() + counts / counts.sum()
        first = []
        for run in np.split(np.arange(len(frames)), begins.astype(np.int64)):
            until = np.cumsum(share[run])
            n = min(max(round(k * float(until[-1]) / 2), 1), len(run))
            cuts = np.searchsorted(until - share[run] / 2, until[-1] * np.arange(n) / n)
            first.append(frames[run[np.unique(np.minimum(cuts, len(run) - 1))]])
        return self.beginning(np.concatenate(first))


@dataclass(frozen=True, eq=False)
class Windows:
    """Runs of the frames of a timeline.

    Parameters
    ----------
    timeline : Timeline
    edges : ndarray, shape (k + 1,)
        Window ``i`` holds the frames ``edges[i] <= frame < edges[i + 1]``.
    of_frame : ndarray of int, shape (m,)
        Window of each frame of the timeline.
    counts : ndarray of int, shape (k,)
        Localizations in each window.

    Examples
    --------
    >>> windows = Timeline.of(np.array([0, 1, 1, 2, 9])).cut(np.array([0, 2, 4, 10]))
    >>> windows.counts, windows.mean_frame
    (array([3, 1, 1]), array([0.66666667, 2.        , 9.        ]))
    """

    timeline: Timeline
    edges: IntArray
    of_frame: IntArray
    counts: IntArray

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def bounds(self) -> IntArray:
        """Window ``i`` has the frames with indices ``bounds[i]`` to ``bounds[i + 1] - 1``."""
        return np.searchsorted(self.timeline.frames, self.edges)

    @cached_property
    def duration(self) -> IntArray:
        """Number of frames, of those of the timeline, in each window."""
        return np.bincount(self.of_frame, minlength=len(self))

    @cached_property
    def mean_frame(self) -> FloatArray:
        """Mean frame of the localizations of each window; of an empty one, its middle."""
        since = self.mean(self.timeline.frames - self.edges[0])
        middle = (self.edges[:-1] + self.edges[1:] - self.timeline.unit) / 2
        return np.where(self.counts > 0, since + self.edges[0], middle)

    @property
    def segment(self) -> IntArray:
        """Number of the segment that each window is in."""
        return np.searchsorted(self.timeline.jumps, self.edges[:-1], side="right")

    @cached_property
    def begins(self) -> BoolArray:
        """Whether a window is the first after a jump."""
        return np.asarray(np.diff(self.segment, prepend=self.segment[:1]) != 0)

    def mean(self, values: FloatArray | IntArray) -> FloatArray:
        """Return the mean over the localizations of each window of values by frame.

        Of a window that has frames but no localizations it is that over its frames, of one that has
        neither 0.
        """
        if values.ndim == 2:
            return np.stack([self.mean(column) for column in values.T], axis=1)
        sums = np.bincount(self.of_frame, self.timeline.counts * values, len(self))
        mean = sums / np.maximum(self.counts, 1)
        empty = self.counts == 0
        if empty.any():
            n = np.bincount(self.of_frame, minlength=len(self))
            over_frames = np.bincount(self.of_frame, values, len(self)) / np.maximum(n, 1)
            mean[empty] = over_frames[empty]
        return mean

    def curve(self, drift: FloatArray, valid: BoolArray) -> FloatArray:
        """Return the drift in each frame: a cubic through that of valid windows, shape (m, d).

        Nothing is interpolated across a jump, if there are valid windows in the segment.
        """
        from smlm_accessor.kernels.time_series.interpolation import interpolate  # brings scipy

        at = (self.timeline.frames - self.edges[0]).astype(np.float64)
        if not valid.any():
            return np.zeros((len(at), drift.shape[1]))
        times = self.mean_frame - self.edges[0]
        result = interpolate(times[valid], drift[valid], at, kind="cubic")
        if self.begins.any():
            for windows, frames in self._in_segments():
                use = np.arange(windows.start, windows.stop)[valid[windows]]
                if len(use):
                    result[frames] = interpolate(times[use], drift[use], at[frames], kind="cubic")
        return result

    def lines(self, level: FloatArray, slope: FloatArray) -> FloatArray:
        """Return a value for each frame: straight lines between the mean frames of windows.

        Before the first window of a segment, and after its last, the lines have the slope there.
        """
        from smlm_accessor.kernels.time_series.interpolation import interpolate  # brings scipy

        result = np.empty(len(self.timeline.frames))
        for windows, frames in self._in_segments():
            result[frames] = interpolate(
                self.mean_frame[windows],
                level[windows, None],
                self.timeline.frames[frames],
                kind="linear",
                beyond=slope[windows][[0, -1], None],
            )[:, 0]
        return result

    def shape(self, drift: FloatArray, valid: BoolArray, still: BoolArray) -> FloatArray:
        """Return the drift in each frame whose mean over each valid window is the one given.

        Windows that are not valid are bridged. Nothing moves within those that are ``still``: they
        stand beside a jump.
        """
        curve = self.curve(drift, valid)
        difference = np.where(valid[:, None], drift - self.mean(curve), 0.0)
        moving = curve + difference[self.of_frame]
        held = (still & valid)[self.of_frame]
        moving[held] = drift[self.of_frame[held]]
        return np.asarray(moving)

    def _in_segments(self) -> list[tuple[slice, slice]]:
        """Return the windows and the frames of each segment."""
        runs = pairwise([0, *np.flatnonzero(self.begins).tolist(), len(self)])
        return [(slice(a, b), slice(self.bounds[a], self.bounds[b])) for a, b in runs]


def _counted(frames: IntArray) -> tuple[IntArray, IntArray]:
    """Return the frames that occur, increasing, and how often each does."""
    begins = np.flatnonzero(frames[1:] != frames[:-1]) + 1
    if 2 * len(begins) < len(frames):  # most are as the one before
        begins = np.concatenate([[0], begins])
        present, counts = frames[begins], np.diff(begins, append=len(frames))
        if (present[1:] > present[:-1]).all():
            return present, counts
    if len(frames) and frames.dtype.kind in "iu":
        first, last = int(frames.min()), int(frames.max())
        if last - first < 4 * len(frames) + 1_000_000:  # little memory, and faster than sorting
            counts = np.bincount(frames - first)
            present = np.flatnonzero(counts)
            return present + first, counts[present]
    present, counts = np.unique(frames, return_counts=True)
    return present, counts

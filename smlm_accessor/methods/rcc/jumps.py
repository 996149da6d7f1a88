"""Where the stage jumps: windows that went astray, and cuts at the frame of the jump."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.change_point import (
    change_point_probability,
    middle_change_point,
)
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.overlap.jumps.errors import square_of_wrong_share
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.timeline import Windows

# Windows whose localizations overlap with less than this part of the usual may be elsewhere.
_LOW = 0.6
# A jump is so many smoothing lengths, and so many usual steps.
_LENGTHS = 3.0
_STEPS = 10.0
# Smoothing lengths between starts that lead to the same maximum.
_SAME = 0.5
# Smoothing lengths: localizations that are closer count for the frame of a jump.
_NEAR = 2.0
# Density that is added everywhere, in localizations at one place, as for the likelihood of overlap.
_FLOOR = 0.1
# Windows from whose slope the drift is continued to a jump.
_SLOPE = 4
# Windows beside the two of a step that are looked at, too, if the jump is not in these.
_WIDER = 2


class FoundJump(NamedTuple):
    """The first frame after a jump.

    It may be at any of ``frames`` as well, with some ``probability``; empty if the user told it.
    """

    frame: int
    frames: IntArray
    probability: FloatArray


class Cut(NamedTuple):
    """Windows that end at jumps, where they start from, and which of them are beside jumps."""

    windows: Windows
    drift: FloatArray
    beside: BoolArray
    jumps: IntArray  # first frame after each
    found: tuple[FoundJump, ...] = ()


def retry_beside_neighbours(
    aligner: Aligner, windows: Windows, aligned: Aligned, smoothing: FloatArray
) -> Aligned:
    """Align windows of low overlap again, from the drift of the good ones before and after them."""
    usual = np.median(aligned.overlap[aligned.valid]) if aligned.valid.any() else 0.0
    good = aligned.valid & (aligned.overlap >= _LOW * usual)
    seen = aligner.sample.timeline.cut(windows.edges).counts > 0
    lost, known = np.flatnonzero(~good & seen), np.flatnonzero(good)
    if not len(lost) or len(known) < 2:
        return aligned
    after = np.searchsorted(known, lost)
    beside = np.stack([known[np.clip(at, 0, len(known) - 1)] for at in (after - 1, after)])
    away = np.abs(aligned.drift[beside] - aligned.drift[lost]) / smoothing
    elsewhere = ~(away.max(axis=(0, 2)) < _SAME)  # also where it is not known
    lost, neighbours = lost[elsewhere], beside[:, elsewhere]
    if not len(lost):
        return aligned
    base = np.where(aligned.valid[:, None], aligned.drift, 0.0)
    base[lost] = np.where(aligned.valid[lost, None], aligned.drift[lost], base[neighbours[0]])
    drift, overlap = base.copy(), np.where(aligned.valid, aligned.overlap, 0.0)
    for neighbour in neighbours:
        tried = base.copy()
        tried[lost] = aligned.drift[neighbour]
        found = aligner.align_sample(windows, tried, smoothing)
        better = lost[found.valid[lost] & (found.overlap[lost] > overlap[lost])]
        drift[better], overlap[better] = found.drift[better], found.overlap[better]
    return aligner.align_sample(windows, drift, smoothing)


def cut_at_jumps(
    aligner: Aligner, windows: Windows, aligned: Aligned, smoothing: FloatArray
) -> Cut:
    """Let windows end at the very frame of a jump."""
    timeline = windows.timeline
    valid = np.flatnonzero(aligned.valid)
    drift = windows.mean(windows.curve(aligned.drift, aligned.valid))
    drift = np.where(aligned.valid[:, None], aligned.drift, drift)
    beside = np.zeros(len(windows), dtype=bool)
    jumps = _jumps(aligned.drift[valid], smoothing)
    if not len(jumps):
        return Cut(windows, drift, beside, timeline.jumps)
    search = _JumpSearch.of_windows(aligner, windows, drift, aligned.valid, smoothing)
    found: list[FoundJump] = []
    edges, values, next_to = list(windows.edges[:-1]), list(drift), list(beside)
    steps, stop = valid[np.stack([jumps, jumps + 1], axis=1)], len(windows)
    for n, (i, j) in reversed(list(enumerate(steps.tolist()))):
        one = search.near(i, j, int(steps[n - 1, 1]) + 1 if n else 0, stop)
        if one is not None:
            jump, i, j = one
            found.append(jump)
            edges[i : j + 1] = [windows.edges[i], jump.frame]
            values[i : j + 1] = search.beside(i, j)
            next_to[i : j + 1] = [True, True]
        stop = i
    new = timeline.cut(np.append(edges, windows.edges[-1]).astype(np.int64))
    jumps = np.union1d(timeline.jumps, np.array([one.frame for one in found], dtype=np.int64))
    return Cut(new, np.array(values), np.array(next_to, dtype=bool), jumps, tuple(found))


def _jumps(drift: FloatArray, smoothing: FloatArray) -> IntArray:
    """Return after which windows the steps of the drift are unusually large."""
    steps = np.abs(np.diff(drift, axis=0) / smoothing).max(axis=1, initial=0.0)
    # Windows beside a jump lie somewhere between: of steps in a row, the largest.
    return np.array([run[np.argmax(steps[run])] for run in runs(_large(steps))], dtype=np.int64)


def _large(steps: FloatArray) -> BoolArray:
    """Tell which steps, in smoothing lengths, are unusually large."""
    if len(steps) < 4:
        return np.zeros(len(steps), dtype=bool)
    return np.asarray(steps > max(_LENGTHS, _STEPS * float(np.median(steps))))


def only_continuous(
    windows: Windows, aligned: Aligned, smoothing: FloatArray, jumps: IntArray
) -> Aligned:
    """Drop windows until the drift has no sudden steps but at jumps, the shortest runs first.

    At other steps one side or the other has found a maximum that is chance. A step is sudden if it
    is much faster than the one before, and than the one after.
    """
    kept, segment = aligned.valid.copy(), np.searchsorted(jumps, windows.edges[:-1], side="right")
    while True:
        valid = np.flatnonzero(kept)
        time = np.diff(windows.mean_frame[valid])
        faster = np.diff(np.diff(aligned.drift[valid], axis=0) / smoothing / time[:, None], axis=0)
        change = np.pad(np.abs(faster).max(axis=1, initial=0.0), 1, constant_values=np.inf)
        jumped = np.diff(segment[valid]) > 0
        sudden = _large(np.minimum(change[:-1], change[1:]) * time) & ~jumped
        if not sudden.any():
            return aligned.only(kept)
        run = np.append(0, np.cumsum(sudden | jumped))
        beside = np.union1d(run[:-1][sudden], run[1:][sudden])
        size = np.bincount(run, windows.counts[valid])
        kept[valid[run == beside[np.argmin(size[beside])]]] = False


@dataclass(frozen=True)
class _JumpSearch:
    """Looks for the frame of a jump in windows with known ``drift``, (k, d).

    ``still`` are the positions of a sample less their drift, ``of`` the windows that they are in.
    """

    aligner: Aligner
    windows: Windows
    drift: FloatArray
    valid: BoolArray
    smoothing: FloatArray
    still: FloatArray
    of: IntArray

    @classmethod
    def of_windows(
        cls,
        aligner: Aligner,
        windows: Windows,
        drift: FloatArray,
        valid: BoolArray,
        smoothing: FloatArray,
    ) -> _JumpSearch:
        sample = aligner.sample
        cut = sample.timeline.cut(windows.edges)
        curve = cut.shape(drift, valid, np.zeros(len(windows), dtype=bool))
        still, of = sample.positions - curve[sample.frame_of], cut.of_frame[sample.frame_of]
        return cls(aligner, windows, drift, valid, smoothing, still, of)

    def near(self, i: int, j: int, first: int, stop: int) -> tuple[FoundJump, int, int] | None:
        """Look in the windows from ``i`` to ``j``, and in one or two more if it is not there.

        Return the jump, and the windows that it is in, between ``first`` and ``stop``; None if
        localizations do not show it.
        """
        edges = self.windows.edges
        for _ in range(_WIDER + 1):
            found = self._within(i, j)
            if found is None or edges[i] < found.frame < edges[j + 1]:
                return None if found is None else (found, i, j)
            # Of several steps in a row, the largest need not be that of the jump.
            i, j = (i - 1, j) if found.frame <= edges[i] else (i, j + 1)
            if i < first or j >= stop:
                break
        return None

    def beside(self, i: int, j: int) -> tuple[FloatArray, FloatArray]:
        """Return the drift before and after: that of the windows is blurred by the other side."""
        return self.drift[max(i - 1, 0)], self.drift[min(j + 1, len(self.drift) - 1)]

    def _within(self, i: int, j: int) -> FoundJump | None:
        """Return the first frame from which on localizations lie on others as after the jump.

        It is the median of the change points by their likelihood ``sum(log(1 + f / floor))``, with
        the density ``f`` of the others, smoothed as correlations are. Near counts would not do: a
        chance neighbour counts as much as a blink of the same molecule.
        """
        windows, every, evidence = self.windows, self.aligner.all, self.aligner.evidence
        told = windows.timeline.known_jump(windows.edges[i], windows.edges[j + 1])
        if told is not None:
            return FoundJump(told, np.zeros(0, dtype=np.int64), np.zeros(0))
        others = self.still[((self.of < i) | (self.of > j)) & self.valid[self.of]]
        if not len(others):
            return None
        tree = cKDTree(others / self.smoothing)
        of = windows.of_frame[every.frame_of]
        rows = np.flatnonzero((of >= i) & (of <= j))
        gain = np.zeros(len(rows))
        for side, sign in zip(self.beside(i, j), (1.0, -1.0), strict=True):
            there = cKDTree((every.positions[rows] - side) / self.smoothing)
            pairs = there.sparse_distance_matrix(tree, _NEAR, output_type="ndarray")
            density = np.bincount(pairs["i"], np.exp(-(pairs["v"] ** 2) / 2), len(rows))
            gain += sign * np.log1p(density / _FLOOR)
        frames, at = np.unique(self.aligner.localizations.frames[rows], return_inverse=True)
        of_frames = np.asarray(np.bincount(at, gain), dtype=np.float64)
        frames = np.append(frames, frames[-1] + windows.timeline.unit)
        probability = change_point_probability(of_frames, evidence=evidence)
        best = middle_change_point(of_frames, evidence=evidence)
        return FoundJump(int(frames[best]), frames, probability)


def with_jump_errors(windows: Windows, aligned: Aligned, found: tuple[FoundJump, ...]) -> Aligned:
    """Return the same with the variance that the frames of jumps add, see `jump_errors`."""
    variance, frames = aligned.variance.copy(), windows.timeline.frames
    for jump, others, probability in found:
        after = int(np.searchsorted(windows.edges, jump))
        if not len(others) or not aligned.valid[after - 1 : after + 1].all():
            continue
        at, start = np.searchsorted(frames, [jump, others[0]]).tolist()
        share = square_of_wrong_share(windows, at, start, probability)
        variance += share[:, None] * np.diff(aligned.drift[after - 1 : after + 1], axis=0) ** 2
    return aligned._replace(variance=variance)


def split_at_jumps(
    windows: Windows, aligned: Aligned, beside: BoolArray
) -> tuple[Windows, Aligned]:
    """Give the last frame before a jump, and the first after it, windows of their own.

    They share what is known of their longer neighbours. So nothing is interpolated across a jump
    but between two frames.
    """
    frames = windows.timeline.frames
    edges: list[int] = []
    source: list[int] = []
    change: list[FloatArray] = []
    still = np.zeros(aligned.drift.shape[1])
    known = beside & aligned.valid
    after_jump = np.append(False, known[1:] & known[:-1])
    before_jump = np.append(after_jump[1:], False)
    for i in range(len(windows)):
        first, last = windows.edges[i], windows.edges[i + 1]
        inside = frames[(frames >= first) & (frames < last)]
        middle = windows.mean_frame[i]
        parts = [(int(first), still)]
        if len(inside) >= 3 and after_jump[i]:
            slope = _slope(windows, aligned, np.arange(i, min(i + _SLOPE, len(windows))), beside)
            parts[0] = (int(first), slope * (inside[0] - middle))
            parts.append((int(inside[0]) + 1, still))
        if len(inside) >= 3 and before_jump[i]:
            slope = _slope(windows, aligned, np.arange(max(i - _SLOPE + 1, 0), i + 1), beside)
            parts.append((int(inside[-1]), slope * (inside[-1] - middle)))
        for edge, moved in parts:
            edges.append(edge)
            source.append(i)
            change.append(moved)
    if len(source) == len(windows):
        return windows, aligned
    new = windows.timeline.cut(np.append(edges, windows.edges[-1]).astype(np.int64))
    split = aligned.rows(source)
    return new, split._replace(drift=split.drift + np.array(change))


def _slope(windows: Windows, aligned: Aligned, run: IntArray, beside: BoolArray) -> FloatArray:
    """Return the slope of the drift over some windows on one side of a jump."""
    run = run[aligned.valid[run]]
    if len(run) < 3 or beside[run].sum() > 1:
        return np.zeros(aligned.drift.shape[1])
    t = windows.mean_frame[run] - windows.mean_frame[run].mean()
    return np.asarray(t @ aligned.drift[run] / (t @ t))

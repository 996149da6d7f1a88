"""Drift within about one localization precision, wherever it goes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.sparse_image import tracking as loops
from smlm_accessor.methods.aim.edges import cut, filled
from smlm_accessor.methods.aim.sparse_image import FEW, Image, WindowDrift
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.checks import LEVEL, astray, cell_of, kernel_of, refined, verified
from smlm_accessor.methods.coarse.jump_frames import steps_of, with_jumps
from smlm_accessor.methods.coarse.relocation import FrameDrift
from smlm_accessor.methods.coarse.sampling import sampled
from smlm_accessor.methods.coarse.simplest import Simple, score, simplest
from smlm_accessor.timeline import Timeline

_ALL, _SAMPLE = 150_000, 80_000  # localizations that are followed
#: Localizations of a segment: the later ones are tried if the former disagree.
LADDER = ((120, 480), (30, 1920))
_MATCHED = 0.95  # of the segments
#: Part of the score that makes no difference.
AGREE = 0.02
_MOLECULES = 4096  # of a segment that are looked for
_NEAR, _FAR, _NEAR_Z, _FAR_Z = 3, 40, 10, 100  # cells
_MOST_WAITING = 15
_FEWEST = 0.2  # of the segments that have to match, or those that do are chance
_MOST_SEGMENTS = 4000
_TIE = 0.003  # of the score; then longer segments are better
#: Edge of a cell, in precisions, as in the paper on aim.
CELL = 2.0


@dataclass(frozen=True)
class Coarse:
    """Drift of segments of time.

    Parameters
    ----------
    edges : ndarray, shape (k + 1,)
        Segment ``i`` holds the frames ``edges[i] <= frame < edges[i + 1]``.
    drift : ndarray, shape (k, d)
        Relative to any origin; NaN where ``valid`` is False.
    valid : ndarray of bool, shape (k,)
    evidence : ndarray, shape (k,)
        How far the peak of the intersections stands out, in standard deviations of chance.
    jumps : ndarray
        Frames at which the drift steps farther than its usual course.
    middle : ndarray, shape (k,)
        Mean frame of the localizations of each segment.
    chosen : dict
        Plain JSON values.
    """

    edges: IntArray
    drift: FloatArray
    valid: BoolArray
    evidence: FloatArray
    jumps: IntArray
    middle: FloatArray
    chosen: dict[str, Any] = field(default_factory=dict)

    def is_lost(self, timeline: Timeline) -> BoolArray:
        """Tell which frames are in a window that is not valid."""
        return np.asarray(~self.valid[self.window_of(timeline.frames)])

    def window_of(self, frames: FloatArray | IntArray) -> IntArray:
        """Return the number of the window that each frame lies in, the nearest of those outside."""
        window = np.searchsorted(self.edges, frames, side="right") - 1
        return np.clip(window, 0, len(self.valid) - 1)

    def in_frames(self, timeline: Timeline) -> FrameDrift:
        """Return the drift in each frame, 0 if nothing is valid.

        It is linear between the mean frames of windows, and constant before the first and after the
        last; nothing is interpolated across a jump.
        """
        timeline = timeline.with_jumps(np.union1d(self.jumps, timeline.jumps).astype(np.int64))
        drift = np.zeros((len(timeline.frames), self.drift.shape[1]))
        of_frame = timeline.segment
        of_window = np.searchsorted(timeline.jumps, self.middle, side="right")
        for segment in np.unique(of_frame) if self.valid.any() else []:
            asked, use = of_frame == segment, self.valid & (of_window == segment)
            use = use if use.any() else self.valid
            for axis, values in enumerate(self.drift[use].T):
                drift[asked, axis] = np.interp(timeline.frames[asked], self.middle[use], values)
        return FrameDrift(timeline, drift)

    def moved(self, shift: FrameDrift, jumps: IntArray) -> Coarse:
        """Return the same with more drift in each frame, and windows that end at more jumps."""
        frames, inside = shift.timeline.frames, np.union1d(self.edges[1:-1], jumps)
        inside = inside[(inside > frames[0]) & (inside <= frames[-1])]
        # The windows of a sample may begin later, and end earlier.
        edges = np.concatenate([frames[:1], inside, [shift.timeline.stop]]).astype(np.int64)
        edges = filled(frames, edges)
        windows = shift.timeline.cut(edges)
        of = np.searchsorted(self.edges[1:-1], edges[:-1], side="right")
        drift = windows.mean(self.in_frames(shift.timeline).drift + shift.drift)
        drift = np.where(self.valid[of, None], drift, np.nan)
        return replace(
            self,
            edges=edges,
            drift=drift,
            valid=self.valid[of],
            evidence=self.evidence[of],
            jumps=np.union1d(self.jumps, jumps).astype(np.int64),
            middle=windows.mean_frame,
        )

    def with_drift(self, drift: FrameDrift) -> Coarse:
        """Return windows that end at the same edges, and at the jumps of a drift, which is known.

        All are valid.
        """
        rest = replace(self, drift=np.zeros_like(self.drift), valid=np.ones_like(self.valid))
        return rest.moved(drift, drift.timeline.jumps)

    def after(
        self, start: FrameDrift, earlier: IntArray, cell: FloatArray, told: IntArray | None
    ) -> Coarse:
        """Return the drift of a sample from which another one had been taken off.

        Its windows end where these do and at the ``earlier`` edges, those of the other drift. Of
        its jumps, those that are told stay, and those that are unusual steps.
        """
        edges = filled(start.timeline.frames, np.union1d(self.edges, earlier))
        windows = start.timeline.cut(edges)
        of = np.searchsorted(self.edges, edges[:-1], side="right") - 1
        drift = self.drift[of] + windows.mean(start.drift)
        steps = steps_of(drift / np.where(np.isfinite(cell), cell, np.inf))
        unusual = np.zeros(len(self.jumps), bool)
        for before, after in steps:
            unusual |= (edges[before] < self.jumps) & (self.jumps < edges[after + 1])
        if told is not None:
            unusual |= np.isin(self.jumps, told)
        jumps = self.jumps[unusual]
        return Coarse(
            *(edges, drift, self.valid[of], self.evidence[of], jumps, windows.mean_frame),
            {**self.chosen, "jumps": jumps.tolist()},
        )


def followed(
    sample: ChunkedLocalizations,
    precision: FloatArray,
    threads: int | None,
    ladder: tuple[tuple[int, int], ...] = LADDER,
) -> Coarse:
    """Follow the localizations of a sample, in the order of frames, from segment to segment.

    Of what was followed, and simpler courses, the simplest that localizations ask for counts.
    """
    n, d = sample.positions.shape
    arrays = np.ascontiguousarray(sample.positions), sample.frames
    cell = CELL * np.append(precision, np.nan)[:3]
    if n < 2:
        return nothing(sample)
    given = sample.jumps
    lateral = np.array([1 / cell[0], 1 / cell[1], 0.0])

    def attempt(edges: IntArray) -> tuple[float, WindowDrift, FloatArray, IntArray]:
        motion = WindowDrift.at_rest(arrays[1], edges)
        best = (-1.0, motion, np.zeros((len(edges) - 1, 5)), edges)
        for start in (0.5, 0.1, 0.9):
            found = _followed(arrays, motion, lateral, int(start * (len(edges) - 1)))
            height = score(arrays, found[0], lateral, 1)
            if height > best[0]:
                best = (height, *found, edges)
            if np.mean(best[2][:, 4] != 0) > 0.5:
                break
        return best

    tried: list[tuple[float, WindowDrift, FloatArray, IntArray]] = []
    for sizes in ladder:
        candidates = [cut(arrays[1], q, _MOST_SEGMENTS, given) for q in sizes]
        tried += map_threads(attempt, candidates, threads=threads)
        tried.sort(key=lambda t: len(t[3]))
        highest = max(t[0] for t in tried)
        clear = [
            np.mean(t[2][:, 4] != 0) > _MATCHED and t[0] > highest * (1 - AGREE) for t in tried
        ]
        if all(clear) and highest > 0:
            break
    # If longer segments do as well they are better.
    short = [
        int(np.median(np.diff(t[3])))
        for t in tried
        if np.mean(t[2][:, 4] != 0) < _MATCHED or t[0] < highest * (1 - AGREE)
    ]
    _, motion, matched, edges = next(t for t in tried if t[0] >= highest * (1 - _TIE))
    axes = [0, 1]
    if d == 3 and np.isfinite(precision[2]) and precision[2] > 0:
        axes = [0, 1, 2]
        motion, matched = _heights(arrays, motion, matched, cell)
    elif d == 3:
        motion.drift[:, 2] = 0.0
    scale = np.where(np.isin(range(3), axes), 1 / np.where(cell > 0, cell, 1.0), 0.0)
    motion = verified(arrays, motion, scale, threads)
    motion = refined(arrays, motion, scale, axes, threads)
    drift = np.where(astray(motion.drift / cell_of(cell))[:, None], np.nan, motion.drift)
    motion = replace(motion, drift=drift)
    valid = np.asarray(np.isfinite(motion.drift).all(axis=1))
    if valid.sum() < max(2, _FEWEST * len(valid)):
        return nothing(sample)
    evidence = np.where(matched[:, 3] > 0, matched[:, 3], np.median(matched[valid, 3]))
    evidence = np.where(valid, evidence, 0.0)
    edges, motion, evidence, jumps = with_jumps(arrays, edges, motion, evidence, scale, given)
    motion = replace(motion, drift=bridged(motion, scale))
    valid = motion.known
    any_course = Simple(motion, jumps, score(arrays, motion, scale, threads))
    length = int(np.median(np.diff(edges)))
    chosen: dict[str, Any] = {"coarse_frames_per_segment": length}
    shorter = [m for m in short if m < length]
    if shorter:
        chosen["widened_from_frames"] = min(shorter)
    told = np.empty(0, np.int64) if given is None else np.intersect1d(given, edges)
    best = simplest(arrays, any_course, edges, told, scale, threads)
    chosen["jumps"] = best.jumps.tolist()
    return Coarse(
        *(edges, best.motion.drift[:, :d], valid, evidence, best.jumps, motion.middle),
        chosen,
    )


def bridged(motion: WindowDrift, scale: FloatArray) -> FloatArray:
    """Return the drift, interpolated where both ends of a missing part are close to each other."""
    drift = motion.drift.copy()
    known = np.flatnonzero(motion.known)
    for before, after in pairwise(known):
        near = np.abs((drift[after] - drift[before]) * scale).max() < 1
        if after > before + 1 and near:
            t = motion.middle[before : after + 1]
            part = ((t - t[0]) / (t[-1] - t[0]))[1:-1, None]
            drift[before + 1 : after] = drift[before] + part * (drift[after] - drift[before])
    return drift


def sample_of(localizations: ChunkedLocalizations) -> ChunkedLocalizations:
    """Return the localizations that are followed, in the order of frames."""
    size = _SAMPLE if len(localizations.frames) > _ALL else _ALL
    positions, frames = sampled(localizations, size)
    return replace(localizations, positions=positions, frames=frames, uncertainty=None)


def _followed(
    arrays: tuple[Any, ...], motion: WindowDrift, scale: FloatArray, start: int
) -> tuple[WindowDrift, FloatArray]:
    k = len(motion.middle)
    order = _order(start, k)
    reaches = np.array([[_NEAR, _NEAR, 0], [_FAR, _FAR, 0]])
    found = follow(arrays, motion, scale, order, reaches)
    drift = np.where(found[:, 4:] != 0, found[:, :3], np.nan)
    return replace(motion, drift=drift), found


def _order(start: int, k: int) -> IntArray:
    """Return segments onwards from one, back from there, and again: those missed once may fit."""
    onwards, back = np.arange(start, k), np.arange(start - 1, -1, -1)
    return np.concatenate([onwards, back, onwards, back])


def follow(
    arrays: tuple[Any, ...],
    motion: WindowDrift,
    scale: FloatArray,
    order: IntArray,
    reaches: IntArray,
) -> FloatArray:
    """Return (drift in addition, significance, how) of each segment."""
    image = Image(scale)
    kernel = replace(kernel_of(scale), reach=tuple(np.minimum(reaches[0], 1).tolist()))
    out = loops.follow(
        arrays, motion.bounds, motion.drift * scale, scale, image.arrays, image.quantum,
        kernel.arrays(), order, reaches, LEVEL, _MOST_WAITING, _MOLECULES, FEW,
    )  # fmt: skip
    out[:, :3] /= np.where(scale > 0, scale, np.inf)
    return out


def _heights(
    arrays: tuple[Any, ...], motion: WindowDrift, found: FloatArray, cell: FloatArray
) -> tuple[WindowDrift, FloatArray]:
    scale = np.array([0.5, 0.5, 1.0]) / cell
    valid = np.flatnonzero(found[:, 4] != 0)
    start = int(valid[np.argmax(np.diff(motion.bounds)[valid])]) if len(valid) else 0
    k = len(motion.middle)
    order = _order(start, k)
    reaches = np.array([[0, 0, _NEAR_Z], [0, 0, _FAR_Z]])
    z = follow(arrays, motion, scale, order, reaches)
    drift = motion.drift.copy()
    drift[:, 2] = z[:, 2]
    drift[z[:, 4] == 0] = np.nan
    return replace(motion, drift=drift), np.where(z[:, 4:] != 0, found, 0.0)


def nothing(localizations: ChunkedLocalizations) -> Coarse:
    """Return that nothing could be followed: a single segment that is not valid."""
    frames = localizations.frames
    edges = np.array([frames[0], frames[-1] + 1])
    d = localizations.positions.shape[1]
    return Coarse(
        edges, np.full((1, d), np.nan), np.zeros(1, bool), np.zeros(1),
        np.zeros(0, np.int64), np.array([float(edges.mean())]),
    )  # fmt: skip

"""Segments or chunks fitted into all others, from a coarse start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.methods.aim.window_length import best_length, joined
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.jump_frames import tapered
from smlm_accessor.methods.coarse.sampling import cut
from smlm_accessor.methods.coarse.sparse_image import (
    Image,
    Kernel,
    WindowDrift,
    looks,
    pulls,
    segments,
    step,
)
from smlm_accessor.methods.coarse.tracker import Coarse

_SHORT = 30  # localizations of a short segment
_MOST_SHORT = 40_000
_FEW = 8  # localizations of a segment beside a jump
_CELL = 2.0  # in precisions
_WIDTH = 0.5  # of the kernel, in cells: one precision
_LEVEL = 5.0
_NEAR, _FAR = 3, 10  # cells


@dataclass(frozen=True)
class Fit:
    """Fit segments into the image of all others."""

    localizations: ChunkedLocalizations
    precision: FloatArray
    threads: int | None

    @property
    def axes(self) -> list[int]:
        """Axes along which anything can be told."""
        d = self.localizations.positions.shape[1]
        return [a for a in range(d) if np.isfinite(self.precision[a]) and self.precision[a] > 0]

    @property
    def scale(self) -> FloatArray:
        """Cells per unit length."""
        scale = np.zeros(3)
        scale[self.axes] = 1 / (_CELL * self.precision[self.axes])
        return scale

    @property
    def kernel(self) -> Kernel:
        """Of one precision."""
        exists = self.scale > 0
        return Kernel((1, 1, int(exists[2])), np.where(exists, _WIDTH**-2, 0.0), 0.5)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the loops take."""
        return self.localizations.positions, self.localizations.frames

    def image(self, motion: WindowDrift) -> Image:
        """Return the image of all localizations."""
        image = Image(self.scale)
        image.add(self.arrays, motion)
        return image

    def round(self, motion: WindowDrift) -> tuple[WindowDrift, FloatArray]:
        """Move every segment to where all others pull it; return the variance, too."""
        known = np.isfinite(motion.drift).all(axis=1)
        if not known.any() or len(self.axes) < 2:
            return motion, np.full_like(motion.drift, np.nan)
        exists, kernel = self.scale > 0, self.kernel
        around = np.stack([motion.bounds[:-1], motion.bounds[1:]], axis=1)
        sums = pulls(self.arrays, motion, self.image(motion), kernel, around, motion, self.threads)
        move, variance = step(sums, kernel, self.axes)
        n = np.diff(motion.bounds)
        # The others go on without the segment, which has its part in where all of them are.
        rest = 1 - n / max(n[known].sum(), 1)
        length = np.where(exists, 1 / np.where(exists, self.scale, 1.0), 0.0)
        move = np.clip(move, -1, 1) * rest[:, None] * length
        return replace(motion, drift=motion.drift + move), variance * length**2


def of_time(
    localizations: ChunkedLocalizations,
    found: Coarse,
    fit: Fit,
    chosen: dict[str, Any],
    frames_per_segment: int | None,
) -> tuple[IntArray, WindowDrift]:
    """Choose segments, and return their edges and coarse drift."""
    if not found.valid.any():
        motion = segments(localizations.frames, found.edges)
        motion.drift[:] = np.nan
        return found.edges, motion
    if frames_per_segment is not None:
        first, last = int(localizations.frames[0]), int(localizations.frames[-1]) + 1
        edges = np.append(np.arange(first, last, int(frames_per_segment)), last)
        edges = np.union1d(edges, found.jumps)
        edges = _filled(localizations.frames, edges)
        return edges, started(segments(localizations.frames, edges), found)
    edges = np.union1d(cut(localizations.frames, _SHORT, _MOST_SHORT), found.jumps)
    edges = _filled(localizations.frames, edges)
    short = started(segments(localizations.frames, edges), found)
    motion, variance = fit.round(short)
    known = np.isfinite(motion.drift).all(axis=1)
    axes = fit.axes
    many = best_length(
        motion.middle[known],
        motion.drift[known][:, axes] / fit.precision[axes],
        variance[known][:, axes] / fit.precision[axes] ** 2,
        np.diff(motion.bounds)[known],
    )
    parts = np.split(edges, np.searchsorted(edges, found.jumps))
    ends = [*found.jumps, edges[-1]]
    parts = [np.unique(np.append(part, end)) for part, end in zip(parts, ends, strict=True)]
    edges = np.unique(np.concatenate([joined(part, many) for part in parts]))
    frames_of_few = -(-_FEW * (edges[-1] - edges[0]) // len(localizations.frames))
    edges = tapered(edges, found.jumps, max(2, int(frames_of_few)))
    edges = _filled(localizations.frames, edges)
    chosen["frames_per_segment"] = int(np.median(np.diff(edges)))
    return edges, merged(segments(localizations.frames, edges), motion, found)


def merged(motion: WindowDrift, short: WindowDrift, found: Coarse) -> WindowDrift:
    """Return segments with the mean drift of the short ones in them, where there are any."""
    motion = started(motion, found)
    n = np.diff(short.bounds) * np.isfinite(short.drift).all(axis=1)
    segment = np.searchsorted(motion.bounds, short.bounds[:-1], side="right") - 1
    weight = np.bincount(segment, n, len(motion.middle))
    drift = motion.drift.copy()
    for axis in range(3):
        total = np.bincount(segment, n * np.nan_to_num(short.drift[:, axis]), len(motion.middle))
        mean = total / np.maximum(weight, 1)
        drift[:, axis] = np.where(weight > 0, mean, drift[:, axis])
    return replace(motion, drift=np.where(np.isfinite(motion.drift), drift, np.nan))


def _filled(frames: IntArray, edges: IntArray) -> IntArray:
    """Return edges of segments that all have localizations."""
    return np.append(edges[:-1][np.diff(np.searchsorted(frames, edges)) > 0], edges[-1])


def of_chunks(
    localizations: ChunkedLocalizations, found: Coarse, fit: Fit
) -> tuple[WindowDrift, FloatArray]:
    """Return the coarse drift of the chunks of the user, and how sure it is."""
    k = localizations.n_chunks
    sums = np.concatenate(
        [[0.0], np.cumsum(localizations.frames - localizations.frames[:1].mean())]
    )
    count = np.maximum(np.diff(localizations.bounds), 1)
    first = localizations.frames[0] if len(localizations.frames) else 0
    middle = np.diff(sums[localizations.bounds]) / count + first
    motion = WindowDrift(localizations.bounds, np.full((k, 3), np.nan), np.zeros((k, 3)), middle)
    if not found.valid.any():
        return motion, np.zeros(k)
    motion = started(motion, found)
    motion = replace(motion, slope=np.zeros((k, 3)))
    motion.drift[np.diff(localizations.bounds) == 0] = np.nan
    image = fit.image(motion)
    around = np.stack([motion.bounds[:-1], motion.bounds[1:]], axis=1)
    reaches = np.array([[_NEAR] * 3, [_FAR] * 3]) * (fit.scale > 0)
    seen = looks(fit.arrays, motion, image, around, reaches, _LEVEL, fit.threads)
    drift = np.where(seen[:, 4:] >= 0, motion.drift + seen[:, :3], np.nan)
    return replace(motion, drift=drift), seen[:, 3]


def started(motion: WindowDrift, found: Coarse) -> WindowDrift:
    """Return the segments with the coarse drift and its slope; NaN where there is none."""
    at, slope = np.zeros_like(motion.drift), np.zeros_like(motion.drift)
    d = found.drift.shape[1]
    ends = np.concatenate([[-np.inf], found.jumps, [np.inf]])
    for first, last in pairwise(ends):
        use = found.valid & (found.middle >= first) & (found.middle < last)
        asked = (motion.middle >= first) & (motion.middle < last)
        time, middle = found.middle[use], motion.middle[asked]
        if not len(time) or not len(middle):
            continue
        at[asked, :d] = interpolate(time, found.drift[use], middle, kind="cubic")
        if len(time) > 1 and len(middle) > 1:
            slope[asked, :d] = np.gradient(at[asked, :d], middle, axis=0)
    segment = np.searchsorted(found.edges, motion.middle, side="right") - 1
    at[~found.valid[np.clip(segment, 0, len(found.valid) - 1)]] = np.nan
    return replace(motion, drift=at, slope=slope)


def evidence_of(found: Coarse, edges: IntArray) -> FloatArray:
    """Return the evidence of the coarse segment that each segment begins in."""
    segment = np.searchsorted(found.edges, edges[:-1], side="right") - 1
    return found.evidence[np.clip(segment, 0, len(found.evidence) - 1)]


def settled(motion: WindowDrift, before: WindowDrift | None, still: FloatArray) -> bool:
    """Tell whether segments moved less than so much, root mean square, in the last round."""
    if before is None:
        return False
    move = (motion.drift - before.drift)[:, : len(still)]
    known = np.isfinite(move).all(axis=1)
    if not known.any():
        return True
    spread = np.sqrt(np.mean((move[known] - move[known].mean(axis=0)) ** 2, axis=0))
    return bool((~(spread >= still)).all())

"""Windows fitted into the image of all others, from a coarse start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.kernels.time_series.outliers import distance_between
from smlm_accessor.methods.aim.sparse_image import (
    Image,
    Kernel,
    WindowDrift,
    gradient_sums,
    newton_step,
    search_windows,
)
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.checks import kernel_of
from smlm_accessor.methods.coarse.tracker import CELL, Coarse
from smlm_accessor.timeline import Timeline

_WIDTH = 0.5  # of the kernel, in cells: one precision
_NEAR, _FAR = 3, 10  # cells in which chunks of the user are looked for
_LEVEL = 5.0  # standard deviations of chance
# More than that is asked of a chunk that is not near the line between its neighbours: the coarse
# drift has looked for the best of 10,000 places. Chunks that shared nothing reached 7.3 in
# 56 tables, where the others were at 35 at least.
_ANYWHERE = 3.0


@dataclass(frozen=True)
class WindowFit:
    """Fits windows into the image of all others.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        In the order of frames.
    precision : ndarray, shape (d,)
    threads : int, optional
    blink : int, default 0
        Frames that a blink may go on for.
    """

    localizations: ChunkedLocalizations
    precision: FloatArray
    threads: int | None
    blink: int = 0

    @property
    def axes(self) -> list[int]:
        """Axes along which anything can be told."""
        return [a for a, p in enumerate(self.precision) if np.isfinite(p) and p > 0]

    @property
    def scale(self) -> FloatArray:
        """Cells per unit length, shape (3,); 0 along axes that tell nothing."""
        scale = np.zeros(3)
        scale[self.axes] = 1 / (CELL * self.precision[self.axes])
        return scale

    @property
    def kernel(self) -> Kernel:
        """Of one precision."""
        return kernel_of(self.scale, _WIDTH)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the loops take."""
        return self.localizations.positions, self.localizations.frames

    def gradient_sums(self, motion: WindowDrift, at: WindowDrift, around: IntArray) -> FloatArray:
        """Return the sums of windows ``at`` over the image of all without the rows ``around``."""
        image = Image(self.scale)
        image.add(self.arrays, motion)
        return gradient_sums(self.arrays, motion, image, self.kernel, around, at, self.threads)

    def refit(
        self, motion: WindowDrift, *, unbiased: bool = True
    ) -> tuple[WindowDrift, FloatArray]:
        """Take a Newton step, of a cell at most, with every window; return its variance, too.

        If not ``unbiased``, the variance is too small where localizations of a window are few.
        """
        if not motion.known.any() or len(self.axes) < 2:
            return motion, np.full_like(motion.drift, np.nan)
        exists = self.scale > 0
        cell = np.where(exists, 1 / np.where(exists, self.scale, 1.0), 0.0)
        sums = self.gradient_sums(motion, motion, motion.rows)
        counts = motion.counts * motion.known if unbiased else None
        move, variance = newton_step(sums, self.kernel, self.axes, counts)
        # The others move, too: a window with half of all localizations has to go half the way.
        rest = 1 - motion.counts / max(motion.counts[motion.known].sum(), 1)
        move = np.clip(move, -1, 1) * rest[:, None] * cell
        return replace(motion, drift=motion.drift + move), variance * cell**2


def curve(
    at: FloatArray | IntArray, middle: FloatArray, drift: FloatArray, jumps: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return a cubic through the drift of windows, and its slope, at other frames: shapes (k, 3).

    Nothing is interpolated across a jump; both are 0 in a segment without windows.
    """
    value, slope = np.zeros((len(at), 3)), np.zeros((len(at), 3))
    d = drift.shape[1]
    for first, stop in pairwise(np.concatenate([[-np.inf], jumps, [np.inf]])):
        use = (middle >= first) & (middle < stop)
        asked = (at >= first) & (at < stop)
        if not use.any() or not asked.any():
            continue
        value[asked, :d] = interpolate(middle[use], drift[use], at[asked], kind="cubic")
        if use.sum() > 1 and asked.sum() > 1:
            slope[asked, :d] = np.gradient(value[asked, :d], at[asked], axis=0)
    return value, slope


def started(motion: WindowDrift, found: Coarse) -> WindowDrift:
    """Return windows with the coarse drift and its slope; NaN where there is none."""
    use = found.valid
    at, slope = curve(motion.middle, found.middle[use], found.drift[use], found.jumps)
    at[~use[found.window_of(motion.middle)]] = np.nan
    return replace(motion, drift=at, slope=slope)


@dataclass(frozen=True)
class MovingChunks:
    """Chunks of the user at the mean drift of their localizations, and how they move within.

    Parameters
    ----------
    localizations : ChunkedLocalizations
    motion : WindowDrift
    timeline : Timeline
    within : ndarray, shape (n_frames, 3)
        Drift of each frame less the mean of its chunk; 0 where it is not known.
    """

    localizations: ChunkedLocalizations
    motion: WindowDrift
    timeline: Timeline
    within: FloatArray

    @classmethod
    def of(
        cls, localizations: ChunkedLocalizations, windows: WindowDrift, jumps: IntArray
    ) -> MovingChunks:
        """Return the chunks with the curve through the drift of windows."""
        timeline, k = Timeline.of(localizations.frames), localizations.n_chunks
        known = windows.known
        drift, _ = curve(timeline.frames, windows.middle[known], windows.drift[known], jumps)
        # All localizations of a frame are in one window, and in one chunk.
        row = np.cumsum(timeline.counts) - timeline.counts
        told = known[np.searchsorted(windows.bounds, row, side="right") - 1]
        chunk = np.searchsorted(localizations.bounds, row, side="right") - 1
        weight = np.where(told, timeline.counts, 0)
        sums = [np.bincount(chunk, weight * x, k) for x in drift.T]
        count = np.bincount(chunk, weight, k)
        mean = np.where(count > 0, sums / np.maximum(count, 1), np.nan).T
        within = np.where(told[:, None], drift - mean[chunk], 0.0)
        rest = WindowDrift.at_rest(localizations.frames, localizations.frame_edges())
        motion = replace(rest, bounds=localizations.bounds, drift=mean)
        return cls(localizations, motion, timeline, within)

    def blur(self, precision: FloatArray, axes: list[int]) -> float:
        """Return the root mean square motion within chunks, in precisions, of the worst axis."""
        squares = (self.within[:, axes] / precision[axes]) ** 2
        return float(np.sqrt(np.average(squares, axis=0, weights=self.timeline.counts).max()))

    @property
    def still(self) -> ChunkedLocalizations:
        """The localizations less the motion within chunks, which move as a whole then."""
        positions = self.localizations.positions
        within = self.within[:, : positions.shape[1]].take(self.timeline.of_rows, axis=0)
        return replace(self.localizations, positions=positions - within)


def verified(fit: WindowFit, motion: WindowDrift) -> tuple[WindowDrift, FloatArray]:
    """Return the chunks that stand out from chance where they lie, or nearby, and how far."""
    image = Image(fit.scale)
    image.add(fit.arrays, motion)
    seen = search_windows(
        *(fit.arrays, motion, image, motion.rows, np.outer([_NEAR, _FAR], fit.scale > 0)),
        *(_LEVEL, fit.threads),
        sure=True,
    )
    drift = np.where(seen[:, 4:] >= 0, motion.drift + seen[:, :3], np.nan)
    astray = _from_neighbours(drift * fit.scale) > _NEAR
    drift[astray & (seen[:, 3] < _LEVEL + _ANYWHERE)] = np.nan
    return replace(motion, drift=drift), seen[:, 3]


def _from_neighbours(drift: FloatArray) -> FloatArray:
    """Return how far known drifts, (k, 3), are from the straight lines between their neighbours."""
    away = np.zeros(len(drift))
    known = np.flatnonzero(np.isfinite(drift).all(axis=1))
    if len(known) > 1:
        there = drift[known]
        before, after = np.vstack([there[1], there[:-1]]), np.vstack([there[1:], there[-2]])
        away[known] = distance_between(there, before, after)
    return away


def is_settled(motion: WindowDrift, before: WindowDrift, still: FloatArray) -> bool:
    """Tell whether windows moved less than so much, root mean square, in the last round."""
    move = (motion.drift - before.drift)[motion.known, : len(still)]
    # NaN along an axis that tells nothing.
    return not len(move) or not (move.std(axis=0) >= still).any()

"""Windows fitted into the image of all others, from a coarse start."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.methods.aim.sparse_image import (
    Image,
    Kernel,
    WindowDrift,
    gradient_sums,
    newton_step,
)
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.tracker import Coarse

CELL = 2.0  # precisions: edge of a cell, as in the paper
_WIDTH = 0.5  # of the kernel, in cells: one precision
_BACKGROUND = 0.5  # density that is added everywhere, in localizations


@dataclass(frozen=True)
class WindowFit:
    """Fits windows into the image of all others.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        In the order of frames.
    precision : ndarray, shape (d,)
    threads : int, optional
    """

    localizations: ChunkedLocalizations
    precision: FloatArray
    threads: int | None

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
        exists = self.scale > 0
        reach = (1, 1, int(exists[2]))
        return Kernel(reach, np.where(exists, _WIDTH**-2, 0.0), _BACKGROUND)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the loops take."""
        return self.localizations.positions, self.localizations.frames

    def gradient_sums(self, motion: WindowDrift, at: WindowDrift, around: IntArray) -> FloatArray:
        """Return the sums of windows ``at`` over the image of all without the rows ``around``."""
        image = Image(self.scale)
        image.add(self.arrays, motion)
        return gradient_sums(self.arrays, motion, image, self.kernel, around, at, self.threads)

    def refit(self, motion: WindowDrift) -> tuple[WindowDrift, FloatArray]:
        """Take a Newton step, of a cell at most, with every window; return its variance, too."""
        if not motion.known.any() or len(self.axes) < 2:
            return motion, np.full_like(motion.drift, np.nan)
        exists = self.scale > 0
        cell = np.where(exists, 1 / np.where(exists, self.scale, 1.0), 0.0)
        sums = self.gradient_sums(motion, motion, motion.rows)
        move, variance = newton_step(sums, self.kernel, self.axes)
        # The others move, too: a window with half of all localizations has to go half the way.
        rest = 1 - motion.counts / max(motion.counts[motion.known].sum(), 1)
        move = np.clip(move, -1, 1) * rest[:, None] * cell
        return replace(motion, drift=motion.drift + move), variance * cell**2


def started(motion: WindowDrift, found: Coarse) -> WindowDrift:
    """Return windows with the coarse drift and its slope; NaN where there is none.

    The coarse drift is interpolated between jumps by a cubic.
    """
    at, slope = np.zeros_like(motion.drift), np.zeros_like(motion.drift)
    d = found.drift.shape[1]
    for first, last in pairwise(np.concatenate([[-np.inf], found.jumps, [np.inf]])):
        use = found.valid & (found.middle >= first) & (found.middle < last)
        asked = (motion.middle >= first) & (motion.middle < last)
        time, middle = found.middle[use], motion.middle[asked]
        if not len(time) or not len(middle):
            continue
        at[asked, :d] = interpolate(time, found.drift[use], middle, kind="cubic")
        if len(time) > 1 and len(middle) > 1:
            slope[asked, :d] = np.gradient(at[asked, :d], middle, axis=0)
    at[~found.valid[_of_coarse(motion, found)]] = np.nan
    return replace(motion, drift=at, slope=slope)


def evidence_of(motion: WindowDrift, found: Coarse) -> FloatArray:
    """Return the evidence of the coarse window that each window lies in; 0 for empty ones."""
    return np.where(motion.counts > 0, found.evidence[_of_coarse(motion, found)], 0.0)


def _of_coarse(motion: WindowDrift, found: Coarse) -> IntArray:
    """Return the number of the coarse window that each window has its mean frame in."""
    window = np.searchsorted(found.edges, motion.middle, side="right") - 1
    return np.clip(window, 0, len(found.valid) - 1)


def of_chunks(localizations: ChunkedLocalizations, found: Coarse) -> WindowDrift:
    """Return the chunks of the user with the coarse drift and its slope."""
    rest = WindowDrift.at_rest(localizations.frames, localizations.frame_edges())
    motion = started(replace(rest, bounds=localizations.bounds), found)
    drift = np.where(localizations.counts[:, None] > 0, motion.drift, np.nan)
    return replace(motion, drift=drift)


def is_settled(motion: WindowDrift, before: WindowDrift, still: FloatArray) -> bool:
    """Tell whether windows moved less than so much, root mean square, in the last round."""
    move = (motion.drift - before.drift)[motion.known, : len(still)]
    # NaN along an axis that tells nothing.
    return not len(move) or not (move.std(axis=0) >= still).any()

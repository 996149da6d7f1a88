"""Gradient and information of the parameters of a motion, from sums over field blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.time_series.trend import Rates, Trend, local_trend
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.timeline import Timeline, Windows

# Windows over which the parameters are told. A sample turns more slowly than it moves.
_WINDOWS = 200
# Field blocks along x and y, and along z: within a block the velocity differs by an eighth of that
# of the field, which takes 1 / 64 of the information.
_ACROSS, _DEEP = 8, 3
_ROUNDING = 1e-3  # of the variance of the mean: no variance is less
_SEEN = 0.2  # of the usual weight: windows with less do not count


@dataclass(frozen=True)
class BlockSums:
    """Sums over the events of each window in each field block; lengths in those of the table.

    ``gradient``, ``curvature`` and ``squared`` have shape (n_windows, n_blocks, d), and ``middle``,
    the mean position of the events of a block, (n_blocks, d). Half the blocks are ``even``: like
    one colour of a chessboard.
    """

    gradient: FloatArray
    curvature: FloatArray
    squared: FloatArray
    middle: FloatArray
    even: BoolArray

    @classmethod
    def of(
        cls, density: Density, drift: FloatArray, windows: Windows, *, every: int = 1
    ) -> BlockSums:
        """Add up over windows and blocks at once; one in ``every`` blocks of events counts."""
        d = len(density.precision)
        positions = density.positions * density.precision
        lower = by_column.lowest(positions)
        extent = np.maximum(by_column.extent(positions), 1e-300)
        shape = np.array([_ACROSS, _ACROSS, _DEEP][:d])
        cell = np.minimum((positions - lower) / extent * shape, shape - 1).astype(np.int64)
        block = np.ravel_multi_index(tuple(cell.T), tuple(shape))
        inside = np.bincount(block)
        present, counts = np.flatnonzero(inside), inside[inside > 0]
        block = (np.cumsum(inside > 0) - 1)[block]
        even = np.sum(np.unravel_index(present, tuple(shape)), axis=0) % 2 == 0
        middle = np.stack([np.bincount(block, x) / counts for x in positions.T], axis=1)
        total = density.by_group(drift, windows, block, every=every)
        gradient, curvature, squared = (total[..., a : a + d] for a in (1, 4, 7))
        scale = density.precision
        return cls(gradient / scale, curvature / scale**2, squared / scale**2, middle, even)

    @property
    def information(self) -> FloatArray:
        """Curvature of each block, that of all windows, at least 0; shape (n_blocks, d)."""
        return np.asarray(np.maximum(self.curvature.sum(axis=0), 0.0))

    def take(self, blocks: BoolArray) -> BlockSums:
        """Return the sums of some of the blocks."""
        of_windows = self.gradient[:, blocks], self.curvature[:, blocks], self.squared[:, blocks]
        return BlockSums(*of_windows, self.middle[blocks], self.even[blocks])

    def centred(self, velocity: FloatArray) -> FloatArray:
        """Return a velocity less its mean along each axis, so that the shift has no part in it."""
        weight = self.information
        total = np.maximum(weight.sum(axis=0), 1e-300)
        return np.asarray(velocity - (weight * velocity).sum(axis=0) / total)

    def along(self, velocity: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gradient, curvature and squared gradient by a parameter, (n_windows, n_blocks).

        The parameter moves the blocks with this ``velocity``, shape (n_blocks, d), centred.
        """
        velocity = self.centred(velocity)
        return (
            (self.gradient * velocity).sum(axis=2),
            (self.curvature * velocity**2).sum(axis=2),
            (self.squared * velocity**2).sum(axis=2),
        )

    def trend(
        self,
        velocity: FloatArray,
        windows: Windows,
        level: FloatArray,
        rates: Rates | None = None,
    ) -> tuple[Trend, float]:
        """Return the parameter over time, and the variance of its mean.

        From a start and the Newton steps of all blocks.
        """
        gradient, curvature, squared = (s.sum(axis=1) for s in self.along(velocity))
        weight = np.maximum(self.curvature.sum(axis=(1, 2)), 0.0)
        if not (curvature.sum() > 0 and squared.sum() > 0):
            nothing = np.zeros(len(windows))
            return Trend(nothing, nothing, nothing + np.inf, 0.0, 0.0, 0.0, 1.0), np.inf
        total = weight.sum()
        # That of a single window is too noisy to divide by, as in `newton_steps`.
        slope = np.maximum(weight / total * curvature.sum(), 1e-300)
        step = -(1 - weight / total) * gradient / slope
        variance = squared.sum() / curvature.sum() / slope
        seen = weight > _SEEN * np.median(weight)
        trend = local_trend(
            windows.mean_frame,
            level + np.where(seen, step, 0.0),
            np.where(seen, variance, np.inf),
            rates=rates,
        )
        # Against the mean of the table, whose own error has no part in it.
        of_mean = trend.noise / (1 / variance[seen]).sum()
        left = np.maximum(trend.variance - of_mean, _ROUNDING * of_mean)
        return trend._replace(variance=left), float(of_mean)


def windows_of(timeline: Timeline) -> Windows:
    """Return the windows over which parameters are told; they go on through jumps."""
    return replace(timeline, jumps=timeline.jumps[:0]).regularly(_WINDOWS)


def centred(trend: Trend) -> FloatArray:
    """Return the level less its mean: how the sample lies as a whole is not known."""
    return np.asarray(trend.level - trend.level.mean())

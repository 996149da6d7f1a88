"""The density of the localizations there are, onto which new ones are registered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import Float32Array, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.density.pair_kernel import COARSE, PairKernel
from smlm_accessor.kernels.density.pair_loops import N_PAIR_SUMS, most_around, pair_sums, space
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.first_drift import FEW, WINDOWS
from smlm_accessor.methods.overlap.iteration import NoEvidenceError, iterate
from smlm_accessor.timeline import Timeline, Windows

_SAMPLE = 20_000  # events that tell the usual information
_LIGHTEST = 0.8  # weight of an event: cells are as wide as the kernel of the least precise


class Sums(NamedTuple):
    """Sums over the events of each window, as those of `OverlapSums`.

    ``events`` and ``weight`` have the shape (k,), the others (k, d).
    """

    events: FloatArray
    weight: FloatArray
    gradient: FloatArray
    curvature: FloatArray
    squared: FloatArray

    @classmethod
    def of(cls, total: FloatArray, events: FloatArray, d: int) -> Sums:
        """Take the columns of `pair_sums` apart."""
        return cls(events, total[:, 0], *(total[:, a : a + d] for a in (1, 4, 7)))

    @property
    def information(self) -> float:
        """Information of all events, mean of x and y: ``sum(curvature)**2 / sum(squared)``."""
        curvature, squared = self.curvature.sum(axis=0)[:2], self.squared.sum(axis=0)[:2]
        return float((np.maximum(curvature, 0) ** 2 / np.maximum(squared, 1e-300)).mean())

    @property
    def quality(self) -> float:
        """Information over what it would be if the emitters were known."""
        return self.information / max(float(self.events.sum()), 1e-300)


@dataclass(frozen=True)
class Reference:
    """The events of localizations whose drift is known, less that drift.

    Parameters
    ----------
    fine, coarse : Density
        With the best kernel, and with one for drift that is known to about a precision or two.
    timeline : Timeline
        Of the reference.
    """

    fine: Density
    coarse: Density
    timeline: Timeline

    @classmethod
    def of(
        cls,
        localizations: ChunkedLocalizations,
        drift: FloatArray,
        precision: FloatArray,
        kernel: PairKernel,
        threads: int | None = None,
    ) -> Reference:
        """Merge blinks and sort them.

        Parameters
        ----------
        localizations : ChunkedLocalizations
        drift : ndarray, shape (n_frames, d)
            Of each frame that has localizations.
        precision : ndarray, shape (d,)
        kernel : PairKernel
        threads : int, optional
        """
        rows = WeightedLocalizations.of(localizations, precision)
        events = rows.events(drift, precision, rows.timeline.segment, threads=threads)
        fine, coarse = (
            Density.of(events, drift, precision, one, threads) for one in (kernel, COARSE)
        )
        return cls(fine, coarse, rows.timeline)

    def is_right(self) -> bool:
        """Tell whether events of other times agree with the drift that was taken off."""
        density, drift = self.coarse, self.coarse.sorted_with
        windows = self.timeline.regularly(WINDOWS)
        try:
            found = iterate(
                drift, windows, density, rounds=1, tolerance=0, every=density.one_in(FEW)
            )
        except NoEvidenceError:
            return False
        return found.agrees_with(drift) and bool((found.chance <= FALSE_ALARM).all())

    @property
    def frames(self) -> IntArray:
        """Frames of the reference, increasing."""
        return self.timeline.frames

    @property
    def precision(self) -> FloatArray:
        """Usual precision along each axis."""
        return self.fine.precision

    @property
    def gap(self) -> int:
        """Frames after which hardly any blink goes on."""
        return self.fine.events.lifetime * 3 // 2 + 2

    @cached_property
    def positions(self) -> FloatArray:
        """Positions of the events less their drift, shape (n, d)."""
        return np.asarray(self.fine.positions * self.precision)

    @cached_property
    def usual(self) -> Sums:
        """What some events of the reference show in the density of the others, in one window."""
        return self._of_itself(1)

    @cached_property
    def usual_of_half(self) -> Sums:
        """The same if half of the events made the density."""
        return self._of_itself(2)

    def _of_itself(self, every: int) -> Sums:
        density = self.fine
        some = np.arange(0, len(density.positions), density.one_in(_SAMPLE))
        where, variance = density.moved(density.change(density.sorted_with), some)
        frame = density.frame[some]
        near = np.stack([self.frames[frame] - self.gap, self.frames[frame] + self.gap], axis=1)
        left_out = np.searchsorted(self.frames, near)
        events = np.array([(density.kernel.factor / variance[0]).sum()])
        total = self._add_up(
            *(density, where, variance, left_out),
            *(np.zeros(len(some), np.int64), 1, every),
        )
        return Sums.of(total, events, len(self.precision))

    def sums(
        self, rows: WeightedLocalizations, drift: FloatArray, windows: Windows, *, fine: bool
    ) -> Sums:
        """Return the sums over windows of new localizations, in the density of the reference.

        Parameters
        ----------
        rows : WeightedLocalizations
        drift : ndarray, shape (n_frames, d)
            Of their frames.
        windows : Windows
            Of their frames.
        fine : bool
            Whether the drift is known to much less than a precision.
        """
        density = self.fine if fine else self.coarse
        frames, d = rows.timeline.frames, len(self.precision)
        one = np.zeros(len(frames), np.int64)
        events = rows.events(drift, self.precision, one, threads=density.threads)
        where = np.ascontiguousarray((events.positions / self.precision).T, dtype=np.float32)
        weights = np.stack([events.weight] * 2 + [events.axial] * (d - 2), dtype=np.float64)
        variance = 1 / np.maximum(weights, _LIGHTEST)
        scaled = (density.kernel.factor * variance + density.kernel.spread).astype(np.float32)
        near = np.stack([frames - self.gap, frames + self.gap], axis=1)
        left_out = np.searchsorted(self.frames, near)[events.frame]
        window, k = windows.of_frame[events.frame], len(windows)
        total = self._add_up(density, where, scaled, left_out, window, k)
        return Sums.of(total, np.bincount(window, 1 / variance[0], k).astype(np.float64), d)

    def _add_up(
        self,
        density: Density,
        where: Float32Array,
        variance: Float32Array,
        left_out: IntArray,
        window: IntArray,
        n_windows: int,
        every: int = 1,
    ) -> FloatArray:
        """Return `pair_sums` of positions in the density of one in so many of its events.

        ``left_out``, (n, 2), are the frames of the reference that do not count for each.
        """
        n, grid = len(window), density.cells.grid
        others = self._others[density is self.fine]
        number = density.cells.number
        if every > 1:
            some = slice(0, None, every)
            others = tuple(
                None if one is None else np.ascontiguousarray(one[..., some]) for one in others
            )
            number = number[some]
        around = grid.ranges(grid.number(where.T.astype(np.float64)), number)
        sums = np.zeros((n_windows, N_PAIR_SUMS))
        pair_sums(
            *(0, n, np.arange(n, dtype=np.int32), *around),
            *(where, variance, np.arange(n, dtype=np.int32), np.ones(n), window),
            left_out.astype(np.int32),
            *(*others, np.array([density.kernel.floor]), space(most_around(*around)), sums),
        )
        return sums

    @cached_property
    def _others(self) -> dict[bool, tuple[npt.NDArray[Any], ...]]:
        return {
            fine: one.others(one.change(one.sorted_with))
            for fine, one in ((True, self.fine), (False, self.coarse))
        }

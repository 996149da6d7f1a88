"""The density of the events of other times, and its gradient and curvature at each event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, starmap
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import Float32Array, FloatArray, Int32Array, IntArray
from smlm_accessor.backends import fill_rows, map_threads
from smlm_accessor.kernels.density.cells import Cells, sort_into_cells
from smlm_accessor.kernels.density.pair_kernel import PairKernel
from smlm_accessor.kernels.density.pair_loops import (
    N_PAIR_SUMS,
    densities,
    most_around,
    pair_sums,
    space,
)
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows
from smlm_accessor.methods.overlap.events import CorrectedEvents
from smlm_accessor.timeline import Windows

_BLOCKS = 16  # of events; the same for any number of threads
_AT_ONCE = 5_000  # events: of fewer, what is done before their sums takes longer than these
#: Events of a sample that tells which kernel is best, and how much events of each precision tell.
SAMPLE = 20_000
# Events around an event that make its density: about half of them lie within the kernel.
# Half as many cost half the time, and 1 to 2 % of precision.
_MOST_AROUND = 180
# Variance of an event over that of a usual localization, at most: less precise ones would need
# cells so wide that all others are slower. Along z, where uncertainties are known, those far from
# the focus are twice as imprecise as the usual ones, and as many.
_LEAST_PRECISE, _LEAST_PRECISE_Z = 1.2, 4.0
_MARGIN = 0.5  # precisions that the drift may change before neighbours leave the cells around
# Classes of precision, two to an octave of the weight, of which each gets its own weight; and the
# events that count as seen in each beforehand, so that a class with a few has the weight of all.
_CLASSES, _BEFOREHAND = 18, 20.0
_Rows = IntArray | Int32Array | slice


@dataclass(frozen=True)
class OverlapSums:
    """Sums over the events of each window, lengths in precisions.

    With the density ``f`` of others at an event, the shares ``r`` of these others in
    ``floor + f``, and the variance ``S`` of a pair:

    Parameters
    ----------
    events : ndarray, shape (n_windows,)
        Weights ``1 / v`` of the events: the information that they would have if the emitters were
        known.
    weight : ndarray, shape (n_windows,)
        ``sum(r / S)``, of events that have others around them.
    gradient, curvature, squared : ndarray, shape (n_windows, d)
        ``g = sum(r d / S)``, towards the others; ``-dg/dx``, the rate at which the gradient falls;
        and ``g**2``, of which the variance is made.
    block_events, block_curvature : ndarray
        The same of all windows, in each block of the field.
    """

    events: FloatArray
    weight: FloatArray
    gradient: FloatArray
    curvature: FloatArray
    squared: FloatArray
    block_events: FloatArray
    block_curvature: FloatArray

    @property
    def per_curvature(self) -> FloatArray:
        """Information of a unit of curvature, ``sum(curvature) / sum(squared)``, shape (d,)."""
        squared = np.maximum(self.squared.sum(axis=0), 1e-300)
        return np.asarray(self.curvature.sum(axis=0) / squared)

    @property
    def quality(self) -> FloatArray:
        """Information of each window over what it would be if the emitters were known."""
        information = (self.curvature * self.per_curvature)[:, :2].mean(axis=1)
        return np.asarray(information / np.maximum(self.events, 1e-300))


@dataclass(frozen=True)
class Density:
    """Events in cells, ready for sums with kernels of one kind.

    Parameters
    ----------
    events : CorrectedEvents
    precision : ndarray, shape (d,)
    kernel : PairKernel
    cells : Cells
    positions : ndarray, shape (n, d)
        In the order of cells, in precisions.
    frame : ndarray of int32, shape (n,)
        Index of the frame of each event in this order.
    sorted_with : ndarray, shape (n_frames, d)
        The drift that was taken off these; sums are for one that is not far from it.
    weight : ndarray, shape (n,)
        With which the gradient of each event counts.
    threads : int, optional
    """

    events: CorrectedEvents
    precision: FloatArray
    kernel: PairKernel
    cells: Cells
    positions: FloatArray
    frame: Int32Array
    sorted_with: FloatArray
    weight: FloatArray
    threads: int | None

    @classmethod
    def of(
        cls,
        events: CorrectedEvents,
        drift: FloatArray,
        precision: FloatArray,
        kernel: PairKernel,
        threads: int | None,
    ) -> Density:
        """Sort events, less a drift of shape (n_frames, d), into cells."""
        moved, positions = drift - events.start, np.empty(events.positions.shape)

        def less_drift(rows: _Rows) -> FloatArray:
            drift_of_rows = moved.take(events.frame[rows], axis=0)
            return np.asarray((_some(events.positions, rows) - drift_of_rows) / precision)

        fill_rows(less_drift, positions, threads=threads)
        widest = _widest(events, len(precision))
        cells = sort_into_cells(positions, kernel.reach(widest) + _MARGIN, _MOST_AROUND)
        # In the order of cells, in the same memory.
        fill_rows(lambda rows: less_drift(cells.order[rows]), positions, threads=threads)
        frame, alike = events.frame[cells.order], np.broadcast_to(1.0, len(positions))
        return cls(events, precision, kernel, cells, positions, frame, drift, alike, threads)

    def with_kernel(self, kernel: PairKernel, drift: FloatArray) -> Density:
        """Return the same events, less a drift, for another kernel; their gradients count alike."""
        return Density.of(self.events, drift, self.precision, kernel, self.threads)

    def information(self, drift: FloatArray, windows: Windows, *floors: float) -> FloatArray:
        """Return the logarithm of the information that each floor promises, or the kernel's.

        It is ``sum(curvature)**2 / sum(squared)``, the geometric mean over components, in a sample.
        """
        d, every = len(self.precision), self.one_in(SAMPLE)
        nothing = np.broadcast_to(np.int64(0), len(self.frame))
        total = np.sum(self._add_up(drift, windows, nothing.__getitem__, 1, every, floors), axis=0)
        curvature, squared = total[:, 4 : 4 + d], np.maximum(total[:, 7 : 7 + d], 1e-300)
        factors = np.stack([curvature, curvature / squared])
        return np.asarray(np.log(np.maximum(factors, 1e-300)).sum(axis=0).mean(axis=1))

    def sums(self, drift: FloatArray, windows: Windows, *, every: int = 1) -> OverlapSums:
        """Return the sums over windows, each compared with other windows that show other blinks.

        Parameters
        ----------
        drift : ndarray, shape (n_frames, d)
        windows : Windows
        every : int, default 1
            Over one in so many blocks of events only.
        """
        d, n = len(self.precision), len(windows)
        found = self._add_up(drift, windows, lambda rows: self._window(windows, rows), n, every)
        total, events, block_events = sum(found[1:], found[0]), np.zeros(n), []
        for rows in starmap(slice, self._blocks(every)):
            information = self.weight[rows] / self.variances(rows)[0]
            events += np.bincount(self._window(windows, rows), information, n)
            block_events.append(information.sum())
        return OverlapSums(
            events,
            total[:, 0],
            total[:, 1 : 1 + d],
            total[:, 4 : 4 + d],
            total[:, 7 : 7 + d],
            np.array(block_events),
            np.array([sums[:, 4 : 4 + d].sum(axis=0) for sums in found]),
        )

    def by_group(
        self, drift: FloatArray, windows: Windows, group: IntArray, *, every: int = 1
    ) -> FloatArray:
        """Return the columns of `pair_sums`, shape (n_windows, n_groups, 10), as of `sums`.

        ``group``, (n,), is that of each event in the order of cells.
        """
        n, k = len(windows), int(group.max()) + 1

        def row(rows: slice | IntArray) -> IntArray:
            return self._window(windows, rows) * k + group[rows]

        found = self._add_up(drift, windows, row, n * k, every)
        return np.asarray(np.sum(found, axis=0).reshape(n, k, N_PAIR_SUMS))

    def of_each(self, drift: FloatArray, windows: Windows) -> FloatArray:
        """Return the columns of `pair_sums` of each event, in the order of cells."""
        found = np.zeros((len(self.positions), N_PAIR_SUMS))
        row = np.arange(len(found))
        self._add_up(drift, windows, row.__getitem__, found, 1)
        return found

    def weighted(self, drift: FloatArray, windows: Windows) -> Density:
        """Return the density with gradients that count as much as they tell.

        Of all weights, ``sum(curvature) / sum(squared)`` over the events that are as precise gives
        the gradient the largest information.
        """
        d, octaves = len(self.precision), np.log2(1 / self.variances(slice(None))[0])
        row = np.clip(np.rint(2 * octaves), 0, _CLASSES - 1).astype(np.int8)
        del octaves
        found = self._add_up(drift, windows, lambda r: row[r], _CLASSES, self.one_in(SAMPLE))
        total = np.sum(found, axis=0)
        curvature, squared = total[:, 4 : 4 + d].mean(axis=1), total[:, 7 : 7 + d].mean(axis=1)
        if not curvature.sum() > 0:
            return self
        share = _BEFOREHAND / min(len(row), SAMPLE)
        curvature += share * curvature.sum()
        weight = np.maximum(curvature, 0) / (squared + share * squared.sum())
        return replace(self, weight=(weight / np.average(weight, weights=squared))[row])

    def at(
        self, positions: FloatArray, drift: FloatArray, left_out: tuple[int, int] | IntArray
    ) -> FloatArray:
        """Return the density of events of other frames at single localizations, over the floor.

        Parameters
        ----------
        positions, drift : ndarray, shape (m, d)
            Localizations, and the drift of each.
        left_out : tuple of int, or ndarray of int, shape (m, 2)
            Indices of frames whose events do not count (half open), for all or for each.
        """
        where, (factor, spread, floor) = (positions - drift) / self.precision, self.kernel
        grid, others = self.cells.grid, self.others(self.change(self.sorted_with))
        # What lies around a cell is looked up once for all that are in it.
        order, number = sorted_rows(grid.number(where))
        begins, n = equal_runs(number)
        around, found = self.cells.around(number[begins]), np.empty((2, len(where)))
        at = _columns(where.take(order, axis=0))
        densities(
            *(at, np.full_like(at, factor + spread), np.repeat(np.arange(len(n)), n), *around),
            np.broadcast_to(np.asarray(left_out, np.int32), (len(order), 2)).take(order, axis=0),
            *(*others, space(most_around(*around)), found[0]),
        )
        found[1, order] = found[0] / floor
        return np.asarray(found[1])

    def others(self, change: FloatArray) -> tuple[Any, ...]:
        """Return what `pair_sums` takes of the events that make the density, as far as ``deep``."""
        kept, d, factor = self.cells.kept, len(self.precision), self.kernel.factor
        where = np.empty((d, len(kept)), np.float32)
        variance = np.empty((d - 1, len(kept)), np.float32)  # along x and y, and along z
        fill_rows(lambda rows: self._where(change, kept[rows]), where.T, threads=1)
        fill_rows(lambda rows: factor * self.variances(kept[rows])[::2].T, variance.T, threads=1)
        frame = self.frame if len(kept) == len(self.frame) else self.frame[kept]
        stands_for = self.cells.stands_for.astype(np.float32)
        return where, variance, frame, stands_for, None if d == 2 else True

    def one_in(self, n: int) -> int:
        """Return one in how many blocks hold about ``n`` events."""
        return max(len(self.positions) // n, 1)

    def _blocks(self, every: int) -> list[tuple[int, int]]:
        return self.cells.blocks(_BLOCKS * every)[::every]

    def _add_up(
        self,
        drift: FloatArray,
        windows: Windows,
        row: Callable[[slice | IntArray], npt.NDArray[Any]],
        into: int | FloatArray,
        every: int,
        floors: tuple[float, ...] = (),
    ) -> list[FloatArray]:
        """Return the sums of `pair_sums` over the events of one in ``every`` blocks, by row.

        ``row`` tells the rows of a range of events. ``into`` is the number of rows, or one array
        for all, if each event has its own row.
        """
        left_out, change = self.events.left_out_of(windows), self.change(drift)
        cells, others = self.cells, self.others(change)
        most = most_around(cells.first, cells.stop)
        tried = np.array(floors or [self.kernel.floor])

        def add(some: list[tuple[int, int]]) -> list[FloatArray]:
            rows = np.concatenate([*starmap(np.arange, some)]) if some[1:] else slice(*some[0])
            frame, number, sums = self.frame[rows], row(rows), into
            if isinstance(sums, int):
                number = number + np.repeat(sums * np.arange(len(some)), [b - a for a, b in some])
                sums = np.zeros((len(some) * sums * len(tried), N_PAIR_SUMS))
            pair_sums(
                *(0, len(frame), cells.cell_of(rows), cells.first, cells.stop),
                *(*self.moved(change, rows), frame, np.array(self.weight[rows])),
                *(number, left_out, *others, tried, space(most), sums),
            )
            return list(sums.reshape(len(some), -1, N_PAIR_SUMS)) if sums is not into else []

        blocks = self._blocks(every)
        each = max(_AT_ONCE // max(blocks[0][1] - blocks[0][0], 1), 1)
        groups = [blocks[k : k + each] for k in range(0, len(blocks), each)]
        return list(chain.from_iterable(map_threads(add, groups, threads=self.threads)))

    def _window(self, windows: Windows, rows: slice | IntArray) -> IntArray:
        return np.asarray(windows.of_frame[self.frame[rows]])

    def change(self, drift: FloatArray) -> FloatArray:
        """Return what the drift of each frame changed by since the sorting, in precisions."""
        if drift is self.sorted_with:
            return np.zeros_like(drift)
        change = (drift - self.sorted_with) / self.precision
        return np.asarray(change - np.median(change, axis=0))  # a constant changes nothing

    def moved(self, change: FloatArray, rows: _Rows) -> tuple[Float32Array, Float32Array]:
        """Return where events are after this change, in precisions, and their variances."""
        variance = self.kernel.factor * self.variances(rows) + self.kernel.spread
        where = _columns(self._where(change, rows))
        return where, np.ascontiguousarray(variance, dtype=np.float32)

    def variances(self, rows: _Rows) -> FloatArray:
        """Return the variances of events in the order of cells, (d, m), in squared precisions."""
        events, order = self.events, self.cells.order[rows]
        widest = _widest(events, len(self.precision))
        lateral = 1 / np.maximum(events.weight.take(order).astype(np.float64), 1 / widest[0])
        if len(widest) == 2:
            return np.broadcast_to(lateral, (2, len(lateral)))
        axial = 1 / np.maximum(events.axial.take(order).astype(np.float64), 1 / widest[2])
        return np.stack([lateral, lateral, axial])

    def _where(self, change: FloatArray, rows: _Rows) -> FloatArray:
        return np.asarray(_some(self.positions, rows) - change.take(self.frame[rows], axis=0))


def _widest(events: CorrectedEvents, d: int) -> FloatArray:
    """Return the largest variance of an event along each axis, in squared precisions."""
    along_z = _LEAST_PRECISE if events.axial is events.weight else _LEAST_PRECISE_Z
    return np.array([_LEAST_PRECISE, _LEAST_PRECISE, along_z][:d])


def _some(positions: FloatArray, rows: _Rows) -> FloatArray:
    return positions[rows] if isinstance(rows, slice) else positions.take(rows, axis=0)


def _columns(positions: FloatArray) -> Float32Array:
    return np.ascontiguousarray(positions.T, dtype=np.float32)

"""The shifts of many tables at which all overlap most, and their joint covariance.

Each localization feels the density of all tables, see `table_sums`. Its gradients and curvatures
add up over pairs of tables, and all shifts are solved together, by Newton's method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.alignment.table_pairs import FEWEST_EFFECTIVE, TablePairs
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.cells import Cells, sort_into_cells
from smlm_accessor.kernels.density.pair_loops import CUT
from smlm_accessor.kernels.density.table_loops import table_sums
from smlm_accessor.kernels.solvers.redundant import connected

_THREADED = 16  # blocks of localizations; the same for any number of threads
# Localizations around one that make its density, at most: where a molecule is seen by 12 tables.
# A wide kernel, for a start, takes fewer.
_MOST_AROUND, _MOST_AROUND_WIDE = 800, 200
# Localizations whose gradients count while the kernel is wide: the shift changes anyhow.
_SAMPLE = 60_000
# Localizations whose gradients count in the end: half a minute for each step of Newton.
_MOST = 4_000_000
# Groups of field blocks, from which variances are: as many as so many numbers for pairs allow.
_GROUPS, _FEWEST_GROUPS, _MOST_SUMS = 256, 32, 4e6
# Edge of a field block in precisions, and in widths of the kernel: larger than most structures.
_BLOCK, _BLOCK_WIDTHS = 30.0, 4.0
_STEPS = 12  # of Newton, at most, for one kernel
# Steps, in standard deviations, that end the iteration, and that do at its last step.
_SMALL, _SMALL_ENOUGH = 0.03, 0.3
_FREE = 0.3  # widths that tables may move before localizations are sorted again
_NARROWER, _MUCH_WIDER = 1.5, 4.0  # as of two tables, see `overlap_fit`
_NARROWEST, _NARROWEST_KNOWN = 0.7, 100.0
_WORSE = 1.3
_MARGIN = 3.0  # widths of the kernel: less of the field at each of its edges
# Variance over that of a usual localization, at most: wider cells would make all others slower.
_LEAST_PRECISE, _HEAVIEST = 1.2, 10.0
_FLOORS = (0.0, 3.0)  # usual localizations at one place, added to the density: for background


@dataclass(frozen=True)
class JointShifts:
    """Shifts of tables, ``corrected = position + shift``, whose mean is 0 over what is connected.

    Parameters
    ----------
    shift : ndarray, shape (k, d)
        NaN where nothing connects a table with any other.
    covariance : ndarray, shape (d, k, k)
        Of the shifts less their mean.
    used, left_out : ndarray of bool, shape (k, k)
        Pairs that count, and those that have something in common but contradict the others.
    component : ndarray of int, shape (k,)
        Connected component of each table; 0 for the one with most tables.
    residual, residual_std : ndarray, shape (k, k, d)
        Shift by which each pair alone would have the tables closer, of the first, and its error.
    width : float
        Of the kernel of two usual localizations.
    n_blocks : float
        Effective number of groups of field blocks.
    """

    shift: FloatArray
    covariance: FloatArray
    used: BoolArray
    left_out: BoolArray
    component: IntArray
    residual: FloatArray
    residual_std: FloatArray
    width: float
    n_blocks: float

    @property
    def std(self) -> FloatArray:
        """Return standard deviations of the shifts against the mean of all, shape (k, d)."""
        variance = np.diagonal(self.covariance, axis1=1, axis2=2).T
        return np.sqrt(np.maximum(variance, 0.0))

    @property
    def n_known(self) -> int:
        """Return how many tables are connected."""
        return int(np.isfinite(self.shift).all(axis=1).sum())

    def against(self, one: int) -> JointShifts:
        """Return the shifts if table ``one`` stays where it is."""
        c = self.covariance
        row = c[:, one, :]
        against = c - row[:, None, :] - row[:, :, None] + c[:, one, one, None, None]
        return replace(self, shift=self.shift - self.shift[one], covariance=against)


class JointOverlap:
    """Tables of localizations, (n, d) each, moved until all overlap most.

    Parameters
    ----------
    positions : sequence of ndarray, shape (n, d)
    weights : sequence of ndarray, shape (n,)
        Variance of a usual localization over that of each.
    precision : ndarray, shape (d,)
        Of a usual localization; it may only be a guess of it.
    allowed : ndarray of bool, shape (k, k)
        Pairs of tables that may count.
    """

    def __init__(
        self,
        positions: Sequence[FloatArray],
        weights: Sequence[FloatArray],
        precision: FloatArray,
        allowed: BoolArray,
    ) -> None:
        self.k, self.d = len(positions), positions[0].shape[1]
        self.precision, self.allowed = precision, allowed
        self.positions = np.concatenate(positions) / precision
        self.variance = np.clip(1 / np.concatenate(weights), 1 / _HEAVIEST, _LEAST_PRECISE)
        self.table = np.repeat(np.arange(self.k), [len(p) for p in positions]).astype(np.int32)
        corners = [(p.min(axis=0), p.max(axis=0)) for p in positions]
        self.fields = np.array(corners).transpose(1, 0, 2)[:, :, :2] / precision[:2]
        by_pairs = max(int(_MOST_SUMS / self.k**2), _FEWEST_GROUPS)
        self.n_groups = min(_GROUPS, by_pairs)

    def solve(self, start: FloatArray, reach: float, *, known: bool = True) -> JointShifts | None:
        """Narrow the kernel, from the reach down, while that makes the standard errors smaller.

        Parameters
        ----------
        start : ndarray, shape (k, d)
            Shifts, NaN for tables that take no part.
        reach : float
            How far they may be wrong.
        known : bool
            Whether the precision is no guess.
        """
        width = max(reach / float(self.precision[0]), 2.0)
        finest = _NARROWEST if known else width / _NARROWEST_KNOWN
        best: JointShifts | None = None
        chosen = _FLOORS[0]
        now, worse = start / self.precision, 0
        while width >= finest and worse < 2:
            found = self._at(now, width, _FLOORS[0], every=self._every())
            # Where little overlaps, a wide kernel reaches beyond it; a narrow one may lose tables.
            if found is None or (best is not None and found.n_known < best.n_known):
                worse += best is not None
            else:
                now = np.where(np.isfinite(found.shift), found.shift, now)
                size, least = _size(found), np.inf if best is None else _size(best)
                if size < least or best is None or found.n_known > best.n_known:
                    best, worse = found, 0
                else:
                    worse += size > _WORSE * least
            width /= 2.0 if width > _MUCH_WIDER else _NARROWER
        if best is None:
            return None
        for floor in _FLOORS[1:]:
            found = self._at(best.shift, best.width, floor, every=self._every())
            if found is None or found.n_known < best.n_known:
                continue
            if _size(found) <= _size(best):
                best, chosen = found, floor
        if self._every() > 1:
            every = max(len(self.positions) // _MOST, 1)
            best = self._at(best.shift, best.width, chosen, every=every) or best
        return self._in_units(best)

    def _every(self) -> int:
        return max(len(self.positions) // _SAMPLE, 1)

    def _at(
        self, start: FloatArray, width: float, floor: float, *, every: int
    ) -> JointShifts | None:
        """Return the shifts of most overlap for one kernel, in precisions; None if there are none.

        The gradient of table ``s`` is ``g_s = sum_t rho_st F_st``. With the share ``rho = C / R``,
        the curvature over the responsibility, pairs of tables count by what they have in common.
        Steps solve ``L step = g`` with the Laplacian ``L`` of ``rho C``; the covariance is
        ``pinv(L) B pinv(L)``, where ``B`` is the scatter of ``g`` over groups of field blocks.
        """
        shift = start.copy()
        taking_part = np.asarray(np.isfinite(start).all(axis=1))
        both = taking_part[:, None] & taking_part
        contradicts = np.zeros((self.k, self.k), dtype=np.bool_)
        density = _Neighbours.of(self, np.where(taking_part[:, None], shift, 0.0), width)
        share = (self.allowed & both).astype(np.float64)
        for number in range(_STEPS + 1):
            pairs = TablePairs.of(*density.sums(shift, floor, every, share))
            used = pairs.shared & self.allowed & ~contradicts & both
            if not used.any():
                return None
            now, share = share, pairs.share(used)
            if number == 0 or ((now > 0) != used).any():
                if number == _STEPS:
                    return None
                continue  # the slope is that of other pairs
            component = _by_size(connected(used), taking_part)
            step, covariance, n = pairs.solve(now, component)
            std = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2).T, 0.0))
            shift = shift + step / max(float(np.abs(step).max()) / width, 1.0)
            if density.is_far(shift):
                density = _Neighbours.of(self, np.where(taking_part[:, None], shift, 0.0), width)
            small = _SMALL if number < _STEPS else _SMALL_ENOUGH
            if (np.abs(step) > np.maximum(small * std, 1e-9)).any():
                continue
            worst = pairs.contradiction(used)
            if worst is None or number == _STEPS:
                main = (component == 0) & taking_part
                shift = np.where(main[:, None], shift, np.nan)
                shift -= np.nanmean(shift, axis=0)
                covariance[:, ~main], covariance[:, :, ~main] = np.nan, np.nan
                return JointShifts(
                    *(shift, covariance, used, contradicts, component),
                    *(*pairs.alone(), width, n),
                )
            contradicts[worst] = contradicts[worst[::-1]] = True
        return None

    def _in_units(self, found: JointShifts) -> JointShifts:
        """Return lengths that are in precisions in the unit of the positions."""
        by_axis = self.precision
        return replace(
            found,
            shift=found.shift * by_axis,
            covariance=found.covariance * (by_axis**2)[:, None, None],
            residual=found.residual * by_axis,
            residual_std=found.residual_std * by_axis,
            width=found.width * float(by_axis[0]),
        )


@dataclass(frozen=True)
class _Neighbours:
    """Localizations of tables in cells, ready for sums with one kernel.

    Parameters
    ----------
    tables : JointOverlap
    width : float
    cells : Cells
    sorted_with : ndarray, shape (k, d)
        The shifts with which they were sorted.
    """

    tables: JointOverlap
    width: float
    cells: Cells
    sorted_with: FloatArray

    @classmethod
    def of(cls, tables: JointOverlap, shift: FloatArray, width: float) -> _Neighbours:
        """Sort localizations, moved by the shifts of their tables, into cells."""
        largest = float(tables.variance.max())
        reach = width * (float(np.sqrt(CUT * largest)) + _FREE)
        positions = tables.positions + shift[tables.table]
        most = _MOST_AROUND_WIDE if width > _MUCH_WIDER else _MOST_AROUND
        return cls(tables, width, sort_into_cells(positions, reach, most), shift)

    def is_far(self, shift: FloatArray) -> bool:
        """Tell whether neighbours may have left the cells around."""
        moved = shift - self.sorted_with
        moved = moved[np.isfinite(moved).all(axis=1)]
        return bool((np.ptp(moved, axis=0) > _FREE * self.width).any())

    def sums(
        self, shift: FloatArray, floor: float, every: int, share: FloatArray
    ) -> tuple[FloatArray, ...]:
        """Return what `table_sums` adds up: force, curvature, responsibility and slope."""
        tables, cells, width = self.tables, self.cells, self.width
        k, d, n_groups = tables.k, tables.d, tables.n_groups
        shift = np.where(np.isfinite(shift), shift, 0.0)
        factor = width**2 / 2  # the variance of a pair of usual localizations is width**2
        order, kept, table = cells.order, cells.kept, tables.table[cells.order]
        positions = tables.positions[order] + shift[table]
        where = np.ascontiguousarray(positions.T, dtype=np.float32)
        variance = np.broadcast_to(factor * tables.variance[order], where.shape)
        variance = np.ascontiguousarray(variance, dtype=np.float32)
        square = np.floor(positions[:, :2] / max(_BLOCK, _BLOCK_WIDTHS * width))
        mixed = (square.astype(np.int64) * np.array([73856093, 19349663])).sum(axis=1)
        group = (mixed ^ (mixed >> 13)) % n_groups
        fields, margin = tables.fields + shift[:, :2], _MARGIN * width
        fixed = (
            *(cells.cell, cells.first, cells.stop, where, variance, table, group),
            *(where[:, kept], variance[:, kept], table[kept], cells.stands_for),
            *(fields[0] + margin, fields[1] - margin, floor / (2 * factor) ** (d / 2), share),
        )

        def one(block: tuple[int, int]) -> list[FloatArray]:
            shapes = (n_groups, k, k, d), (n_groups, k, k, d), (n_groups, k, k), (k, k, d)
            sums = [np.zeros(shape) for shape in shapes]
            table_sums(np.arange(*block)[::every], *fixed, *sums)
            return sums

        found = map_threads(one, cells.blocks(_THREADED))
        return tuple(every * sum(s[1:], s[0]) for s in zip(*found, strict=True))


def _by_size(component: IntArray, taking_part: BoolArray) -> IntArray:
    """Return the number of the component of each table, 0 for the one with most tables."""
    sizes = np.bincount(component, taking_part.astype(np.float64))
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[component]


def _size(found: JointShifts) -> float:
    """Return the root mean square of the standard errors in precisions; more if fewer are known."""
    known = np.isfinite(found.shift).all(axis=1)
    usual = float(np.sqrt(np.mean(found.std[known] ** 2)))
    return usual if found.n_blocks >= FEWEST_EFFECTIVE else np.inf

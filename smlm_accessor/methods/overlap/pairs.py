"""The density of the events of other times, with kernels as wide as pairs of events are imprecise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.pairs import (
    N_PAIR_SUMS, Cells, pair_sums, sort_into_cells,
)
from smlm_accessor.methods.overlap.density import OverlapSums, left_out_of
from smlm_accessor.methods.overlap.events import CorrectedEvents
from smlm_accessor.timeline import Windows

_BLOCKS = 16
_MARGIN = 0.5
_MOST_AROUND = int(__import__('os').environ.get('MOST', 256))
_MOST_VARIANCE = 1.2


def _reach(kernel):
    return float(np.sqrt(10 * (2 * 1.2 * kernel.factor + kernel.extra)))


class Kernel(NamedTuple):
    factor: float
    extra: float
    floor: float


class PairDensity:
    def __init__(self, events, drift, precision, kernel, threads):
        self.events, self.kernel, self._threads = events, kernel, threads
        self.width = precision
        d = len(precision)
        self._sorted_with = drift
        self._positions = (events.positions - (drift - events.start)[events.frame]) / precision
        self._cells = sort_into_cells(self._positions, _reach(kernel) + _MARGIN)
        order = self._cells.order
        self._positions = self._positions[order]
        self._frame = events.frame[order]
        v = (1 / np.maximum(events.weight[order], 1 / _MOST_VARIANCE)).astype(np.float32)
        self._variance = np.repeat(v[None], d, axis=0)
        self._weight = np.ones(len(v))
        self._kept, self._others, self._ranges = self._cells.thinned(_MOST_AROUND)
        self._others = self._others.astype(np.float32)
        self._class = np.clip(np.rint(2 * np.log2(np.maximum(events.weight[order], 0.25))) + 4, 0, 16).astype(np.int64)

    def with_kernel(self, kernel):
        import copy
        new = copy.copy(self); new.kernel = kernel
        return new

    def weighted(self, drift, windows):
        d = len(self.width)
        sums, _, _ = self._totals(drift, windows, self._class, 17, (), True)
        c = sums[:, 4 : 4 + d].mean(axis=1); g = sums[:, 7 : 7 + d].mean(axis=1)
        n = np.bincount(self._class, minlength=17)
        prior = 20 / n.sum()
        w = np.maximum(c + prior * c.sum(), 0) / (g + prior * g.sum())
        new = self.with_kernel(self.kernel)
        new._weight = w[self._class] * g.sum() / c.sum()
        return new

    def sums(self, drift, windows, *, apart=(), part=False):
        d = len(self.width)
        row = windows.of_frame[self._frame]
        total, found, blocks = self._totals(drift, windows, row, len(windows), apart, part)
        cells = self._cells
        of_event = windows.of_frame[self.events.frame]
        return OverlapSums(
            np.bincount(of_event, self.events.weight, len(windows)).astype(np.float64),
            total[:, 0], total[:, 1 : 1 + d], total[:, 4 : 4 + d], total[:, 7 : 7 + d],
            np.array([float(cells.start[b]-cells.start[a]) for a,b in blocks]),
            np.array([s[:, 0].sum() for s in found]),
            np.array([s[:, 4 : 4 + d].sum(axis=0) for s in found]),
        )

    def _totals(self, drift, windows, row, n_rows, apart, part):
        d = len(self.width)
        change = (drift - self._sorted_with) / self.width
        change = change - np.median(change, axis=0)
        where = np.ascontiguousarray((self._positions - change[self._frame]).T.astype(np.float32))
        left_out = left_out_of(self.events, windows, apart).astype(np.int32)
        cells = self._cells
        other_where, other_variance, other_frame = where[:, self._kept], self._variance[:, self._kept] * np.float32(self.kernel.factor), self._frame[self._kept]

        def one(block):
            sums = np.zeros((n_rows, N_PAIR_SUMS))
            pair_sums(
                *(*block, cells.start, self._ranges.first, self._ranges.stop),
                *(where, self._variance * np.float32(self.kernel.factor) + np.float32(self.kernel.extra), self._frame, self._weight, row, left_out),
                *(other_where, other_variance, other_frame, self._others, self.kernel.floor, sums),
            )
            return sums
        blocks = cells.blocks(_BLOCKS)
        if part:
            blocks = cells.blocks(4 * _BLOCKS)[:: 8]
        found = map_threads(one, blocks, threads=self._threads)
        total = np.zeros((n_rows, N_PAIR_SUMS))
        for sums in found:
            total += sums
        return total, found, blocks


def best_pair_kernel(events, estimate, windows, precision, threads):
    best, top = None, -1.0
    for m in FACTORS:
        base = None
        for b in FLOORS:
            k = Kernel(m, 0.0, b)
            density = PairDensity(events, estimate.drift, precision, k, threads) if base is None else base.with_kernel(k)
            base = density
            s = density.sums(estimate.drift, windows, part=len(events.frame) > 10_000)
            c = np.maximum(s.curvature.sum(axis=0), 0)
            info = (c**2 / np.maximum(s.squared.sum(axis=0), 1e-300))
            value = np.exp(np.log(np.maximum(info,1e-300)).mean())
            if os.environ.get('TELL'): print('      ',k,'%.4g'%value,flush=True)
            if value > top: best, top = density, value
    return best.weighted(estimate.drift, windows) if os.environ.get('WEIGHTED','1')=='1' else best
import os
FACTORS = eval(os.environ.get("FACTORS", "(1.0, 2.0)"))
FLOORS = eval(os.environ.get("FLOORS", "(0.1, 1.0)"))

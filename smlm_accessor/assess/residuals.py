"""By how far blocks of the field have moved besides the drift, by windows of time."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.timeline import Windows

_ROUNDS, _SETTLED = 6, 0.1  # of Newton steps; standard deviations that the residual still changes
_SWEEPS = 5  # that take off means over time and over the field in turns: they differ little
_FEWEST = 8  # events of a block in a window: with fewer, the variance is a guess


class Residuals(NamedTuple):
    """Drift that is left, by window, block and axis; its means over time and the field are 0.

    Parameters
    ----------
    value : ndarray, shape (n_windows, n_blocks, d)
    variance : ndarray, shape (n_windows, n_blocks, d)
        Before the means were taken off.
    share, of_field : ndarray, shapes (n_windows, n_blocks) and (n_blocks, d)
        Of the information of a block that each window has, and of that of the field.
    events : ndarray, shape (n_blocks,)
    """

    value: FloatArray
    variance: FloatArray
    share: FloatArray
    of_field: FloatArray
    events: IntArray

    @property
    def std(self) -> FloatArray:
        """Standard deviations of the values."""
        rest = (1 - self.share)[:, :, None] * (1 - self.of_field)
        return np.sqrt(self.variance * rest)

    def change(self, time: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return by how much the residual changes in a unit of time, and std; (n_blocks, d)."""
        since = time[:, None] - (self.share * time[:, None]).sum(axis=0)
        spread = (self.share * since**2).sum(axis=0)[:, None]
        change = (self.share[..., None] * since[..., None] * self.value).sum(axis=0) / spread
        of_block = (self.variance * self.share[..., None]).mean(axis=0)
        return change, np.sqrt(of_block * (1 - self.of_field) / spread)

    def chances(self) -> tuple[FloatArray, tuple[float, int, float]]:
        """Return the probability of each block by chance, and chi^2, freedoms and that of all.

        That of a block is corrected for their number (Bonferroni).
        """
        square = self.value**2 / self.variance
        seen = np.isfinite(square).all(axis=(0, 2))
        n_windows, _, d = square.shape
        of_block = (square / (1 - self.of_field)).sum(axis=(0, 2))
        each = seen.sum() * chdtrc((n_windows - 1) * d, of_block)
        freedoms = max((n_windows - 1) * (int(seen.sum()) - 1) * d, 1)
        total = float(square[:, seen].sum())
        all_blocks = total, freedoms, float(chdtrc(freedoms, total))
        return np.minimum(each, 1.0), all_blocks


def residuals(density: Density, windows: Windows, window: IntArray, block: IntArray) -> Residuals:
    """Return by how far blocks of events have moved in each of some windows, by Newton steps.

    The gradient ``g`` of the density at the events of a block in a window, over their share of the
    curvature ``C`` of the block, is a step, and ``sum(g^2) / C^2`` over the share its variance. The
    events are moved by it, until nothing changes.

    Parameters
    ----------
    density : Density
    windows : Windows
        Short ones: the events of each are compared with those of others.
    window : ndarray, shape (len(windows),)
        In which of the windows that are asked for each is.
    block : ndarray
        Of each event.
    """
    events, drift, d = density.events, density.sorted_with, len(density.precision)
    n, k = int(window.max()) + 1, int(block.max()) + 1
    at = window[windows.of_frame][events.frame]
    counts = np.zeros((n, k), dtype=np.int64)
    np.add.at(counts, (at, block), 1)
    value = np.zeros((n, k, d))
    for _ in range(_ROUNDS):
        moved = replace(events, positions=events.positions - value[at, block])
        now = Density.of(moved, drift, density.precision, density.kernel, density.threads)
        sums = _sums(now, windows, window, block)
        gradient, curvature, squared = (
            sums[..., a : a + d] / density.precision**p for a, p in ((1, 1), (4, 2), (7, 2))
        )
        share = sums[..., 0] / np.maximum(sums[..., 0].sum(axis=0), 1e-300)
        in_all, squares = curvature.sum(axis=0), squared.sum(axis=0)
        told = (
            (counts.min(axis=0) >= _FEWEST) & (in_all > 0).all(axis=1) & (squares > 0).all(axis=1)
        )
        in_all = np.where(told[:, None], in_all, np.nan)
        weight = np.maximum(share, 1e-300)[..., None]
        variance = squares / in_all**2 / weight
        information = np.nan_to_num(in_all**2 / np.maximum(squares, 1e-300))
        of_field = information / np.maximum(information.sum(axis=0), 1e-300)
        new = value - np.nan_to_num(gradient / (weight * in_all))
        for _ in range(_SWEEPS):
            new -= (share[..., None] * new).sum(axis=0)
            new -= (of_field * new).sum(axis=1, keepdims=True)
        step, value = new - value, new
        if (np.abs(step) < _SETTLED * np.sqrt(variance))[:, told].all():
            break
    value = np.where(told[:, None], value, np.nan)
    return Residuals(value, variance, share, of_field, counts.sum(axis=0))


def _sums(density: Density, windows: Windows, window: IntArray, block: IntArray) -> FloatArray:
    """Return the sums over blocks and the windows that are asked for, shape (n, k, 10)."""
    short = density.by_group(density.sorted_with, windows, block[density.cells.order])
    found = np.zeros((int(window.max()) + 1, *short.shape[1:]))
    np.add.at(found, window, short)
    return found

"""What the events of each window of time owe to those of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.coupling_loops import coupling_sums
from smlm_accessor.kernels.density.pair_loops import space
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.timeline import Windows

_PAIR_BLOCKS = 2  # of events, each with sums of its own over pairs of windows: 64 MB for 500
# Groups of squares of the field, that tell the errors of sums over pairs of windows: with more, a
# few molecules that two parts share are seen better; with more windows than so many, a quarter, for
# the memory.
_GROUPS, _MANY_WINDOWS = 32, 350
#: Edge of such a square in precisions, larger than most molecules and clusters.
SQUARE = 30.0


@dataclass(frozen=True)
class CouplingSums:
    """Sums over pairs of windows, lengths in precisions.

    Parameters
    ----------
    responsibility, curvature : ndarray, shape (n_groups, n_windows, n_windows)
        By groups of squares of the field, symmetric. The curvature is the mean of x and y.
    gradient : ndarray, shape (n_windows, n_windows, d)
        Of the first window towards the second; antisymmetric, for each pair draws at both.
    total_curvature, squared : ndarray, shape (d,)
        Of all events, as in `OverlapSums`.
    """

    responsibility: FloatArray
    curvature: FloatArray
    gradient: FloatArray
    total_curvature: FloatArray
    squared: FloatArray


def couplings(
    density: Density,
    drift: FloatArray,
    windows: Windows,
    *,
    n_events: int,
    group: IntArray | None = None,
) -> CouplingSums:
    """Return the sums over pairs of windows.

    Parameters
    ----------
    density : Density
    drift : ndarray, shape (n_frames, d)
    windows : Windows
    n_events : int
        About so many events count, for others, too.
    group : ndarray, optional
        Of each event in the order of cells; by default, of squares of the field.
    """
    n, k, d = len(density.positions), len(windows), len(density.precision)
    every = max(n // n_events, 1)
    where, variance = density.at_drift(drift)
    if group is None:
        n_groups = _GROUPS if k <= _MANY_WINDOWS else _GROUPS // 4
        group = _squares(density.positions) % n_groups
    else:
        n_groups = int(group.max()) + 1
    left_out, others = density.left_out_of(windows), density.others(where)
    cells, cell = density.cells, density.cells.cell

    def one(block: tuple[int, int]) -> tuple[FloatArray, ...]:
        sums = np.zeros((n_groups, k, k, 2)), np.zeros((k, k, d)), np.zeros((2, d))
        coupling_sums(
            *(np.arange(*block, every), cell, cells.first, cells.stop),
            *(where, variance, density.frame, density.weight, left_out, *others),
            *(density.kernel.floor, space(), windows.of_frame, group, *sums),
        )
        return sums

    found = map_threads(one, cells.blocks(_PAIR_BLOCKS), threads=density.threads)
    couplings, moments, total = found.pop()
    while found:  # in place: they are large
        for whole, part in zip((couplings, moments, total), found.pop(), strict=True):
            whole += part
    couplings *= every / 2
    moments *= every / 2
    total *= every
    responsibility, curvature = (c + c.transpose(0, 2, 1) for c in np.moveaxis(couplings, -1, 0))
    gradient = moments - moments.transpose(1, 0, 2)
    return CouplingSums(responsibility, curvature, gradient, total[0], total[1])


def _squares(positions: FloatArray) -> IntArray:
    """Return a number of the square of the field of each position, as mixed as those of others."""
    square = np.floor(positions / SQUARE).astype(np.int64)
    mixed = (square * np.array([73856093, 19349663, 83492791])[: square.shape[1]]).sum(axis=1)
    return np.asarray(mixed ^ (mixed >> 13))

"""What the events of each window of time owe to those of each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.coupling_loops import coupling_sums
from smlm_accessor.kernels.density.pair_loops import most_around, space
from smlm_accessor.kernels.time_series.joint_drift import laplacian
from smlm_accessor.kernels.time_series.shares import shares
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.timeline import Windows

_PAIR_BLOCKS = 2  # of events, of which one in so many counts
_PARTS = 2  # of the groups, for threads; the same for any number of threads
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

    @cached_property
    def share(self) -> FloatArray:
        """Part of the pairs of two windows that are of one molecule, (n_windows, n_windows)."""
        return shares(self.curvature, self.responsibility)

    @property
    def known(self) -> FloatArray:
        """How much windows know of each other, shape (n_windows, n_windows)."""
        return np.asarray(self.share * self.responsibility.sum(axis=0))


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
    cells, k, d = density.cells, len(windows), len(density.precision)
    every = max(len(density.positions) // n_events, 1)
    chosen = np.concatenate([np.arange(*block, every) for block in cells.blocks(_PAIR_BLOCKS)])
    change = density.change(drift)
    where, variance = density.moved(change, chosen)
    if group is None:
        n_groups = _GROUPS if k <= _MANY_WINDOWS else _GROUPS // 4
        group = _squares(density.positions.take(chosen, axis=0)) % n_groups
    else:
        n_groups = int(group.max()) + 1
        group = group[chosen]
    left_out, others = density.events.left_out_of(windows), density.others(change)
    of_events = cells.cell[chosen], density.frame[chosen], density.weight[chosen]
    responsibility, curvature = np.zeros((2, n_groups, k, k))
    most = most_around(cells.first, cells.stop)

    def one(part: int) -> tuple[FloatArray, FloatArray]:
        """Add up events of some groups; each group has sums of its own."""
        moments, total = np.zeros((k, k, d)), np.zeros((2, d))
        coupling_sums(
            *(np.flatnonzero(group % _PARTS == part), of_events[0], cells.first, cells.stop),
            *(where, variance, *of_events[1:], left_out, *others),
            *(density.kernel.floor, space(most), np.empty((5, most), np.float32)),
            *(np.empty(most, np.int64), windows.of_frame, group),
            *(responsibility, curvature, moments, total),
        )
        return moments, total

    found = map_threads(one, range(_PARTS), threads=density.threads)
    moments, total = (every * np.sum(sums, axis=0) for sums in zip(*found, strict=True))
    for sums in (*responsibility, *curvature):  # in place: they are large
        sums += sums.T
        sums *= every / 2
    gradient = (moments - moments.transpose(1, 0, 2)) / 2
    return CouplingSums(responsibility, curvature, gradient, total[0], total[1])


def information_of(
    pairs: CouplingSums, precision: FloatArray, main: BoolArray
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the information matrix of windows, and the gradient of the drift, along each axis.

    Windows that are not ``main`` are not connected with any.
    """
    responsibility = pairs.responsibility.sum(axis=0)
    share = pairs.share * np.outer(main, main)
    curvature = float((pairs.curvature.sum(axis=0)).sum())
    found = []
    for axis, w in enumerate(precision):
        kappa = w**2 * pairs.squared[axis] / responsibility.sum()
        scale = pairs.total_curvature[axis] / curvature
        information = laplacian(share**2 * responsibility) * scale**2 / kappa
        gradient = (share * pairs.gradient[..., axis]).sum(axis=1) * scale * w / kappa
        found.append((information, gradient))
    return found


def _squares(positions: FloatArray) -> IntArray:
    """Return a number of the square of the field of each position, as mixed as those of others."""
    square = np.floor(positions / SQUARE).astype(np.int64)
    mixed = (square * np.array([73856093, 19349663, 83492791])[: square.shape[1]]).sum(axis=1)
    return np.asarray(mixed ^ (mixed >> 13))

"""What the events of each window of time owe to those of each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import fill_rows, map_threads
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.density.coupling_loops import coupling_sums
from smlm_accessor.kernels.density.pair_loops import most_around, space
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.windows.joint_drift import laplacian
from smlm_accessor.kernels.windows.scatter import by_scatter
from smlm_accessor.kernels.windows.shares import shares, steady_shares
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.evidence import FEWEST, chance_of_sum
from smlm_accessor.timeline import Windows

_PAIR_BLOCKS = 2  # of events, of which one in so many counts
_PARTS = 2  # of the groups, for threads; the same for any number of threads
_RUNS = 16  # of events, one after the other: what is made of them takes little memory
# Groups of squares of the field, that tell the errors of sums over pairs of windows: with more, a
# few molecules that two parts share are seen better; with more windows than so many, a quarter, for
# the memory.
_GROUPS, _MANY_WINDOWS = 32, 350
# Of all windows: one in so many is as far as pairs are near each other in time.
_NEAR_IN_TIME = (64, 16, 4)
#: Edge of such a square in precisions, larger than most molecules and clusters.
SQUARE = 30.0


@dataclass(frozen=True)
class CouplingSums:
    """Sums over pairs of windows, lengths in precisions.

    Parameters
    ----------
    responsibility, curvature : ndarray, shape (n_groups, n_windows, n_windows)
        By groups of squares of the field, symmetric. The curvature is the mean of x and y.
    axial : ndarray, shape (n_groups, n_windows, n_windows)
        Curvature along z; empty if there is none.
    moments : ndarray of float32, shape (n_groups, n_windows, n_windows, d)
        Gradient of the first window towards the second, from the events of the first.
    total_curvature, squared : ndarray, shape (d,)
        Of all events, as in `OverlapSums`.
    """

    responsibility: FloatArray
    curvature: FloatArray
    axial: FloatArray
    moments: NDArray[np.float32]
    total_curvature: FloatArray
    squared: FloatArray

    @cached_property
    def share(self) -> FloatArray:
        """Part of the pairs of two windows that are of one molecule, (n_windows, n_windows)."""
        return shares(self.curvature, self.responsibility)

    def steady_share(self, axis: int) -> FloatArray:
        """Return the same, by which pairs are weighted along an axis, see `steady_shares`.

        Molecules above each other share their place along x and y only.
        """
        return steady_shares(self.axial if axis == 2 else self.curvature, self.responsibility)

    @cached_property
    def gradient(self) -> FloatArray:
        """Gradient of the first window towards the second, (n_windows, n_windows, d).

        It is antisymmetric, for each pair draws at both.
        """
        moments = self.moments.sum(axis=0, dtype=np.float64)
        return np.asarray(moments - moments.transpose(1, 0, 2)) / 2

    def gradient_of_groups(self, share: FloatArray, axis: int) -> FloatArray:
        """Return the gradients of windows, weighted by the share, shape (n_groups, n_windows)."""
        moments = self.moments[..., axis]
        towards = np.einsum("st,gst->gs", share, moments)
        return np.asarray(towards - np.einsum("st,gts->gs", share, moments)) / 2

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
    blocks = cells.blocks(_PAIR_BLOCKS)
    chosen = np.concatenate([np.arange(a, b, every, dtype=np.int32) for a, b in blocks])
    n_groups = _GROUPS if k <= _MANY_WINDOWS else _GROUPS // 4
    n_groups = n_groups if group is None else int(group.max()) + 1
    of_chosen = np.empty(len(chosen), np.int32)

    def number(some: slice) -> IntArray:
        rows = chosen[some]
        return _squares(density.positions[rows]) % n_groups if group is None else group[rows]

    fill_rows(number, of_chosen, threads=density.threads)
    change = density.change(drift)
    left_out, others = density.events.left_out_of(windows), density.others(change)
    responsibility, curvature = np.zeros((2, n_groups, k, k))
    axial = np.zeros((n_groups if d == 3 else 0, k, k))
    most = most_around(cells.first, cells.stop)

    moments = np.zeros((n_groups, k, k, d), np.float32)

    def one(part: int) -> FloatArray:
        """Add up events of some groups; each group has sums of its own."""
        total = np.zeros((2, d))
        room = space(most), np.empty((6, most), np.float32), np.empty(most, np.int64)
        mine = of_chosen % _PARTS == part
        runs = (np.array_split(one[mine], _RUNS) for one in (chosen, of_chosen))
        for rows, of in zip(*runs, strict=True):
            coupling_sums(
                *(cells.cell_of(rows), cells.first, cells.stop),
                *(*density.moved(change, rows), density.frame[rows], density.weight[rows]),
                *(left_out, *others, density.kernel.floor, *room, windows.of_frame, of),
                *(responsibility, curvature, axial, moments, total),
            )
        return total

    total = every * np.sum(map_threads(one, range(_PARTS), threads=density.threads), axis=0)
    moments *= every
    for sums in (*responsibility, *curvature, *axial):  # in place: they are large
        sums += sums.T
        sums *= every / 2
    return CouplingSums(responsibility, curvature, axial, moments, total[0], total[1])


def information_of(
    pairs: CouplingSums, precision: FloatArray, main: BoolArray, near: BoolArray | None = None
) -> list[tuple[FloatArray, FloatArray]]:
    """Return the information matrix of windows, and the gradient of the drift, along each axis.

    Windows that are not ``main`` are not connected with any; pairs count that are ``near`` each
    other, all by default. Slow changes are known as well as
    squares of the field agree on them, see `by_scatter`.
    """
    responsibility, found = pairs.responsibility.sum(axis=0), []
    for axis, w in enumerate(precision):
        if axis != 1:  # x and y have the same
            share = pairs.steady_share(axis) * np.outer(main, main)
            share = share if near is None else share * near
        curvature = float((pairs.axial if axis == 2 else pairs.curvature).sum())
        kappa = w**2 * pairs.squared[axis] / responsibility.sum()
        scale = pairs.total_curvature[axis] / curvature
        information = laplacian(share**2 * responsibility) * scale**2 / kappa
        parts = pairs.gradient_of_groups(share, axis) * scale * w / kappa
        found.append(by_scatter(information, parts.sum(axis=0), parts, main))
    return found


def contradiction(pairs: CouplingSums, windows: Windows, main: BoolArray) -> BoolArray | None:
    """Return which pairs of windows, near each other, contradict a slow change; None if none do.

    Where molecules are seen for a short time, windows that are far from each other show others
    beside them, which may lie on each other with a wrong drift: one that goes by a layer of the
    structure over the movie. Windows near each other show the same ones. At rest, their gradient
    along a straight line is 0, but for chance: by Student's t, over groups of squares of the field.

    Returns
    -------
    ndarray of bool, shape (n_windows, n_windows), or None
    """
    k, weight = len(windows), windows.counts * main
    lag = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    line = windows.mean_frame - np.average(windows.mean_frame, weights=weight)
    axes, of_groups = range(pairs.moments.shape[-1]), pairs.responsibility.sum(axis=(1, 2))
    if effective_number(of_groups) < FEWEST:
        return None
    found, least = None, FALSE_ALARM / (len(_NEAR_IN_TIME) * len(axes))
    for part in _NEAR_IN_TIME:
        near = lag <= max(k // part, 2)
        for axis in axes:
            share = pairs.steady_share(axis) * np.outer(main, main) * near
            slope = pairs.gradient_of_groups(share, axis) @ line
            p = 2 * float(chance_of_sum(of_groups, np.stack([slope, -slope], axis=1), 1.0).min())
            if p < least:
                found, least = near, p
    return found


def _squares(positions: FloatArray) -> IntArray:
    """Return a number of the square of the field of each position, as mixed as those of others."""
    square = np.floor(positions / SQUARE).astype(np.int64)
    mixed = (square * np.array([73856093, 19349663, 83492791])[: square.shape[1]]).sum(axis=1)
    return np.asarray(mixed ^ (mixed >> 13))

"""The sparse image of all localizations, and how windows of time fit into it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.sparse_image import density as densities
from smlm_accessor.kernels.sparse_image import image as loops
from smlm_accessor.kernels.sparse_image import search as searching
from smlm_accessor.kernels.unbiased import unbiased_squares

_RUNS = 16  # of windows; the same for any number of threads
_ROOM = 4096  # cells, at first
_MOLECULES = 1024  # of a window, that are looked for
FEW = 128  #: Of them are looked for first, and all if these do not stand out for certain.
_QUANTUM = 1024.0  # steps in a cell, in which positions within it are summed


@dataclass(frozen=True)
class WindowDrift:
    """How localizations of each window have moved: ``drift + slope * (frame - middle)``.

    Parameters
    ----------
    bounds : ndarray, shape (k + 1,)
        Rows of each window.
    drift, slope : ndarray, shape (k, 3)
        NaN where unknown.
    middle : ndarray, shape (k,)
        Mean frame; of a window without localizations, the middle between its edges.
    """

    bounds: IntArray
    drift: FloatArray
    slope: FloatArray
    middle: FloatArray

    @classmethod
    def at_rest(cls, frames: IntArray, edges: IntArray) -> WindowDrift:
        """Return windows with these frame edges that do not move."""
        bounds = np.searchsorted(frames, edges)
        k, counts = len(bounds) - 1, np.diff(bounds)
        total = np.concatenate([[0.0], np.cumsum(frames - frames[0])])[bounds]
        mean = np.diff(total) / np.maximum(counts, 1) + frames[0]
        middle = np.where(counts > 0, mean, (edges[:-1] + edges[1:] - 1) / 2)
        return cls(bounds, np.zeros((k, 3)), np.zeros((k, 3)), middle)

    @property
    def counts(self) -> IntArray:
        """Localizations in each window."""
        return np.diff(self.bounds)

    @property
    def rows(self) -> IntArray:
        """First row of each window and the row after its last, shape (k, 2)."""
        return np.stack([self.bounds[:-1], self.bounds[1:]], axis=1)

    @property
    def known(self) -> BoolArray:
        """Whether the drift of each window is known."""
        return np.asarray(np.isfinite(self.drift).all(axis=1))

    def of_rows(self, frames: IntArray) -> FloatArray:
        """Return the drift of each localization, shape (n, 3), by its frame."""
        window = np.repeat(np.arange(len(self.middle)), self.counts)
        since = (frames - self.middle[window])[:, None]
        return np.asarray(self.drift[window] + self.slope[window] * since)

    def scaled(self, scale: FloatArray) -> tuple[Any, ...]:
        """Return what the loops take, in cells."""
        return self.bounds, self.drift * scale, self.slope * scale, self.middle


class Image:
    """Localizations without drift, counted in cells of ``1 / scale``."""

    def __init__(self, scale: FloatArray) -> None:
        self.scale = scale
        self.quantum = _QUANTUM
        self.arrays: tuple[Any, ...] = (
            np.full(4 * _ROOM, -1, np.int32),
            np.empty(_ROOM, np.int64),
            np.zeros((_ROOM, 4), np.int32),
            np.zeros(1, np.int64),
        )

    def copy(self) -> tuple[Any, ...]:
        """Return the same with counts that may be changed."""
        slots, keys, values, used = self.arrays
        return slots, keys, values[: used[0]].copy(), used

    def add(self, localizations: tuple[Any, ...], motion: WindowDrift) -> None:
        """Add all localizations whose drift is known."""
        row, n = int(motion.bounds[0]), int(motion.bounds[-1])
        moved = motion.scaled(self.scale)
        while row < n:
            row = loops.add(
                localizations, moved, self.scale, self.arrays, self.quantum, (row, n), 1
            )
            if row < n:
                self.arrays = loops.with_room(self.arrays, int(self.arrays[3][0]))


@dataclass(frozen=True)
class Kernel:
    """Gaussian of which width (in cells), within how many cells, against how much background."""

    reach: tuple[int, int, int]
    gamma: FloatArray
    eps: float

    def arrays(self) -> tuple[Any, ...]:
        """Return what the loops take."""
        return np.array(self.reach, np.int64), self.gamma, self.eps


def runs(n: int) -> list[tuple[int, int]]:
    """Cut windows into runs whose number does not depend on that of the threads."""
    edges = np.linspace(0, n, min(n, _RUNS) + 1).astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def gradient_sums(
    localizations: tuple[Any, ...],
    motion: WindowDrift,
    image: Image,
    kernel: Kernel,
    around: IntArray,
    at: WindowDrift,
    threads: int | None,
) -> FloatArray:
    """Return the sums of each window of ``at`` over the image that was made with ``motion``.

    The rows ``around`` each window, shape (k, 2), are not in the image.
    """
    out = np.zeros((len(around), loops.N_GRADIENT_SUMS))
    moved, there = motion.scaled(image.scale), at.scaled(image.scale)

    def run(windows: tuple[int, int]) -> None:
        loops.gradient_sums(
            localizations, moved, image.scale, image.copy(), image.quantum, kernel.arrays(),
            windows, around, there, 1, out,
        )  # fmt: skip

    map_threads(run, runs(len(around)), threads=threads)
    return out


def log_density_sums(
    localizations: tuple[Any, ...],
    motion: WindowDrift,
    image: Image,
    kernel: Kernel,
    threads: int | None,
) -> FloatArray:
    """Return ``sum(log(1 + density / background))`` over the localizations of each window."""
    out = np.zeros(len(motion.middle))
    moved = motion.scaled(image.scale)

    def run(windows: tuple[int, int]) -> None:
        densities.log_density_sums(
            *(localizations, moved, image.scale, image.arrays, image.quantum),
            *(kernel.arrays(), windows, out),
        )

    map_threads(run, runs(len(out)), threads=threads)
    return out


def search_windows(
    localizations: tuple[Any, ...],
    motion: WindowDrift,
    image: Image,
    around: IntArray,
    reaches: IntArray,
    level: float,
    threads: int | None,
    *,
    sure: bool = False,
) -> FloatArray:
    """Look for each window in the image without the rows around it, near and then farther.

    Return the drift that it has in addition, how far the number of molecules that share a cell with
    the image stands out from that at other shifts, in standard deviations, and the reach that was
    needed, 0 or 1; -1 if it was not found: shape (k, 5).

    Parameters
    ----------
    reaches : ndarray of int, shape (2, 3)
        Cells along each axis.
    level : float
        Standard deviations by which it has to stand out.
    sure : bool, default False
        Whether it has to stand out from how much the numbers at other shifts differ, too: where
        molecules are clustered, this is more than if each fell into the image by itself.
    """
    out = np.zeros((len(around), 5))
    moved = motion.scaled(image.scale)

    def run(windows: tuple[int, int]) -> None:
        searching.search_windows(
            localizations, moved, image.scale, image.copy(), image.quantum,
            windows, around, reaches, level, sure, _MOLECULES, FEW, out,
        )  # fmt: skip

    map_threads(run, runs(len(around)), threads=threads)
    out[:, :3] /= np.where(image.scale > 0, image.scale, np.inf)
    return out


def newton_step(
    sums: FloatArray, kernel: Kernel, axes: list[int], counts: IntArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Return how much drift to add, in cells, and the variance of it: shapes (k, 3).

    With gradient ``g`` and Hessian ``H`` of the log-likelihood of the positions under the density
    of the image, the step is ``-g / H``, and its variance ``H^-1 sum(g g') H^-1``. Where the
    density is not peaked, it is the step of the mean shift. With ``counts``, the localizations of
    the windows whose drift is known, shape (k,), the variance has no bias where these are few.
    """
    root = np.sqrt(kernel.gamma[axes])
    square = root[:, None] * root
    index = np.array([[0, 3, 4], [3, 1, 5], [4, 5, 2]])[np.ix_(axes, axes)]
    # In units of the kernel's width.
    gradient = sums[:, axes] * root
    outer = sums[:, 3 + index] * square
    weight = np.maximum(sums[:, 15], 1e-9)
    values, vectors = np.linalg.eigh(
        weight[:, None, None] * np.eye(len(axes)) - sums[:, 9 + index] * square + outer
    )
    values = np.maximum(values, 0.1 * weight[:, None])
    inverse = np.einsum("kij,kj,klj->kil", vectors, 1 / values, vectors)
    move = np.zeros((len(sums), 3))
    variance = np.full((len(sums), 3), np.nan)
    move[:, axes] = -np.einsum("kij,kj->ki", inverse, gradient) / root
    if counts is not None:
        outer = unbiased_squares(outer, counts)
    variance[:, axes] = np.einsum("kij,kjl,kil->ki", inverse, outer, inverse) / root**2
    return move, variance

"""The sparse image of all localizations, and how segments of time fit into it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.sparse_image import intersections as loops

_BLOCKS = 16
_ROOM = 4096  # cells, at first


@dataclass(frozen=True)
class WindowDrift:
    """How localizations of each segment have moved: ``drift + slope * (frame - middle)``.

    Parameters
    ----------
    bounds : ndarray, shape (k + 1,)
        Rows of each segment.
    drift, slope : ndarray, shape (k, 3)
        NaN where unknown.
    middle : ndarray, shape (k,)
        Mean frame.
    """

    bounds: IntArray
    drift: FloatArray
    slope: FloatArray
    middle: FloatArray

    def scaled(self, scale: FloatArray) -> tuple[Any, ...]:
        """Return what the loops take, in cells."""
        return self.bounds, self.drift * scale, self.slope * scale, self.middle


class Image:
    """Localizations without drift, counted in cells of ``1 / scale``."""

    def __init__(self, scale: FloatArray) -> None:
        self.scale = scale
        self.quantum = 1024.0
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
        """Add all localizations whose motion is known."""
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


def blocks(n: int) -> list[tuple[int, int]]:
    """Cut segments into blocks whose number does not depend on that of the threads."""
    edges = np.linspace(0, n, min(n, _BLOCKS) + 1).astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def pulls(
    localizations: tuple[Any, ...],
    motion: WindowDrift,
    image: Image,
    kernel: Kernel,
    around: IntArray,
    at: WindowDrift,
    threads: int | None,
) -> FloatArray:
    """Return the sums of each segment of ``at`` over the image that was made with ``motion``."""
    out = np.zeros((len(around), loops.N_SUMS))
    moved, there = motion.scaled(image.scale), at.scaled(image.scale)

    def run(segments: tuple[int, int]) -> None:
        loops.fit(
            localizations, moved, image.scale, image.copy(), image.quantum, kernel.arrays(),
            segments, around, there, out,
        )  # fmt: skip

    map_threads(run, blocks(len(around)), threads=threads)
    return out


def looks(
    localizations: tuple[Any, ...],
    motion: WindowDrift,
    image: Image,
    around: IntArray,
    reaches: IntArray,
    level: float,
    threads: int | None,
) -> FloatArray:
    """Return for each segment (drift it has in addition, significance, reach)."""
    out = np.zeros((len(around), 5))
    moved = motion.scaled(image.scale)

    def run(segments: tuple[int, int]) -> None:
        loops.look(
            localizations, moved, image.scale, image.copy(), image.quantum,
            segments, around, reaches, level, 1024, out,
        )  # fmt: skip

    map_threads(run, blocks(len(around)), threads=threads)
    out[:, :3] /= np.where(image.scale > 0, image.scale, np.inf)
    return out


def step(sums: FloatArray, kernel: Kernel, axes: list[int]) -> tuple[FloatArray, FloatArray]:
    """Return how much drift to add, in cells, and the variance of it: shapes (k, 3).

    Newton's step for the likelihood of the positions under the density of the image; where the
    density is not peaked, the step of the mean shift.
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
    variance[:, axes] = np.einsum("kij,kjl,kil->ki", inverse, outer, inverse) / root**2
    return move, variance


def segments(frames: IntArray, edges: IntArray) -> WindowDrift:
    """Return segments that do not move."""
    bounds = np.searchsorted(frames, edges)
    k = len(bounds) - 1
    total = np.concatenate([[0.0], np.cumsum(frames - frames[0])])[bounds]
    middle = np.diff(total) / np.maximum(np.diff(bounds), 1) + frames[0]
    return WindowDrift(bounds, np.zeros((k, 3)), np.zeros((k, 3)), middle)

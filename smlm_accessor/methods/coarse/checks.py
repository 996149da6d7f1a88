"""What follows once the sample was followed: segments that went astray."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.methods.aim.sparse_image import Image, Kernel, WindowDrift
from smlm_accessor.methods.aim.sparse_image import gradient_sums as pulls
from smlm_accessor.methods.aim.sparse_image import newton_step as step
from smlm_accessor.methods.aim.sparse_image import search_windows as looks

_NEAR = 3  # cells
_LEVEL = 4.5  # standard deviations of chance


def astray(drift: FloatArray) -> BoolArray:
    """Tell which segments lie farther than two cells from where those around them are."""
    result = np.zeros(len(drift), dtype=bool)
    known = np.flatnonzero(np.isfinite(drift).all(axis=1))
    if len(known) < 9:
        return result
    padded = np.pad(drift[known], ((3, 3), (0, 0)), mode="edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 7, axis=0), axis=-1)
    away = np.abs(drift[known] - usual).max(axis=1)
    result[known] = away > np.maximum(2.0, 10 * np.median(away))
    return result


def verified(
    arrays: tuple[Any, ...], motion: WindowDrift, scale: FloatArray, threads: int | None
) -> WindowDrift:
    """Look for each segment in all others, and move those that belong elsewhere."""
    image = Image(scale)
    image.add(arrays, motion)
    k = len(motion.middle)
    around = np.stack(
        [
            motion.bounds[np.maximum(np.arange(k) - 1, 0)],
            motion.bounds[np.minimum(np.arange(k) + 2, k)],
        ],
        axis=1,
    )
    near, far = (_NEAR, 10) if scale[2] == 0 else (2, 6)
    reaches = np.array([[near] * 3, [far] * 3]) * (scale > 0)
    seen = looks(arrays, motion, image, around, reaches, _LEVEL, threads)
    elsewhere = (seen[:, 4] >= 0) & (np.abs(seen[:, :3] * scale).max(axis=1) >= 1)
    return replace(motion, drift=motion.drift + np.where(elsewhere[:, None], seen[:, :3], 0.0))


def refined(
    arrays: tuple[Any, ...],
    motion: WindowDrift,
    scale: FloatArray,
    axes: list[int],
    threads: int | None,
) -> WindowDrift:
    """Fit each segment into all others once more."""
    kernel = Kernel((1, 1, 1 if len(axes) == 3 else 0), np.where(scale > 0, 1.0, 0.0), 0.5)
    image = Image(scale)
    image.add(arrays, motion)
    around = np.stack([motion.bounds[:-1], motion.bounds[:-1]], axis=1)
    sums = pulls(arrays, motion, image, kernel, around, motion, threads)
    move, _ = step(sums, kernel, axes)
    move = np.clip(move, -1, 1) / np.where(scale > 0, scale, np.inf)
    return replace(motion, drift=motion.drift + move)


def cell_of(cell: FloatArray) -> FloatArray:
    """Return edges of cells, infinite for axes that do not exist."""
    return np.where(cell > 0, cell, np.inf)

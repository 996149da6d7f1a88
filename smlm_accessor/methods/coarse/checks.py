"""What follows once the sample was followed: segments that went astray."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.methods.aim.sparse_image import (
    Image,
    Kernel,
    WindowDrift,
    gradient_sums,
    newton_step,
    search_windows,
)

#: Standard deviations of chance by which the shift of a segment has to stand out.
LEVEL = 4.5
# Segments on either side whose median is the course of the drift; with fewer than nine, a step of
# the sample cannot be told from segments that went astray.
_AROUND, _FEWEST = 3, 9
_BACKGROUND = 0.5  # density that is added everywhere, in localizations
# A segment is astray if it is off the course by so many cells, and by so many usual distances.
_ASTRAY, _UNUSUAL = 2.0, 10.0
# Cells within which a segment is looked for: near and far, in 2D and in 3D.
_REACHES, _REACHES_3D = (3, 10), (2, 6)


def kernel_of(scale: FloatArray, width: float = 1.0) -> Kernel:
    """Return a Gaussian of a width in cells, over a cell and those beside it along each axis."""
    x, y, z = (scale > 0).astype(int).tolist()
    return Kernel((x, y, z), np.where(scale > 0, width**-2, 0.0), _BACKGROUND)


def astray(drift: FloatArray) -> BoolArray:
    """Tell which segments lie farther than two cells from the median of those around them.

    The first and the last never do: they may be beyond a jump. The drift, (k, 3), is in cells.
    """
    result = np.zeros(len(drift), dtype=bool)
    known = np.flatnonzero(np.isfinite(drift).all(axis=1))
    if len(known) < _FEWEST:
        return result
    padded = np.pad(drift[known], ((_AROUND, _AROUND), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1, axis=0)
    usual = np.median(around, axis=-1)
    away = np.abs(drift[known] - usual).max(axis=1)
    result[known] = away > max(_ASTRAY, _UNUSUAL * float(np.median(away)))
    return result


def verified(
    arrays: tuple[Any, ...], motion: WindowDrift, scale: FloatArray, threads: int | None
) -> WindowDrift:
    """Look for each segment in all but those beside it, and move those that belong elsewhere."""
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
    reaches = np.outer(_REACHES_3D if scale[2] else _REACHES, scale > 0)
    seen = search_windows(arrays, motion, image, around, reaches, LEVEL, threads)
    elsewhere = (seen[:, 4] >= 0) & (np.abs(seen[:, :3] * scale).max(axis=1) >= 1)
    return replace(motion, drift=motion.drift + np.where(elsewhere[:, None], seen[:, :3], 0.0))


def refined(
    arrays: tuple[Any, ...],
    motion: WindowDrift,
    scale: FloatArray,
    axes: list[int],
    threads: int | None,
) -> WindowDrift:
    """Move each segment by a Newton step towards the density of all, itself included.

    So two segments that are apart meet halfway; without itself, each would go all the way.
    """
    kernel = kernel_of(scale)
    image = Image(scale)
    image.add(arrays, motion)
    around = np.stack([motion.bounds[:-1], motion.bounds[:-1]], axis=1)
    sums = gradient_sums(arrays, motion, image, kernel, around, motion, threads)
    move, _ = newton_step(sums, kernel, axes)
    move = np.clip(move, -1, 1) / np.where(scale > 0, scale, np.inf)
    return replace(motion, drift=motion.drift + move)


def cell_of(cell: FloatArray) -> FloatArray:
    """Return edges of cells, infinite for axes that do not exist."""
    return np.where(cell > 0, cell, np.inf)

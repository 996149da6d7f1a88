"""What cc counts of a table of any size: one image for each chunk, of all its localizations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.fixed_counts import STEPS, FixedImages, add_counts
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.pixels import MAX_PIXELS, LateralPlan, plan_lateral

# Pixels of the images of all chunks together: 256 MiB in whole numbers.
_ALL_PIXELS = 2**26


@dataclass
class CountedImages:
    """Images of localizations in x and y, (m, *bins), and the chunk of each; some chunks have none.

    A localization counts ``STEPS**2``.
    """

    images: FixedImages
    chunk: IntArray

    def of(self, chunk: int) -> npt.NDArray[np.float32]:
        """Return the image of a chunk, in localizations per pixel."""
        found = self.images[self.chunk == chunk]
        if not len(found):
            return np.zeros(self.images.shape[1:], np.float32)
        return np.asarray(found[0] / STEPS**2, np.float32)


def plan_images(
    localizations: ChunkedLocalizations,
    *,
    n_chunks: int,
    bin_size: float | None = None,
    smoothing: float | None = None,
    max_shift: float | None = None,
    **others: Any,
) -> LateralPlan | None:
    """Choose the pixels of the images, by some localizations of a few of the chunks.

    None if the field has no extent. For other parameters see `cc`.
    """
    return plan_lateral(
        np.ascontiguousarray(localizations.positions[:, :2]),
        localizations.bounds,
        bin_size=bin_size,
        smoothing=smoothing,
        max_shift=max_shift,
        pixels=min(MAX_PIXELS, _ALL_PIXELS // n_chunks),
    )


def count_images(
    positions: FloatArray,
    chunk: IntArray,
    plan: LateralPlan | None,
    counted: CountedImages | None,
) -> CountedImages | None:
    """Add localizations to the images of their chunks, in place."""
    if plan is None:
        return None
    bins = plan.grid.bins
    if counted is None:
        counted = CountedImages(np.zeros((0, *bins), np.uint32), np.zeros(0, np.int64))
    new = np.setdiff1d(np.flatnonzero(np.bincount(chunk)), counted.chunk)
    if len(new):
        counted.chunk = np.append(counted.chunk, new)
        more = np.zeros((len(new), *bins), np.uint32)
        counted.images = np.concatenate([counted.images, more])
    if len(counted.chunk):
        slot_of = np.zeros(counted.chunk.max() + 1, np.int64)
        slot_of[counted.chunk] = np.arange(len(counted.chunk))
        add_counts(positions, slot_of[chunk], plan.grid, counted.images)
    return counted


def add_images(parts: Sequence[CountedImages | None]) -> CountedImages | None:
    """Add the images of several parts of a table, which are whole numbers."""
    known = [part for part in parts if part is not None]
    if len(known) < 2:
        return known[0] if known else None
    chunk = np.unique(np.concatenate([part.chunk for part in known]))
    images = np.zeros((len(chunk), *known[0].images.shape[1:]), np.uint32)
    for part in known:
        for image, slot in zip(part.images, np.searchsorted(chunk, part.chunk), strict=True):
            images[slot] += image
    return CountedImages(images, chunk)

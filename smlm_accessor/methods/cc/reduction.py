"""What cc counts of a table of any size: one image for each chunk, of all its localizations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.fixed_counts import STEPS, FixedImages, add_counts
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.pixels import MAX_PIXELS, LateralPlan, plan_lateral

# Pixels of the images of all chunks together: 256 MiB in whole numbers.
_ALL_PIXELS = 2**26
_ROOM = 8  # images for which there is room at first


@dataclass
class CountedImages:
    """The image of localizations in x and y of each chunk that has some; one counts ``STEPS**2``.

    Images that are being counted are parts of ``room``, which has more.
    """

    of_chunk: dict[int, FixedImages] = field(default_factory=dict)
    room: FixedImages | None = None

    def of(self, chunk: int, bins: tuple[int, int]) -> npt.NDArray[np.float32]:
        """Return the image of a chunk, in localizations per pixel."""
        found = self.of_chunk.get(chunk)
        if found is None:
            return np.zeros(bins, np.float32)
        return np.asarray(found / STEPS**2, np.float32)

    def slots(self, chunks: Sequence[int], bins: tuple[int, int]) -> FixedImages:
        """Return the room, with an image for each of these chunks; `of_chunk` is in its order."""
        new = [chunk for chunk in chunks if chunk not in self.of_chunk]
        used = len(self.of_chunk)
        if self.room is None or used + len(new) > len(self.room):
            # Memory is not taken before something is written to it.
            room = np.zeros((max(_ROOM, 2 * (used + len(new))), *bins), np.uint32)
            if self.room is not None:
                room[:used] = self.room[:used]
            self.room = room
        known = [*self.of_chunk, *new]
        self.of_chunk = dict(zip(known, self.room, strict=False))
        return self.room

    def __getstate__(self) -> dict[str, Any]:
        """Leave the room behind where images are sent elsewhere."""
        return {"of_chunk": self.of_chunk, "room": None}


def plan_images(
    localizations: ChunkedLocalizations,
    *,
    n_chunks: int,
    bin_size: float | None = None,
    smoothing: float | None = None,
    max_shift: float | None = None,
    threads: int | None = None,
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
        threads=threads,
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
    counted = CountedImages() if counted is None else counted
    present = np.flatnonzero(np.bincount(chunk)).tolist()
    if present:
        room = counted.slots(present, plan.grid.bins)
        slot_of = np.zeros(max(counted.of_chunk) + 1, np.int64)
        slot_of[list(counted.of_chunk)] = np.arange(len(counted.of_chunk))
        add_counts(positions, slot_of[chunk], plan.grid, room)
    return counted


def add_images(parts: Sequence[CountedImages | None]) -> CountedImages | None:
    """Add the images of several parts of a table, which are whole numbers.

    An image that no other part has is taken as it is; none is changed.
    """
    known = [part for part in parts if part is not None]
    total = CountedImages()
    added = set[int]()
    for chunk, image in (item for part in known for item in part.of_chunk.items()):
        before = total.of_chunk.get(chunk)
        if before is None:
            total.of_chunk[chunk] = image
        elif chunk in added:
            before += image
        else:
            total.of_chunk[chunk] = before + image
            added.add(chunk)
    return total if known else None

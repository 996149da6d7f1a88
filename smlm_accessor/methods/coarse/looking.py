"""Segments of time looked for in the sparse image of all others."""

from __future__ import annotations

from typing import Any

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.sparse_image import tracking as loops
from smlm_accessor.methods.aim.sparse_image import Image, WindowDrift, runs


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

    map_threads(run, runs(len(around)), threads=threads)
    out[:, :3] /= np.where(image.scale > 0, image.scale, np.inf)
    return out

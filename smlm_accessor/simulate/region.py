"""The box that localizations lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.errors import OptionError

Region = Sequence[Sequence[float]]

FIELD = ((0.0, 20_000.0), (0.0, 20_000.0))  # nm, a field of view


def as_box(region: Region, dimensions: Sequence[int] = (2, 3)) -> FloatArray:
    """Return the lower and upper bound of each axis, shape (d, 2).

    Raises `OptionError` if they are not finite and increasing, or of another number of axes.
    """
    try:
        box = np.array(region, dtype=np.float64)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.ndim != 2 or box.shape[1] != 2 or len(box) not in dimensions:
        pairs = ", ".join(f"({axis}_min, {axis}_max)" for axis in COMPONENTS[: max(dimensions)])
        at_least = "" if len(dimensions) == 1 else f"{min(dimensions)} or "
        raise OptionError(
            f"region={region!r} must be {at_least}{max(dimensions)} pairs of bounds: ({pairs})"
        )
    if not np.isfinite(box).all() or (box[:, 0] >= box[:, 1]).any():
        raise OptionError(f"region={region!r} must have finite bounds, the lower one first")
    return box


def volume(box: FloatArray) -> float:
    """Return the area or volume."""
    return float(np.prod(box[:, 1] - box[:, 0]))


def pad(box: FloatArray, margin: FloatArray) -> FloatArray:
    """Return the box widened on both sides of each axis."""
    return np.asarray(box + margin[:, None] * np.array([-1.0, 1.0]))


def contains(box: FloatArray, positions: FloatArray) -> BoolArray:
    """Return which positions lie in the box, shape (n,)."""
    inside = np.ones(len(positions), dtype=bool)
    for axis, (low, high) in enumerate(box):
        inside &= (positions[:, axis] >= low) & (positions[:, axis] <= high)
    return inside


def uniform(box: FloatArray, n: int, rng: np.random.Generator) -> FloatArray:
    """Return ``n`` positions drawn uniformly from the box, shape (n, d)."""
    return box[:, 0] + rng.random((n, len(box))) * (box[:, 1] - box[:, 0])

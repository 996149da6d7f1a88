"""pyMINFLUX: correlation of images of windows of time, by its own function; x and y."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyminflux.correct import drift_correction_time_windows_2d

PACKAGES = ("pyminflux", "numpy", "scipy")


def prepare(columns: dict[str, Any], precision: Any) -> Any:
    """Return the columns; it takes nm and seconds."""
    return {name: np.asarray(values) for name, values in columns.items()}


def correct(data: Any, method: str, settings: dict[str, Any]) -> Any:
    """Return the corrected positions. Without a length of windows it takes 600 s at least."""
    x, y, t, tid = (data[name] for name in ("x", "y", "tim", "tid"))
    dx, dy, *_ = drift_correction_time_windows_2d(
        x, y, t, settings.get("pixel_size", 1.0), T=settings.get("window"), tid=tid
    )
    return {"x": x - dx, "y": y - dy}


def positions(result: Any, axes: str) -> Any:
    """Return the corrected coordinates, shape (n, d)."""
    return np.stack([result[axis] for axis in axes], axis=1)

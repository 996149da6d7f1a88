"""Locan: cc and icp by chunk, then a model of the drift that is continuous in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from locan import Drift, DriftComponent, LocData

PACKAGES = ("locan", "open3d", "numpy", "pandas")


def prepare(columns: dict[str, Any], precision: Any) -> Any:
    """Return Locan's table."""
    table = {f"position_{axis}": columns[axis].astype(float) for axis in "xyz" if axis in columns}
    return LocData.from_dataframe(dataframe=pd.DataFrame({"frame": columns["frame"], **table}))


def correct(data: Any, method: str, settings: dict[str, Any]) -> Any:
    """Return the corrected table; ``model`` is linear, or the smoothing of a spline."""
    chunks = {name: settings[name] for name in ("chunk_size", "n_chunks") if name in settings}
    drift = Drift(
        method=method, target="first", kwargs_register=settings.get("register"), **chunks
    ).compute(data)
    model = settings["model"]
    degree = min(3, len(drift.transformations) - 1)
    models = [
        DriftComponent("linear")
        if model == "linear"
        else DriftComponent("spline", s=model, k=degree)
        for _ in range(data.dimension)
    ]
    drift.fit_transformations(slice_data=slice(None), offset_models=models)
    return drift.apply_correction(from_model=True).locdata_corrected


def positions(result: Any, axes: str) -> Any:
    """Return the corrected coordinates, shape (n, d)."""
    table = result.data
    return np.stack([table[f"position_{axis}"].to_numpy(dtype=float) for axis in axes], axis=1)

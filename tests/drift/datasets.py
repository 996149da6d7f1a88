"""A Dataset of transformations with everything there can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor.drift import build


def drift_dataset(components: str = "xyz", **changes: Any) -> xr.Dataset:
    """Three chunks, the middle one not valid, with everything there can be."""
    d = len(components)
    rng = np.random.default_rng(3)
    offset = rng.normal(size=(3, d))
    matrix = np.eye(d) + 0.01 * rng.normal(size=(3, d, d))
    offset[1], matrix[1] = np.nan, np.nan
    fields: dict[str, Any] = {
        "offset": offset,
        "matrix": matrix,
        "offset_std": np.where(np.isnan(offset), np.nan, 0.5),
        "n_localizations": [10, 0, 12],
        "valid": [True, False, True],
        "quality": [1.0, np.nan, 0.5],
        "frame": [4.5, 14.5, 24.0],
        "frame_start": [0, 10, 20],
        "frame_stop": [10, 20, 31],
        "center": np.arange(d) * 100.0,
        "components": components,
        "attrs": {
            "method": "icp",
            "target": "first",
            "length_unit": "nm",
            "parameters": {"n_chunks": 3, "max_distance": 0.1, "names": ["a", "b"]},
        },
    }
    return build(**{**fields, **changes})

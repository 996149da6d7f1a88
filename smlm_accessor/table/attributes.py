"""What ``attrs`` may hold so that netCDF, zarr and Parquet take it: strings, numbers, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._version import __version__

SCHEMA_VERSION = 1


def plain_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attrs that netCDF and zarr take: strings and numbers, parameters as JSON."""
    plain: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "package_version": __version__}
    for key, value in attrs.items():
        if value is None:
            continue
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            value = to_json(value)
        plain[key] = value
    return plain


def to_json(value: Any) -> str:
    """Return JSON of plain values; anything else by the name of its type."""
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= 1000 else f"array of shape {value.shape}"
    if isinstance(value, np.generic):
        return value.item()
    return str(getattr(value, "__name__", type(value).__name__))  # a repr may hold an address


def parameters(dataset: xr.Dataset) -> dict[str, Any]:
    """Return the parameters the drift was estimated with; none, if it does not tell."""
    try:
        loaded = json.loads(dataset.attrs.get("parameters", "{}"))
    except (TypeError, ValueError):  # somebody else's
        return {}
    return dict(loaded) if isinstance(loaded, dict) else {}

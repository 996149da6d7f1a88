"""Datasets of drift to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.drift import build

MakeDrift = Callable[..., xr.Dataset]


@pytest.fixture
def make_drift() -> MakeDrift:
    """Chunks of ten frames; x goes up by one each, y down by a half; chunks that are not valid."""

    def make(
        n: int = 6, components: str = "xy", invalid: tuple[int, ...] = (), **more: Any
    ) -> xr.Dataset:
        offset = np.outer(np.arange(n), [-1.0, 0.5, 0.25])[:, : len(components)]
        offset[list(invalid)] = np.nan
        values: dict[str, Any] = {
            "offset": offset,
            "components": components,
            "frame": 10.0 * np.arange(n) + 4.5,
            "frame_start": 10 * np.arange(n),
            "frame_stop": 10 * np.arange(1, n + 1),
            "offset_std": np.tile(np.linspace(0.1, 0.3, n)[:, None], len(components)),
            "n_localizations": np.full(n, 1000),
            "attrs": {"method": "overlap", "length_unit": "nm"},
        }
        return build(**values | more)

    return make

"""Datasets of drift with known truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.drift import build, offset_from_about

MakeDrift = Callable[..., xr.Dataset]
LAST = 33_000
VELOCITY = (-0.002, 0.001, 0.0005)


@pytest.fixture(scope="session")
def make_drift() -> MakeDrift:
    def make(
        n: int = 10,
        *,
        noise: float = 0.24,
        seed: int = 0,
        d: int = 2,
        about: Any = None,  # function of frames, (n, d): offset at the centre; else a line
        angle: float = 0.0,  # noise of rotation
        center: float = 0.0,
        start: int = 0,
        **changes: Any,
    ) -> xr.Dataset:
        rng = np.random.default_rng(seed)
        edges = start + np.linspace(0, LAST, n + 1).astype(np.int64)
        frame = (edges[1:] + edges[:-1] - 1) / 2
        offset = np.outer(frame, VELOCITY[:d]) if about is None else np.asarray(about(frame))
        offset = offset + rng.normal(0, noise, (n, d))
        matrix = np.tile(np.eye(d), (n, 1, 1))
        if angle:
            turned = rng.normal(0, angle, n)
            matrix[:, 0, 0] = matrix[:, 1, 1] = np.cos(turned)
            matrix[:, 1, 0], matrix[:, 0, 1] = np.sin(turned), -np.sin(turned)
        middle = np.full(d, center)
        values: dict[str, Any] = {
            "offset": offset_from_about(matrix, offset, middle),
            "matrix": matrix,
            "components": "xyz"[:d],
            "frame": frame,
            "frame_start": edges[:-1],
            "frame_stop": edges[1:],
            "n_localizations": np.full(n, 10_000),
            "center": middle,
            "attrs": {"method": "icp", "origin": "first_chunk", "length_unit": "nm"},
        }
        return build(**values | changes)

    return make

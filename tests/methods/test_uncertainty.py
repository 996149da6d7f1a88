"""Errors over ``offset_std`` are of unit size, where molecules blink."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import transformations
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.simulate import simulate_filaments

N_CHUNKS, N_FRAMES, SEEDS = 6, 3000, 8
CASES: list[tuple[str, dict[str, Any]]] = [
    ("icp", {}),
    ("icp", {"target": "all"}),
    ("icp", {"target": "previous"}),
    ("icp", {"with_rotation": True, "with_scaling": True}),
    ("cc", {}),
    ("cc", {"target": "all"}),
    ("cc", {"target": "previous"}),
    ("rcc", {}),
    ("aim", {}),
    ("overlap", {}),
]


def table(seed: int) -> tuple[pd.DataFrame, FloatArray]:
    """Filaments whose molecules shine for four frames, and the drift in each frame."""
    still = simulate_filaments(
        n_structures=10,
        length=5000,
        region=((0, 4000), (0, 4000)),
        n_frames=N_FRAMES,
        localizations_per_frame=4,
        precision=10,
        seed=seed,
    )
    drift = np.outer(np.arange(N_FRAMES) / N_FRAMES, [25.0, -15.0])
    frames = still["frame"].to_numpy()
    xy = still[["position_x", "position_y"]].to_numpy() + drift[frames]
    return pd.DataFrame({"frame": frames, "x": xy[:, 0], "y": xy[:, 1]}), drift


@pytest.fixture(scope="module")
def tables() -> list[tuple[pd.DataFrame, FloatArray]]:
    return [table(seed) for seed in range(SEEDS)]


@pytest.mark.parametrize(("method", "options"), CASES)
def test_errors_are_what_is_said(
    method: str, options: dict[str, Any], tables: list[tuple[pd.DataFrame, FloatArray]]
) -> None:
    found = []
    for locs, moved in tables:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InvalidChunkWarning)
            drift = estimate_drift(locs, method=method, n_chunks=N_CHUNKS, **options)
        use = drift["valid"].values
        std = drift["offset_std"].values[use]
        assert np.isfinite(std).all()
        edges = np.append(drift["frame_start"], drift["frame_stop"][-1])
        chunk = np.searchsorted(edges, locs["frame"], side="right") - 1
        true = np.array(
            [moved[locs["frame"].to_numpy()[chunk == k]].mean(axis=0) for k in range(N_CHUNKS)]
        )
        error = (transformations.drift(drift).values - true)[use]
        found.append((error - error.mean(axis=0)) / std)
    z = np.concatenate(found)
    assert len(z) > 0.8 * SEEDS * N_CHUNKS
    assert 0.65 < np.sqrt(np.mean(z**2)) < 1.4

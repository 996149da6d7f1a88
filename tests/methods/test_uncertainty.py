"""Errors over ``offset_std`` are of unit size, where molecules blink."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from tests import scenes

N_CHUNKS, N_FRAMES, SEEDS = 10, 3000, 8
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


@pytest.fixture(scope="module")
def filaments() -> list[scenes.Scene]:
    """Filaments whose molecules shine for four frames, and move in a straight line."""
    drift = scenes.linear(N_FRAMES, (25.0 / N_FRAMES, -15.0 / N_FRAMES))
    return [
        scenes.blinking(
            scenes.filaments(seed=seed),
            n_frames=N_FRAMES,
            per_frame=4,
            on=4,
            precision=10,
            seed=seed,
        ).drifting(drift)
        for seed in range(SEEDS)
    ]


@pytest.mark.parametrize(("method", "options"), CASES)
def test_errors_are_what_is_said(
    method: str, options: dict[str, Any], filaments: list[scenes.Scene]
) -> None:
    found = []
    for scene in filaments:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InvalidChunkWarning)
            drift = estimate_drift(scene.moved, method=method, n_chunks=N_CHUNKS, **options)
        found.append(scene.z_scores(drift))
    z = np.concatenate(found)
    assert np.isfinite(z).all()
    assert len(z) > 0.8 * SEEDS * N_CHUNKS
    assert 0.65 < np.sqrt(np.mean(z**2)) < 1.4

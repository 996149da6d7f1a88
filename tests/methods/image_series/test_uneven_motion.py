"""Means over parts of chunks within which the sample moves, beside the true ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.image_series.lateral import register_lateral
from smlm_accessor.methods.image_series.pixels import plan_lateral
from tests.scenes import clusters, jumping, linear, smooth, visits

N_FRAMES, N_CHUNKS = 4000, 8
JUMP = (300.0, -180.0)
PIXELS: dict[str, Any] = {"bin_size": None, "smoothing": None, "max_shift": None}


def registered(drift: FloatArray, seed: int) -> tuple[FloatArray, FloatArray, int]:
    """Return errors of chunks against their mean drift, standard errors, and how many move."""
    scene = visits(clusters(std=8.0), n=16_000, n_frames=N_FRAMES, seed=seed).drifting(drift)
    chunked = scene.chunked(N_CHUNKS)
    plan = plan_lateral(chunked.positions, chunked.bounds, **PIXELS)
    options: dict[str, Any] = {"target": "first", "threads": 1, "progress": False}
    shifts, chosen = register_lateral(chunked, plan, None, **options)
    of = np.repeat(np.arange(N_CHUNKS), np.diff(chunked.bounds))
    true = np.stack([np.bincount(of, x) for x in drift[chunked.frames].T]) / np.bincount(of)
    error = shifts.shift - true.T
    assert shifts.valid.all()
    moving: int = chosen["n_moving_chunks"]
    return error - np.median(error, axis=0), np.sqrt(shifts.variance), moving


@pytest.mark.parametrize("part", [0.04, 0.3, 0.5, 0.7, 0.97])
def test_a_jump_within_a_chunk_is_in_its_mean(part: float) -> None:
    """The maximum of the image alone would be off by up to half of it."""
    frame = int((3 + part) * N_FRAMES / N_CHUNKS)
    drift = jumping(linear(N_FRAMES, (0.002, 0.001)), {frame: JUMP})
    errors, stds = zip(*(registered(drift, seed)[:2] for seed in range(3)), strict=True)
    assert np.abs(errors).max() < JUMP[0] / 16
    assert np.sqrt(np.mean(np.square(np.array(errors) / stds))) < 1.3


def test_where_the_sample_moves_evenly_the_maximum_stays() -> None:
    for drift in (np.zeros((N_FRAMES, 2)), linear(N_FRAMES, (0.004, -0.003))):
        error, std, moving = registered(drift, 5)
        assert moving == 0
        assert np.abs(error).max() < 4 * std.max()
        assert std.max() < 1.0


def test_a_smooth_motion_of_many_precisions() -> None:
    errors, stds = zip(
        *(registered(smooth(N_FRAMES, extent=800.0), seed)[:2] for seed in range(3)), strict=True
    )
    assert np.sqrt(np.mean(np.square(np.array(errors) / stds))) < 1.5
    assert np.abs(errors).max() < 300.0 / 16  # of what it moves within a chunk

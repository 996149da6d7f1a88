"""The first search finds windows wherever they may be."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.window_shifts import WindowShifts, search_window_shifts

SHIFTS = np.outer(np.arange(7), [300.0, -200.0, 15.0]) + np.outer(np.arange(7) > 4, [900, 0, -40])


def search(x: FloatArray, n: int, **options: float) -> WindowShifts:
    bounds = np.arange(0, len(x) + 1, n)
    axes = ("x", "y", "z")[: x.shape[1]]
    localizations = ChunkedLocalizations(x, np.arange(len(x)), bounds, axes)
    asked = {"bin_size": None, "max_shift": None, "threads": None, "progress": False}
    return search_window_shifts(localizations, **(asked | options))  # type: ignore[arg-type]


def clusters(d: int, seed: int = 1, n: int = 1000) -> FloatArray:
    centers = np.random.default_rng(0).uniform(0, 5000, (60, d)) * [1, 1, 0.1][:d]
    rng = np.random.default_rng(seed)
    parts = [centers[rng.integers(60, size=n)] + rng.normal(s[:d], 10, (n, d)) for s in SHIFTS]
    return np.concatenate(parts)


@pytest.mark.parametrize("d", [2, 3])
def test_shifts_to_a_part_of_the_smoothing(d: int) -> None:
    found = search(clusters(d), 1000)
    assert found.valid.all()
    assert not found.by_chance
    error = found.drift - SHIFTS[:, :d]
    assert (np.abs(error - error[0]) < 0.3 * found.smoothing).all()


def test_a_window_beyond_the_largest_shift_is_not_found() -> None:
    found = search(clusters(2), 1000, max_shift=1300.0)
    assert found.valid.sum() == 5
    assert np.isnan(found.drift[5:]).all()


def test_noise_is_invalid_or_by_chance() -> None:
    for seed in range(5):
        found = search(np.random.default_rng(seed).uniform(0, 5000, (8000, 2)), 1000)
        assert found.by_chance or found.valid.sum() <= 1


def test_no_extent_is_no_shift() -> None:
    found = search(np.zeros((3000, 2)), 1000)
    assert found.valid.all()
    assert not found.drift.any()

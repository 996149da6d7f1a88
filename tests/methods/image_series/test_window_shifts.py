"""The first search finds windows wherever they may be."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
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


def test_single_emitters_need_a_finer_correlation() -> None:
    """250 visits a window to a thousand sites: at the coarse smoothing, chance pairs win."""
    rng = np.random.default_rng(3)
    sites = rng.uniform(0, 5000, (1000, 2))
    parts = [sites[rng.integers(1000, size=250)] + rng.normal(s[:2], 5, (250, 2)) for s in SHIFTS]
    coarse = search(np.concatenate(parts), 250, pixels=2**12)
    assert not _near(coarse, 100.0).all()
    found = search(np.concatenate(parts), 250, pixels=2**12, finer=True)
    assert _near(found, 40.0).all()
    assert not found.by_chance


def _near(found: WindowShifts, distance: float) -> BoolArray:
    """Tell which windows are valid and that near to where they should be."""
    error = found.drift - SHIFTS[:, :2]
    away = np.abs(error - np.nanmedian(error, axis=0)).max(axis=1)
    return np.asarray(found.valid & (away < distance))


def test_finer_correlations_find_nothing_in_noise() -> None:
    for seed in range(3):
        noise = np.random.default_rng(seed).uniform(0, 5000, (1600, 2))
        found = search(noise, 200, pixels=2**14, finer=True)
        assert found.by_chance or found.valid.sum() <= 1

"""Pixels and smoothing of lateral registration."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import OptionError
from smlm_accessor.methods.image_series.pixels import Field, LateralPlan, plan_lateral

BOUNDS = np.array([0, 4000, 8000, 12_000])


def clusters(std: float) -> FloatArray:
    rng = np.random.default_rng(1)
    centers = rng.uniform(0, 4000, (60, 2))
    return centers[rng.integers(60, size=12_000)] + rng.normal(0, std, (12_000, 2))


def plan(x: FloatArray, **options: float) -> LateralPlan:
    asked = {"bin_size": None, "smoothing": None, "max_shift": None}
    found = plan_lateral(x, BOUNDS, **(asked | options))  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("std", [8.0, 32.0])
def test_the_smoothing_is_that_of_the_structure(std: float) -> None:
    assert 0.7 * std < plan(clusters(std)).smoothing < 4 * std


def test_the_search_takes_larger_pixels_if_the_structure_is_too_small_for_its_images() -> None:
    found = plan(clusters(8.0), pixels=2**14)
    assert found.grid.pixels <= 2**14
    assert found.grid.bin_size > 4 * found.bin_size
    assert found.grid_smoothing > 4 * found.smoothing


def test_the_finest_pixel_is_as_small_as_may_be() -> None:
    field = Field.of(np.array([[0.0, 0], [700, 300]]), 50.0)
    size = field.finest(lambda s: field.grid(s, s), 10_000)
    assert field.grid(size, size).pixels <= 10_000 < field.grid(size / 1.1, size / 1.1).pixels


def test_shifts_reach_over_half_the_field_or_as_far_as_asked() -> None:
    x = np.array([[0.0, 0], [700, 300]])
    np.testing.assert_array_equal(Field.of(x, None).reach, [350, 150])
    np.testing.assert_array_equal(Field.of(x, 400.0).reach, [400, 300])


def test_too_small_pixels_are_refused_and_no_extent_needs_none() -> None:
    with pytest.raises(OptionError, match="use at least"):
        plan(clusters(8.0), bin_size=1e-3)
    nothing = {"bin_size": None, "smoothing": None, "max_shift": None}
    assert plan_lateral(np.zeros((12_000, 2)), BOUNDS, **nothing) is None  # type: ignore[arg-type]

"""Slopes as large as the values say that they are."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.slopes import excess_lines

TIME = np.arange(50.0)


def left(slopes: FloatArray, seed: int) -> FloatArray:
    """Return the error of slopes in as many segments, in standard deviations, after the rule."""
    rng, k = np.random.default_rng(seed), len(slopes)
    time = np.arange(50.0 * k)
    away = np.tile(TIME - TIME.mean(), k)
    std = 1 / np.sqrt(((TIME - TIME.mean()) ** 2).sum())
    value = np.repeat(slopes * std, 50) * away + rng.normal(size=50 * k) + 7.0
    free = np.arange(50 * k) % 50 == 0
    _, excess = excess_lines(time, value, np.ones(50 * k), free=free)
    raw = [np.polyfit(TIME, part, 1)[0] for part in np.split(value, k)]
    return np.asarray((raw - excess[::50]) / std - slopes)


@pytest.mark.parametrize(("k", "most"), [(1, 0.7), (4, 0.65)])
def test_where_nothing_moves_the_error_is_less(k: int, most: float) -> None:
    errors = np.concatenate([left(np.zeros(k), seed) for seed in range(400)])
    assert np.sqrt(np.mean(errors**2)) < most


@pytest.mark.parametrize("slope", [1.0, 2.0, 4.0, 20.0])
def test_a_slope_costs_little_and_a_clear_one_nothing(slope: float) -> None:
    errors = np.concatenate([left(np.full(1, slope), seed) for seed in range(400)])
    assert np.sqrt(np.mean(errors**2)) < (1.05 if slope > 10 else 1.3)


def test_the_middle_of_a_segment_and_what_is_not_seen_stay() -> None:
    rng = np.random.default_rng(1)
    variance = rng.uniform(0.5, 2.0, 100)
    variance[60:70] = np.inf
    value = np.where(np.isfinite(variance), rng.normal(size=100), np.nan)
    free = np.arange(100) == 40
    level, slope = excess_lines(np.arange(100.0), value, variance, free=free)
    for part in (slice(0, 40), slice(40, 100)):
        assert abs(np.average(level[part], weights=1 / variance[part])) < 1e-12
        np.testing.assert_allclose(np.diff(level[part]), slope[part][1:], atol=1e-12)


def test_segments_that_tell_nothing_have_no_slope() -> None:
    none = np.full(10, np.inf)
    level, slope = excess_lines(np.arange(10.0), np.zeros(10), none, free=np.arange(10) == 5)
    assert not level.any()
    assert not slope.any()

"""Slopes as large as the values say that they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.slopes import excess_lines, excess_of_slopes

TIME = np.arange(50.0)


def left(slopes: FloatArray, seed: int) -> FloatArray:
    """Return the error of slopes, (segments, axes), in standard deviations, after the rule."""
    rng, (k, d) = np.random.default_rng(seed), slopes.shape
    time = np.arange(50.0 * k)
    away = np.tile(TIME - TIME.mean(), k)[:, None]
    std = 1 / np.sqrt(((TIME - TIME.mean()) ** 2).sum())
    value = np.repeat(slopes * std, 50, axis=0) * away + rng.normal(size=(50 * k, d)) + 7.0
    free = np.arange(50 * k) % 50 == 0
    _, excess = excess_lines(time, value, np.ones((50 * k, d)), free=free)
    raw = [np.polyfit(TIME, part, 1)[0] for part in np.split(value, k)]
    return np.asarray((raw - excess[::50]) / std - slopes)


@pytest.mark.parametrize(
    ("k", "d", "most"), [(1, 1, 0.7), (4, 1, 0.65), (1, 2, 0.5), (1, 3, 0.45), (4, 2, 0.25)]
)
def test_where_nothing_moves_there_is_most_often_no_slope(k: int, d: int, most: float) -> None:
    errors = np.stack([left(np.zeros((k, d)), seed) for seed in range(400)])
    assert np.sqrt(np.mean(errors**2)) < most
    none = np.mean(np.abs(errors).max(axis=(1, 2)) < 1e-9)
    assert none == pytest.approx(chi2.cdf(2 * k * d, k * d), abs=0.05)


@pytest.mark.parametrize(("d", "most"), [(1, 1.3), (2, 1.25)])
@pytest.mark.parametrize("slope", [1.0, 2.0, 4.0, 20.0])
def test_a_slope_costs_little_and_a_clear_one_nothing(slope: float, d: int, most: float) -> None:
    errors = np.concatenate([left(np.full((1, d), slope), seed) for seed in range(400)])
    assert np.sqrt(np.mean(errors**2)) < (1.05 if slope > 10 else most)


def test_axes_are_judged_together() -> None:
    """What is clear along one axis makes a slope along the other likely."""
    assert excess_of_slopes(np.array([1.5])) == 1
    assert excess_of_slopes(np.array([1.5, 38.5])) == pytest.approx(1 / 20)
    assert excess_of_slopes(np.array([])) == 1


def test_the_middle_of_a_segment_and_what_is_not_seen_stay() -> None:
    rng = np.random.default_rng(1)
    variance = rng.uniform(0.5, 2.0, (100, 2))
    variance[60:70] = np.inf
    value = np.where(np.isfinite(variance), rng.normal(size=(100, 2)), np.nan)
    free = np.arange(100) == 40
    level, slope = excess_lines(np.arange(100.0), value, variance, free=free)
    for part in (slice(0, 40), slice(40, 100)):
        middle = np.average(level[part], weights=1 / variance[part], axis=0)
        np.testing.assert_allclose(middle, 0, atol=1e-12)
        np.testing.assert_allclose(np.diff(level[part], axis=0), slope[part][1:], atol=1e-12)


def test_segments_that_tell_nothing_have_no_slope() -> None:
    none = np.full((10, 2), np.inf)
    level, slope = excess_lines(np.arange(10.0), np.zeros((10, 2)), none, free=np.arange(10) == 5)
    assert not level.any()
    assert not slope.any()

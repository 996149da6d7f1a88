"""A trend through two series: as precise as both together, whatever the constant between them."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.time_series.trend import trend_with_rates
from smlm_accessor.kernels.time_series.two_series import trend_of_two

N, WALK = 300, 0.05
TIME = np.arange(N, dtype=np.float64)


def series(rng: np.random.Generator, curve: np.ndarray, std: float, seen: np.ndarray) -> tuple:  # type: ignore[type-arg]
    return curve + rng.normal(0, std, N), np.where(seen, std**2, np.inf)


@pytest.mark.parametrize("gap", [0, 100])
def test_error_is_that_of_the_smoother_that_knows_all(gap: int) -> None:
    """Rates and constant are known to the bound, and not to the trend."""
    first_seen = (TIME < 100) | (100 + gap <= TIME)
    second_seen = TIME % 3 == 0
    z, ratio = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        curve = np.cumsum(rng.normal(0, np.sqrt(WALK), N))
        one = series(rng, curve, 1.0, first_seen)
        other = series(rng, curve + 40, 0.7, second_seen)
        found = trend_of_two(TIME, one, other)
        with np.errstate(divide="ignore"):
            both = 1 / (1 / one[1] + 1 / other[1])
        bound, _ = trend_with_rates(TIME, TIME, both, (WALK, 0.0, 0.0))
        away = found.trend.level - curve
        away -= away.mean()
        z.append(np.mean(away**2 / found.trend.variance))
        ratio.append(np.mean(away**2) / np.mean(bound.variance))
        assert abs(found.constant - 40) < 1
    assert 0.8 < np.sqrt(np.mean(z)) < 1.25
    assert np.sqrt(np.mean(ratio)) < 1.1


def test_series_that_share_no_time_are_joined_by_the_trend() -> None:
    rng = np.random.default_rng(1)
    curve = TIME / 30
    one = series(rng, curve, 0.1, TIME < 150)
    other = series(rng, curve - 7, 0.1, TIME >= 150)
    found = trend_of_two(TIME, one, other)
    assert found.constant == pytest.approx(-7, abs=0.3)
    assert np.std(found.trend.level - curve) < 0.1


def test_innovations_are_white_where_the_model_is_right() -> None:
    rng = np.random.default_rng(2)
    curve = np.cumsum(rng.normal(0, np.sqrt(WALK), N))
    values, variance = series(rng, curve, 1.0, TIME % 2 == 0)
    _, left = trend_with_rates(TIME, values, variance, (WALK, 0.0, 0.0))
    used = left[TIME % 2 == 0][2:]
    assert np.var(used) == pytest.approx(1, abs=4 * np.sqrt(2 / len(used)))
    assert (left[TIME % 2 == 1] == 0).all()
    assert (left[:3] == 0).all()

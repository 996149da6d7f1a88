from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import block_diag

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.trend import Trend, local_linear_trend
from smlm_accessor.kernels.time_series.trend_loops import log_likelihood, smooth


def dense(
    step: FloatArray, value: FloatArray, variance: FloatArray, walk: float, bend: float
) -> tuple[FloatArray, FloatArray, float]:
    """Twin of the loops by dense matrices: all levels and slopes at once.

    Mean and variance of the levels, and the log-likelihood of all values but what the first two
    say about the unknown start.
    """
    n = len(value)
    blocks, rows = [], []
    for i, dt in enumerate(step[1:]):
        gain = np.array(
            [[walk * dt + bend * dt**3 / 3, bend * dt**2 / 2], [bend * dt**2 / 2, bend * dt]]
        )
        blocks.append(gain)
        row = np.zeros((2, 2 * n))
        row[:, 2 * i : 2 * i + 4] = [[-1, -dt, 1, 0], [0, -1, 0, 1]]
        rows.append(row)
    change = np.concatenate(rows)
    precision = change.T @ np.linalg.inv(block_diag(*blocks)) @ change
    known = np.isfinite(variance)
    look = np.zeros((known.sum(), 2 * n))
    look[np.arange(known.sum()), 2 * np.flatnonzero(known)] = 1
    weight = np.diag(1 / variance[known])
    posterior = np.linalg.inv(precision + look.T @ weight @ look)
    mean = posterior @ look.T @ weight @ value[known]
    # Restricted likelihood: of the values, level and slope at the start being free.
    after = np.zeros((2 * n, 2))
    after[:2] = np.eye(2)
    spread = np.zeros((2 * n, 2 * n))
    for i, dt in enumerate(step[1:]):
        move = np.array([[1, dt], [0, 1]])
        after[2 * i + 2 : 2 * i + 4] = move @ after[2 * i : 2 * i + 2]
        spread[2 * i + 2 : 2 * i + 4, : 2 * i + 2] = move @ spread[2 * i : 2 * i + 2, : 2 * i + 2]
        spread[: 2 * i + 2, 2 * i + 2 : 2 * i + 4] = spread[2 * i + 2 : 2 * i + 4, : 2 * i + 2].T
        own = move @ spread[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] @ move.T + blocks[i]
        spread[2 * i + 2 : 2 * i + 4, 2 * i + 2 : 2 * i + 4] = own
    covariance = look @ spread @ look.T + np.diag(variance[known])
    design = look @ after
    inverse = np.linalg.inv(covariance)
    free = np.linalg.inv(design.T @ inverse @ design)
    rest = value[known] - design @ free @ design.T @ inverse @ value[known]
    logs = [np.linalg.slogdet(m)[1] for m in (covariance, np.linalg.inv(free))]
    return mean[::2], np.diag(posterior)[::2], -0.5 * (sum(logs) + rest @ inverse @ rest)


def case(seed: int, *, holes: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    step = np.concatenate([[0.0], rng.uniform(0.5, 3, 29)])
    value = np.cumsum(rng.normal(0, 1, 30))
    variance = rng.uniform(0.2, 2, 30)
    if holes:
        variance[[0, 4, 11, 12, 29]] = np.inf
    return step, value, variance


@pytest.mark.parametrize("rates", [(0.5, 0.1), (1e-3, 2.0), (3.0, 1e-4)])
@pytest.mark.parametrize("holes", [False, True])
def test_the_loops_agree_with_dense_matrices(rates: tuple[float, float], holes: bool) -> None:
    step, value, variance = case(0, holes=holes)
    n, free = len(value), np.zeros(30, dtype=np.bool_)
    level, slope, spread = np.empty(n), np.empty(n), np.empty(n)
    smooth(step, value, variance, *rates, free, level, slope, spread)
    mean, expected, likelihood = dense(step, value, variance, *rates)
    # The start of the loops is nearly free, that of the twin is free.
    np.testing.assert_allclose(level, mean, rtol=0, atol=1e-3)
    np.testing.assert_allclose(spread, expected, rtol=1e-3)
    # Up to a constant: of the difference of two rates.
    other = dense(step, value, variance, 0.2, 0.2)[2]
    found = log_likelihood(step, value, variance, *rates, free, False)[0]
    found -= log_likelihood(step, value, variance, 0.2, 0.2, free, False)[0]
    assert found == pytest.approx(likelihood - other, abs=1e-8)


def test_free_starts_are_two_curves() -> None:
    step, value, variance = case(1, holes=False)
    free = np.zeros(30, dtype=np.bool_)
    free[13] = True
    rates = (0.5, 0.1)

    def curve(part: slice, free: object) -> tuple[FloatArray, FloatArray]:
        n = len(value[part])
        level, slope, spread = np.empty(n), np.empty(n), np.empty(n)
        smooth(step[part], value[part], variance[part], *rates, free, level, slope, spread)
        return level, spread

    level, spread = curve(slice(None), free)
    for part in (slice(0, 13), slice(13, None)):
        expected = curve(part, np.zeros(len(value[part]), dtype=np.bool_))
        np.testing.assert_allclose(level[part], expected[0], atol=1e-9)
        np.testing.assert_allclose(spread[part], expected[1], rtol=1e-9)


def wandering(walk: float, bend: float, n: int = 2000, seed: int = 0) -> tuple[FloatArray, Trend]:
    rng = np.random.default_rng(seed)
    slope = np.cumsum(rng.normal(0, np.sqrt(bend), n))
    level = np.cumsum(slope + rng.normal(0, np.sqrt(walk), n))
    time = np.arange(n, dtype=np.float64)
    variance = rng.uniform(0.5, 1.5, n)
    value = level + rng.normal(0, np.sqrt(variance))
    return level, local_linear_trend(time, value, variance)


@pytest.mark.parametrize(("walk", "bend"), [(0.1, 0.0), (0.0, 1e-4), (0.01, 1e-6)])
@pytest.mark.parametrize("seed", [0, 1])
def test_rates_are_found_and_errors_are_as_said(walk: float, bend: float, seed: int) -> None:
    level, trend = wandering(walk, bend, seed=seed)
    error = trend.level - level
    assert (error / np.sqrt(trend.variance)).std() == pytest.approx(1, abs=0.2)
    assert trend.noise == pytest.approx(1, abs=0.1)
    if not bend:
        assert trend.walk == pytest.approx(walk, rel=0.4)
    if not walk:
        assert trend.bend == pytest.approx(bend, rel=0.6)


def test_a_straight_line_stays_one() -> None:
    rng = np.random.default_rng(5)
    time = np.arange(500.0)
    trend = local_linear_trend(time, 3 + 0.2 * time + rng.normal(0, 1, 500), np.ones(500))
    assert np.abs(trend.level - 3 - 0.2 * time).max() < 0.25
    np.testing.assert_allclose(np.diff(trend.slope), 0, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-4, 1e5])
@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_units_do_not_matter(scale: float, unit: float) -> None:
    rng = np.random.default_rng(3)
    time, value = np.arange(300.0), np.cumsum(rng.normal(0, 0.3, 300)) + rng.normal(0, 1, 300)
    usual = local_linear_trend(time, value, np.ones(300))
    other = local_linear_trend(time * unit, value * scale, np.full(300, scale**2))
    np.testing.assert_allclose(other.level / scale, usual.level, atol=1e-5)
    np.testing.assert_allclose(other.slope * unit / scale, usual.slope, atol=1e-5)
    np.testing.assert_allclose(other.variance / scale**2, usual.variance, rtol=1e-4)
    assert other.walk * unit / scale**2 == pytest.approx(usual.walk, rel=1e-3)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_few_values(n: int) -> None:
    value = np.array([0.0, 30, 1, -20, 5, 8, 40, 2])[:n]
    trend = local_linear_trend(np.arange(n) * 100.0, value, np.full(n, 0.01))
    np.testing.assert_allclose(trend.level, value, atol=0.5)
    assert np.isfinite(trend.variance).all()
    assert trend.noise == 1

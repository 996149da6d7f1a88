"""The local trend: loops against dense matrices, rates and errors as they are."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.trend import Rates, Trend, covariance_at_starts, local_trend
from smlm_accessor.kernels.time_series.trend_loops import filter_forwards, smooth_backwards


def dense(
    step: FloatArray, value: FloatArray, variance: FloatArray, rates: Rates, whole: float
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Twin of the loops by dense matrices: the best linear prediction of all states at once.

    Level, slope and variance of the level, and the restricted log-likelihood: of the values, level
    and slope at the start being free.
    """
    n, (walk, bend, jerk) = len(value), rates
    design = np.zeros((n, 3, 2))  # states by level and slope at the start
    covariance = np.zeros((n, 3, n, 3))
    design[0, :2] = np.eye(2)
    covariance[0, 2, 0, 2] = jerk * whole
    for i, dt in enumerate(step[1:], start=1):
        move = np.array([[1, dt, dt**2 / 2], [0, 1, dt], [0, 0, 1]])
        # What white noise of each rate adds: integrals of its way into the state.
        into = [np.array([[1.0, 0, 0]]), np.array([[dt, 1, 0]]), np.array([[dt**2 / 2, dt, 1]])]
        powers = ([0, 0, 0], [1, 0, 0], [2, 1, 0])
        gain = np.zeros((3, 3))
        for rate, way, power in zip((walk, bend, jerk), into, powers, strict=True):
            whole_power = np.add.outer(power, power) + 1
            gain += rate * way.T @ way * dt / whole_power
        design[i] = move @ design[i - 1]
        before = np.einsum("ab,bjc->ajc", move, covariance[i - 1, :, :i])
        covariance[i, :, :i] = before
        covariance[:i, :, i] = before.transpose(1, 2, 0)
        covariance[i, :, i] = move @ covariance[i - 1, :, i - 1] @ move.T + gain
    known = np.isfinite(variance)
    seen = covariance[known, 0][:, known, 0] + np.diag(variance[known])
    x, inverse = design[known, 0], np.linalg.inv(seen)
    free = np.linalg.inv(x.T @ inverse @ x)
    start = free @ x.T @ inverse @ value[known]
    rest = value[known] - x @ start
    towards = covariance.reshape(n * 3, n, 3)[:, known, 0] @ inverse
    state = (design.reshape(-1, 2) @ start + towards @ rest).reshape(n, 3)
    unknown = (design.reshape(-1, 2) - towards @ x).reshape(n, 3, 2)[:, 0]
    own = np.einsum("ii->i", covariance[:, 0, :, 0])
    known_of = np.einsum("ij,ij->i", towards.reshape(n, 3, -1)[:, 0], covariance[:, 0, known, 0])
    spread = own - known_of + np.einsum("ia,ab,ib->i", unknown, free, unknown)
    logs = np.linalg.slogdet(seen)[1] - np.linalg.slogdet(free)[1]
    return state[:, 0], state[:, 1], spread, -0.5 * (logs + rest @ inverse @ rest)


def loops(
    step: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    rates: Rates,
    free: BoolArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Level, slope, variance of the level, and log-likelihood by the loops."""
    n = len(value)
    free = np.zeros(n, dtype=np.bool_) if free is None else free
    state, spread = np.empty((n, 3)), np.empty((n, 6))
    high = filter_forwards(step, value, variance, np.array(rates), free, False, state, spread)[0]
    level, slope, covariance = np.empty(n), np.empty(n), np.empty((n, 6))
    smooth_backwards(step, value, variance, free, state, spread, level, slope, covariance)
    covariance_at_starts(step, variance, np.array(rates), free, spread, covariance)
    return level, slope, covariance[:, 0], high


def case(seed: int, *, holes: bool) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    step = np.concatenate([[0.0], rng.uniform(0.5, 3, 29)])
    value = np.cumsum(rng.normal(0, 1, 30))
    variance = rng.uniform(0.2, 2, 30)
    if holes:
        variance[[0, 4, 11, 12, 29]] = np.inf
    return step, value, variance


RATES = [(0.5, 0.1, 0.0), (1e-3, 2.0, 0.0), (3.0, 1e-4, 1e-4), (0.2, 1e-6, 1e-2), (1e-4, 0.1, 1e-6)]


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("holes", [False, True])
def test_the_loops_agree_with_dense_matrices(rates: Rates, holes: bool) -> None:
    step, value, variance = case(0, holes=holes)
    level, slope, spread, found = loops(step, value, variance, rates)
    expected = dense(step, value, variance, rates, step.sum())
    # The start of the loops is nearly free, that of the twin is free.
    np.testing.assert_allclose(level, expected[0], rtol=0, atol=1e-3)
    np.testing.assert_allclose(slope, expected[1], rtol=0, atol=1e-3)
    np.testing.assert_allclose(spread, expected[2], rtol=1e-3)
    # Up to a constant: of the difference of two rates.
    usual = (0.2, 0.2, 1e-3)
    other = dense(step, value, variance, usual, step.sum())[3]
    found -= loops(step, value, variance, usual)[3]
    assert found == pytest.approx(expected[3] - other, abs=1e-6)


@pytest.mark.parametrize("rates", [(0.5, 0.0, 0.0), (0.5, 0.1, 0.0), (1e-12, 1e-12, 0.0)])
def test_long_before_the_first_value_is_as_uncertain_as_long_after_the_last(rates: Rates) -> None:
    """The level has no digits left there, if it is told by one that is free far away."""
    step = np.append(0.0, np.ones(299))
    value, variance = np.random.default_rng(0).normal(0, 1, 300), np.ones(300)
    value[:200], variance[:200] = 0.0, np.inf
    _, _, before, _ = loops(step, value, variance, rates)
    _, _, after, _ = loops(step, value[::-1].copy(), variance[::-1].copy(), rates)
    np.testing.assert_allclose(before[::-1], after, rtol=1e-3)


@pytest.mark.parametrize("rates", [(1e-20, 1e-20, 0.0), (1e-20, 1e-9, 0.0), (1e-3, 1e-20, 0.0)])
@pytest.mark.parametrize("n", [300, 10_000])
def test_a_few_holes_before_the_first_value_add_little(rates: Rates, n: int) -> None:
    """The slope of a nearly straight line is known to ever more digits."""
    step = np.append(0.0, np.ones(n - 1))
    value, variance = np.random.default_rng(1).normal(0, 1, n), np.ones(n)
    variance[:6] = np.inf
    _, _, before, _ = loops(step, value, variance, rates)
    _, _, after, _ = loops(step, value[::-1].copy(), variance[::-1].copy(), rates)
    np.testing.assert_allclose(before[::-1], after, rtol=1e-3)


@pytest.mark.parametrize("rates", RATES)
def test_free_starts_are_two_curves(rates: Rates) -> None:
    step, value, variance = case(1, holes=False)
    free = np.arange(30) == 13
    level, _, spread, _ = loops(step, value, variance, rates, free)
    whole = step.sum()  # also in each of them, the acceleration at the start is that of all time
    for part in (slice(0, 13), slice(13, None)):
        expected = dense(step[part], value[part], variance[part], rates, whole)
        np.testing.assert_allclose(level[part], expected[0], atol=1e-3)
        np.testing.assert_allclose(spread[part], expected[2], rtol=1e-3)
    changed = loops(step, np.where(np.arange(30) < 13, value + 1e3, value), variance, rates, free)
    np.testing.assert_allclose(changed[0][13:], level[13:], rtol=0, atol=1e-9)


@pytest.mark.parametrize("rates", RATES)
def test_a_common_factor_of_the_variances_is_the_likeliest(rates: Rates) -> None:
    """Of 28 standard normal innovations, the mean square: with it, the likelihood is a maximum."""
    step, value, variance = case(2, holes=False)
    state, spread, free = np.empty((30, 3)), np.empty((30, 6)), np.zeros(30, dtype=np.bool_)
    found, factor = filter_forwards(
        step, 3 * value, variance, np.array(rates), free, True, state, spread
    )

    def at(factor: float) -> float:
        times = tuple(factor * r for r in rates)
        return loops(step, 3 * value, factor * variance, times)[3]  # type: ignore[arg-type]

    assert found == pytest.approx(at(factor), abs=1e-6)
    assert factor > 1
    assert found > max(at(1.1 * factor), at(factor / 1.1))


def wandering(rates: Rates, n: int = 2000, seed: int = 0) -> tuple[FloatArray, Trend]:
    rng = np.random.default_rng(seed)
    walk, bend, jerk = np.sqrt(rates)
    acceleration = np.cumsum(rng.normal(0, jerk, n)) if jerk else np.zeros(n)
    slope = np.cumsum(acceleration + rng.normal(0, bend, n))
    level = np.cumsum(slope + rng.normal(0, walk, n))
    variance = rng.uniform(0.5, 1.5, n)
    value = level + rng.normal(0, np.sqrt(variance))
    return level, local_trend(np.arange(n, dtype=np.float64), value, variance)


@pytest.mark.parametrize(
    "rates",
    [(0.1, 0.0, 0.0), (0.0, 1e-4, 0.0), (0.01, 1e-6, 0.0), (0.0, 0.0, 1e-7), (1e-2, 0.0, 1e-9)],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_rates_are_found_and_errors_are_as_said(rates: Rates, seed: int) -> None:
    level, trend = wandering(rates, seed=seed)
    error = trend.level - level
    assert (error / np.sqrt(trend.variance)).std() == pytest.approx(1, abs=0.2)
    assert trend.noise == pytest.approx(1, abs=0.1)
    if not any(rates[1:]):
        assert trend.walk == pytest.approx(rates[0], rel=0.4)
    if not rates[0] and rates[1]:
        assert trend.bend == pytest.approx(rates[1], rel=0.6)
    if not any(rates[:2]):
        assert trend.jerk == pytest.approx(rates[2], rel=0.7)


@pytest.mark.parametrize("period", [100, 300, 1000])
def test_a_sinusoid_is_followed_by_acceleration(period: int) -> None:
    """Better than by the likeliest walk of the slope alone; and with errors as said."""
    scores = []
    for seed in range(6):
        n, time = 2000, np.arange(2000.0)
        level = 20 * np.sin(2 * np.pi * time / period + seed)
        value, variance = level + np.random.default_rng(seed).normal(0, 1, n), np.ones(n)
        trend = local_trend(time, value, variance)
        step = np.diff(time, prepend=0.0)
        bends = [(0.0, float(bend), 0.0) for bend in np.logspace(-9, 0, 19)]
        bent = max((loops(step, value, variance, r) for r in bends), key=lambda found: found[3])
        assert loops(step, value, variance, trend.rates)[3] > bent[3] + 10
        assert (trend.level - level).std() < 0.9 * (bent[0] - level).std()
        scores.append((trend.level - level) / np.sqrt(trend.variance))
    assert 0.75 < np.std(scores) < 1.1  # a sinusoid is smoother than any random walk


@pytest.mark.parametrize("seed", range(3))
def test_rates_are_found_again_near_known_ones(seed: int) -> None:
    """Also if these are far off: then the curve is another one by a fraction of its error."""
    rng = np.random.default_rng(seed)
    time = np.arange(600.0)
    value = 10 * np.sin(time / 60) + np.cumsum(rng.normal(0, 0.1, 600)) + rng.normal(0, 1, 600)
    first = local_trend(time, value, np.ones(600))
    for rates in (first.rates, (1e-9, 1e-12, 1e-15), (1.0, 1e-12, 1e-15), (1e-9, 1.0, 1e-15)):
        again = local_trend(time, value, np.ones(600), rates=rates)
        assert ((again.level - first.level) / np.sqrt(first.variance)).std() < 0.3


def test_a_straight_line_stays_one() -> None:
    rng = np.random.default_rng(5)
    time = np.arange(500.0)
    trend = local_trend(time, 3 + 0.2 * time + rng.normal(0, 1, 500), np.ones(500))
    assert np.abs(trend.level - 3 - 0.2 * time).max() < 0.25
    np.testing.assert_allclose(np.diff(trend.slope), 0, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-4, 1e5])
@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_units_do_not_matter(scale: float, unit: float) -> None:
    rng = np.random.default_rng(3)
    time, value = np.arange(300.0), np.cumsum(rng.normal(0, 0.3, 300)) + rng.normal(0, 1, 300)
    usual = local_trend(time, value, np.ones(300))
    other = local_trend(time * unit, value * scale, np.full(300, scale**2))
    np.testing.assert_allclose(other.level / scale, usual.level, atol=1e-5)
    np.testing.assert_allclose(other.slope * unit / scale, usual.slope, atol=1e-5)
    np.testing.assert_allclose(other.variance / scale**2, usual.variance, rtol=1e-4)
    found = [r * unit**k / scale**2 for r, k in zip(other.rates, (1, 3, 5), strict=True)]
    np.testing.assert_allclose(found, usual.rates, rtol=1e-3)


@pytest.mark.parametrize("n", [2, 3, 8])
def test_few_values(n: int) -> None:
    value = np.array([0.0, 30, 1, -20, 5, 8, 40, 2])[:n]
    trend = local_trend(np.arange(n) * 100.0, value, np.full(n, 0.01))
    np.testing.assert_allclose(trend.level, value, atol=0.5)
    assert np.isfinite(trend.variance).all()
    assert trend.noise == 1


@pytest.mark.parametrize("amplitude", [0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0])
def test_a_curve_counts_as_much_as_it_is_seen(amplitude: float) -> None:
    """Of a line and a curve, errors are near those stated, and of a line those of its fit."""
    rng, time = np.random.default_rng(11), np.arange(200.0)
    true = amplitude * np.sin(2 * np.pi * time / 200) + 0.1 * time
    squares, errors = [], []
    for _ in range(40):
        trend = local_trend(time, true + rng.normal(0, 1, 200), np.ones(200))
        squares.append(np.mean((trend.level - true) ** 2 / trend.variance))
        errors.append(np.mean((trend.level - true) ** 2))
    assert 0.7 < np.sqrt(np.mean(squares)) < 1.5
    error = np.sqrt(np.mean(errors))
    if amplitude == 0:
        assert error < 1.1 * np.sqrt(2 / 200)
    assert error < 0.25

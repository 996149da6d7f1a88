"""The change point: at the known value, and as precise as its theory says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.kernels.time_series.change_point import (
    change_point,
    change_point_probability,
    change_points,
    highest_sums,
    middle_change_point,
)

MEANS = 0.0, 2.0  # in standard deviations


def gain_of(x: np.ndarray) -> np.ndarray:
    return np.asarray((x - MEANS[1]) ** 2 - (x - MEANS[0]) ** 2)


@pytest.mark.parametrize("at", [0, 1, 7, 19, 20])
def test_without_noise_it_is_exact(at: int) -> None:
    x = np.where(np.arange(20) < at, *MEANS)
    assert change_point(gain_of(x)) == at
    assert change_point(gain_of(x), inside=True) == np.clip(at, 1, 19)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_no_other_frame_is_likelier(gain: list[float]) -> None:
    def log_likelihood(k: int) -> float:
        return sum(gain[:k])

    best = max(log_likelihood(k) for k in range(len(gain) + 1))
    assert log_likelihood(change_point(np.array(gain))) == pytest.approx(best, abs=1e-9)
    at = change_point(np.array(gain), inside=True)
    if len(gain) > 1:
        inner = max(log_likelihood(k) for k in range(1, len(gain)))
        assert log_likelihood(at) == pytest.approx(inner, abs=1e-9)


def test_of_equally_likely_frames_it_is_the_first() -> None:
    assert change_point(np.array([1.0, 0.0, 0.0, -1.0])) == 1
    assert change_point(np.zeros(0)) == change_point(np.zeros(5)) == 0
    assert change_point(np.zeros(1), inside=True) == 0


def test_noise_moves_it_as_far_as_theory_says() -> None:
    """Two random walks with drift go down from the change; it is exact if neither comes back.

    For steps of two standard deviations, normal gains of mean -4 and variance 16: the probability
    that such a walk stays below zero is exp(-sum(Phi(-sqrt(n)) / n)) (Spitzer's identity).
    """
    from scipy.stats import norm

    n = np.arange(1, 200)
    stays = np.exp(-np.sum(norm.cdf(-np.sqrt(n)) / n))
    rng = np.random.default_rng(1)
    true, trials = 50, 4000
    x = rng.normal(size=(trials, 100)) + np.where(np.arange(100) < true, *MEANS)
    found = np.array([change_point(gain_of(row)) for row in x])
    exact, expected = np.mean(found == true), stays**2
    assert exact == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / trials))
    assert abs(np.mean(found) - true) < 4 * np.std(found) / np.sqrt(trials)


def path_of(found: list[tuple[int, int]], n: int) -> list[int]:
    """The state of each of the values."""
    path = np.zeros(n, dtype=int)
    for state, begins in found:
        path[begins:] = state
    return [int(state) for state in path]


@pytest.mark.parametrize("n_states", [2, 3])
@pytest.mark.parametrize("cost", [0.5, 2.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_no_other_way_through_the_states_is_likelier(n_states: int, cost: float, seed: int) -> None:
    n = 8
    gain = np.random.default_rng(seed).normal(0, 2, (n_states, n))
    ways = np.array(list(product(range(n_states), repeat=n)))
    whole = np.pad(ways, ((0, 0), (1, 1)), constant_values=((0, 0), (0, n_states - 1)))
    values = gain[ways, np.arange(n)].sum(axis=1) - cost * (np.diff(whole) != 0).sum(axis=1)
    found = change_points(gain, cost)
    assert (found[0], found[-1][0]) == ((0, 0), n_states - 1)
    assert path_of(found, n) == ways[np.argmax(values)].tolist()
    if cost == 100.0:
        assert len(found) == 2


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_of_two_states_it_is_the_change_point(gain: list[float]) -> None:
    both = np.stack([np.array(gain), np.zeros(len(gain))])
    (first, second) = change_points(both, 1e6)
    total = np.concatenate([[0.0], np.cumsum(gain)])
    assert first == (0, 0)
    assert total[second[1]] == pytest.approx(total[change_point(np.array(gain))], abs=1e-9)


def test_a_state_between_has_to_gain_its_cost() -> None:
    x = np.repeat([0.0, 2.0, 5.0], [40, 6, 40]) + np.random.default_rng(1).normal(0, 0.3, 86)
    gain = np.stack([-((x - mean) ** 2) / (2 * 0.3**2) for mean in (0, 2, 5)])
    assert change_points(gain, 12.0) == [(0, 0), (1, 40), (2, 46)]
    assert change_points(gain, 1e4) == [(0, 0), (2, 46)]  # 2 is nearer to 0 than to 5


def test_what_comes_back_for_a_while_is_seen() -> None:
    x = np.repeat([0.0, 5.0, 0.0, 5.0], [40, 6, 20, 40])
    x += np.random.default_rng(1).normal(0, 0.3, len(x))
    gain = np.stack([-((x - mean) ** 2) / (2 * 0.3**2) for mean in (0, 5)])
    assert change_points(gain, 12.0) == [(0, 0), (1, 40), (0, 46), (1, 66)]


def test_where_it_begins_and_ends_may_be_open() -> None:
    gain = np.stack([np.zeros(30), np.full(30, -0.5)])
    gain[1, 10:20] = 5.0
    assert change_points(gain, 4.0, last=None) == [(0, 0), (1, 10), (0, 20)]
    assert change_points(gain, 20.0, last=None) == [(0, 0), (1, 10)]
    assert change_points(gain, 60.0, last=None) == [(0, 0)]
    assert change_points(gain, 60.0, first=None, last=None) == [(1, 0)]
    assert change_points(gain, 60.0, first=1, last=0) == [(1, 0), (0, 20)]


def test_probabilities_of_change_points_are_true() -> None:
    """Of those said to have a probability between two bounds, as many are the change point."""
    rng, n, n_series = np.random.default_rng(4), 12, 4_000
    said, true = [], []
    for _ in range(n_series):
        at = int(rng.integers(n + 1))
        x = np.where(np.arange(n) < at, *MEANS) + rng.normal(size=n)
        said.append(change_point_probability(gain_of(x) / 2))
        true.append(np.arange(n + 1) == at)
    probability, is_it = np.concatenate(said), np.concatenate(true)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 1.0)):
        some = (probability >= low) & (probability < high)
        expected = probability[some].mean()
        error = np.sqrt(expected * (1 - expected) / some.sum())
        assert abs(is_it[some].mean() - expected) < 4 * error


def test_repeated_values_are_one_observation() -> None:
    gain = np.array([1.0, -0.5, 0.25, -2.0])
    repeated = change_point_probability(np.repeat(gain, 3) / 1.0, evidence=1 / 3)
    once = change_point_probability(gain)
    np.testing.assert_allclose(repeated[::3] / repeated[::3].sum(), once)


def test_the_middle_is_in_the_middle_of_what_tells_nothing() -> None:
    gain = np.concatenate([np.full(5, 9.0), np.zeros(20), np.full(5, -9.0)])
    assert change_point(gain) == 5
    assert middle_change_point(gain) == 15
    assert middle_change_point(np.array([9.0, 9.0, -9.0])) == 2


@given(st.lists(st.integers(-9, 9), max_size=12))
def test_the_first_has_the_highest_sum_of_all(values: list[int]) -> None:
    series = np.array(values, dtype=float)
    sums = [series[a:b].sum() for a in range(len(values)) for b in range(a + 1, len(values) + 1)]
    highest = max(sums, default=0.0)
    found = highest_sums(series, 0.5, 1)
    if highest <= 0.5:
        assert found == []
    else:
        ((a, b),) = found
        assert series[a:b].sum() == highest


def test_runs_are_apart_in_order_and_above_the_least() -> None:
    series = np.full(1_000, -1.0)
    series[100:110], series[400:450], series[900:903] = 3.0, 1.0, 2.0
    assert highest_sums(series, 10.0, 9) == [(100, 110), (400, 450)]
    assert highest_sums(series, 5.0, 9) == [(100, 110), (400, 450), (900, 903)]
    assert highest_sums(series, 5.0, 1) == [(400, 450)]
    assert highest_sums(series[:0], 5.0, 1) == []

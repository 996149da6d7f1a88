"""Steps in a series."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.kernels.time_series.steps import find_steps, runs, unforeseen_steps


def series(seed: int, k: int, steps: dict[int, float], noise: float = 1.0) -> np.ndarray:
    """A slow curve in two components with noise, and steps in the first."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, k)
    values = np.stack([80 * t + 20 * np.sin(6 * t), -40 * t**2], axis=1)
    for at, size in steps.items():
        values[at:, 0] += size
    return values + rng.normal(0, noise, values.shape)


@pytest.mark.parametrize("seed", range(10))
def test_steps_are_found_where_they_are(seed: int) -> None:
    assert find_steps(series(seed, 40, {11: 60.0, 30: -90.0})).tolist() == [11, 30]


@pytest.mark.parametrize("seed", range(20))
def test_a_smooth_drift_has_none(seed: int) -> None:
    values = series(seed, 40, {})
    assert not len(find_steps(values, np.full(values.shape, 1.0)))


def test_what_steps_back_is_none() -> None:
    values = series(1, 40, {})
    values[20] += 100
    assert not len(find_steps(values))


def test_noise_that_is_known_to_be_large_is_none() -> None:
    values = series(2, 40, {20: 60.0})
    assert len(find_steps(values)) == 1
    assert not len(find_steps(values, np.full(values.shape, 15.0)))


def test_a_few_values_tell_nothing() -> None:
    assert not len(find_steps(series(3, 6, {3: 500.0})))


def test_constant() -> None:
    assert not len(find_steps(np.zeros((20, 2))))


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_successive_and_apart(large: list[bool]) -> None:
    found = runs(np.array(large, dtype=bool))
    assert [int(i) for run in found for i in run] == np.flatnonzero(large).tolist()
    assert all((np.diff(run) == 1).all() for run in found)
    assert all(b[0] - a[-1] > 1 for a, b in pairwise(found))


@pytest.mark.parametrize("pace", [0.0, 30.0])
def test_a_pace_that_goes_on_is_foreseen_and_a_jump_is_not(pace: float) -> None:
    rng = np.random.default_rng(1)
    time = np.cumsum(rng.uniform(0.2, 3.0, 60))
    values = pace * time[:, None] * [1, -2] + np.where(np.arange(60)[:, None] < 25, 0.0, [30, 40])
    found = unforeseen_steps(values, time)
    np.testing.assert_allclose(found[[24, 25]], 50.0)
    np.testing.assert_allclose(np.delete(found, [24, 25]), 0.0, atol=1e-9)


def test_there_and_back_is_not_foreseen() -> None:
    values = np.zeros((20, 1))
    values[8:11] = 100.0
    assert (unforeseen_steps(values, np.arange(20.0))[[7, 8, 10, 11]] == 100.0).all()


def test_steps_of_few_values_are_as_far_as_they_go() -> None:
    found = unforeseen_steps(np.array([[0.0], [5.0], [9.0]]), np.arange(3.0))
    assert found.tolist() == [0.0, 9.0, 0.0]

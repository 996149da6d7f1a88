"""Breaks of a trend: at their values, as often by chance as promised, and none twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series import breaks
from smlm_accessor.kernels.time_series.breaks import Break, find_breaks

N = 200
TIME = np.arange(float(N))
COURSES = {  # of the level, in units of the noise of a value
    "rest": lambda rng: np.zeros((N, 2)),
    "line": lambda rng: np.outer(TIME, [0.05, -0.02]),
    "wave": lambda rng: 5 * np.sin(TIME[:, None] / 20 + np.array([0, 1])),
    "walk": lambda rng: np.cumsum(rng.normal(0, 0.3, (N, 2)), axis=0),
}


def noisy(course: str, seed: int, steps: dict[int, list[float]]) -> tuple[FloatArray, FloatArray]:
    """Values with breaks, and their true level."""
    rng = np.random.default_rng(seed)
    level = COURSES[course](rng)
    for at, step in steps.items():
        level[at:] += step
    return level + rng.normal(0, 1, level.shape), level


def found_in(values: FloatArray, known: Any = (), variances: Any = None) -> list[Break]:
    variances = np.ones_like(values) if variances is None else variances
    return find_breaks(TIME, values, variances, np.isin(np.arange(N), known))[0]


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("seed", range(3))
def test_a_break_is_at_its_value_and_has_the_levels_on_both_sides(course: str, seed: int) -> None:
    values, level = noisy(course, seed, {83: [12.0, -9.0]})
    (one,) = found_in(values)
    assert abs(one.at - 83) <= 1
    # Two values beside it, or more, are averaged: three errors.
    np.testing.assert_allclose(one.before, level[82], atol=3)
    np.testing.assert_allclose(one.after, level[84], atol=3)


def test_a_break_of_one_component_is_one_of_all() -> None:
    for axis in (0, 1):
        step = np.zeros(2)
        step[axis] = 10
        (one,) = found_in(noisy("line", 1, {120: step.tolist()})[0])
        assert abs(one.at - 120) <= 1
    alone = found_in(noisy("line", 1, {120: [10.0, 0.0]})[0][:, :1])
    assert [abs(b.at - 120) <= 1 for b in alone] == [True]


@pytest.mark.parametrize(
    "steps", [{60: [12.0, 0], 150: [0, -12.0]}, {90: [15.0, 9], 100: [-15, 9]}]
)
@pytest.mark.parametrize("seed", range(3))
def test_two_breaks_are_found_in_their_order(steps: dict[int, list[float]], seed: int) -> None:
    found = found_in(noisy("line", seed, steps)[0])
    assert len(found) == 2
    np.testing.assert_allclose([b.at for b in found], list(steps), atol=1)


def test_a_value_that_is_a_mean_over_both_sides_does_not_count() -> None:
    values, level = noisy("line", 2, {83: [20.0, -20.0]})
    values[83] -= [10.0, -10.0]
    (one,) = found_in(values)
    assert one.at == 83
    np.testing.assert_allclose(one.before, level[82], atol=2)
    np.testing.assert_allclose(one.after, level[84], atol=2)


def test_levels_beside_a_break_are_not_drawn_to_the_other_side() -> None:
    """The rates with which a large break is found take some of it for a fast motion."""
    values, level = noisy("wave", 6, {83: [300.0, -200.0]})
    values[82] += [2.0, -1.0]
    variances = np.ones_like(values)
    values[83], variances[83] = 0.0, np.inf
    (one,) = found_in(values, variances=variances)
    np.testing.assert_allclose(one.before, level[82], atol=2.5)
    np.testing.assert_allclose(one.after, level[84], atol=2.5)
    _, trends = find_breaks(TIME, values, variances, np.zeros(N, dtype=bool))
    for axis, trend in enumerate(trends):
        assert np.abs(trend.level - level[:, axis]).max() < 3


def test_missing_values_are_bridged() -> None:
    values, _ = noisy("line", 3, {83: [12.0, -9.0]})
    variances = np.ones_like(values)
    missing = np.r_[0:4, 40, 79:83, 120:140, 198:200]
    values[missing], variances[missing] = 1e6, np.inf
    found = found_in(values, variances=variances)
    assert len(found) == 1
    assert 78 <= found[0].at <= 84
    variances[:] = 1.0
    variances[missing] = np.inf
    assert found_in(noisy("line", 3, {})[0], variances=variances) == []


def test_known_breaks_are_not_found_again() -> None:
    values, _ = noisy("line", 4, {83: [12.0, -9.0], 150: [30.0, 30.0]})
    assert found_in(values, known=[83, 150]) == []
    (other,) = found_in(values, known=[150])
    assert abs(other.at - 83) <= 1


@pytest.mark.parametrize("course", COURSES)
def test_chance_makes_breaks_as_often_as_promised(
    course: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest of dependent statistics is rarer than that of as many independent ones."""
    promised, trials = 0.2, 100
    monkeypatch.setattr(breaks, "FALSE_ALARM", promised)
    seen = sum(bool(found_in(noisy(course, 100 + seed, {})[0])) for seed in range(trials))
    most = promised * trials + 2 * np.sqrt(trials * promised * (1 - promised))
    assert 0 < seen < most


def test_variances_need_not_be_right() -> None:
    """Their common factor is found: else, values noisier than they say would break everywhere."""
    values, _ = noisy("line", 5, {83: [36.0, -27.0]})
    wide = values + 3 * np.random.default_rng(5).normal(0, 1, values.shape)
    (one,) = found_in(wide)
    assert abs(one.at - 83) <= 1

"""The accelerated fixed point, and the root of a rough map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.solvers.fixed_point import (
    Evaluation,
    FixedPoint,
    Map,
    directions,
    smooth_root,
    solve,
    steady,
)

ROOT = np.array([2.0, -1.0, 0.5])
RATES = np.array([0.02, 0.05, 0.2])  # plain iteration takes hundreds of steps


def linear(rates: FloatArray = RATES, scale: float = 1.0) -> Map:
    def evaluate(x: FloatArray) -> Evaluation:
        away = ROOT - x
        return Evaluation(rates * away, float(np.sum(rates * away**2)) + 1, 1.0, scale)

    return evaluate


def test_acceleration_reaches_the_root_in_few_evaluations() -> None:
    options = {"max_iterations": 2000, "tolerance": 1e-8}
    plain = solve(linear(), np.zeros(3), memory=0, **options)
    quick = solve(linear(), np.zeros(3), memory=3, **options)
    assert plain is not None
    assert quick is not None
    assert quick.converged
    np.testing.assert_allclose(quick.point, ROOT, atol=1e-3)
    assert quick.n_iterations < 20
    assert plain.n_iterations > 100


def test_a_known_gain_saves_evaluations() -> None:
    def count(gain: float) -> int:
        found = solve(
            linear(np.full(3, 0.05)),
            np.zeros(3),
            memory=3,
            max_iterations=100,
            tolerance=1e-8,
            gain=gain,
        )
        assert found is not None
        np.testing.assert_allclose(found.point, ROOT, atol=1e-3)
        return found.n_iterations

    assert count(20.0) < count(1.0)


def test_it_does_not_stop_where_only_plain_steps_are_small() -> None:
    found = solve(
        linear(np.full(3, 1e-4)), np.zeros(3), memory=3, max_iterations=500, tolerance=1e-6
    )
    assert found is not None
    assert found.converged
    np.testing.assert_allclose(found.point, ROOT, atol=0.02)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-8, 1e-12])
def test_tolerance_bounds_the_distance_that_remains(tolerance: float) -> None:
    found = solve(linear(), np.zeros(3), memory=3, max_iterations=500, tolerance=tolerance)
    assert found is not None
    assert np.linalg.norm(found.point - ROOT) <= 10 * tolerance**0.5


@pytest.mark.parametrize("memory", [0, 3])
def test_a_wild_step_is_taken_back(memory: int) -> None:
    # This gain throws the iteration to where the cost is higher, farther away each time.
    def evaluate(x: FloatArray) -> Evaluation:
        away = ROOT - x
        return Evaluation(0.5 * away, float(away @ away), 1.0, 1e3)

    found = solve(evaluate, ROOT + 0.9, memory=memory, max_iterations=100, tolerance=1e-12, gain=30)
    assert found is not None
    assert found.converged
    np.testing.assert_allclose(found.point, ROOT, atol=0.01)


def test_running_out_of_iterations_is_told() -> None:
    found = solve(linear(), np.zeros(3), memory=3, max_iterations=3, tolerance=1e-8)
    assert found is not None
    assert not found.converged
    assert found.n_iterations == 3


def test_rounding_ends_it() -> None:
    # The scale jitters, as that of exact copies does, and never settles to a relative 1e-6.
    scale = iter(np.random.default_rng(0).uniform(1e-14, 2e-14, 1000))

    def evaluate(x: FloatArray) -> Evaluation:
        return Evaluation(ROOT - x, float(np.sum((ROOT - x) ** 2)), 1.0, next(scale))

    options = {"memory": 3, "max_iterations": 100, "tolerance": 1e-6}
    found = solve(evaluate, np.zeros(3), resolution=1e-12, **options)
    assert found is not None
    assert found.converged
    np.testing.assert_allclose(found.point, ROOT, atol=1e-12)


def jumping(unit: float) -> Map:
    """A map with steps, as that of closest points has, in some unit of length."""

    def evaluate(x: FloatArray) -> Evaluation:
        away = ROOT * unit - x
        residual = 0.1 * away + 0.02 * unit * np.floor(37 * away / unit) / 37
        scale = unit + float(np.abs(away).max())
        return Evaluation(residual, float(away @ away), 1.0, scale)

    return evaluate


@pytest.mark.parametrize("unit", [1e-9, 0.7, 3.3, 1e6])
def test_rounding_errors_do_not_grow(unit: float) -> None:
    """The same data in another unit take the same steps."""

    def found(unit: float) -> FixedPoint | None:
        return solve(
            jumping(unit),
            np.zeros(3),
            memory=3,
            max_iterations=100,
            tolerance=1e-6,
            unit=7.0 * unit,
        )

    usual, scaled = found(1.0), found(unit)
    assert usual is not None
    assert scaled is not None
    assert scaled.n_iterations == usual.n_iterations
    np.testing.assert_allclose(scaled.point / unit, usual.point, rtol=1e-12)


@pytest.mark.parametrize("length", [1e-6, 0.3, 1.0, 700.0])
def test_steady_lengths_are_near_and_few(length: float) -> None:
    found = steady(length, 11.0)
    assert found == pytest.approx(length, rel=0.1)
    assert steady(found * 1.05, 11.0) == steady(found / 1.05, 11.0) == found
    assert steady(3.7 * found, 3.7 * 11.0) == pytest.approx(3.7 * found, rel=1e-12)


def test_lengths_without_a_unit_stay() -> None:
    assert [steady(length, np.inf) for length in (0.0, 0.3, np.inf)] == [0.0, 0.3, np.inf]
    assert steady(0.3, 0.0) == 0.3


@pytest.mark.parametrize("after", [0, 3])
def test_where_the_map_is_not_defined_there_is_no_answer(after: int) -> None:
    inner, calls = linear(), []

    def evaluate(x: FloatArray) -> Evaluation | None:
        calls.append(x)
        return inner(x) if len(calls) <= after else None

    assert solve(evaluate, np.zeros(3), memory=3, max_iterations=50, tolerance=1e-8) is None


@pytest.mark.parametrize("n", range(1, 8))
def test_directions_are_balanced_and_isotropic(n: int) -> None:
    vectors = directions(n)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1)
    np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(vectors.T @ vectors, len(vectors) / n * np.eye(n), atol=1e-12)


def rough(seed: int, grain: float, n: int = 2) -> Map:
    """A straight pull towards the root, and waves of random phase on it."""
    rng = np.random.default_rng(seed)
    waves, phases = rng.normal(0, 2 / grain, (50, n)), rng.uniform(0, 2 * np.pi, 50)
    sizes = rng.normal(0, 0.02 / np.sqrt(50), (50, n))

    def evaluate(x: FloatArray) -> Evaluation:
        away = ROOT[:n] - x
        residual = 0.05 * away + np.sin(waves @ x + phases) @ sizes
        return Evaluation(residual, float(away @ away), 1.0, 1.0)

    return evaluate


def test_the_smooth_root_averages_the_grain() -> None:
    ends, roots = [], []
    for seed in range(40):
        evaluate = rough(seed, 1.0)
        found = solve(evaluate, ROOT[:2], memory=3, max_iterations=50, tolerance=1e-6)
        assert found is not None
        ends.append(found.point - ROOT[:2])
        root = smooth_root(evaluate, found.point, 3.0)
        assert root is not None
        roots.append(root - ROOT[:2])
    assert np.std(roots) < 0.7 * np.std(ends)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_smooth_root_of_a_smooth_map_is_its_root(n: int) -> None:
    inner = linear(np.array([0.1, 0.3, 0.2]))

    def evaluate(x: FloatArray) -> Evaluation | None:
        full = inner(np.append(x, ROOT[n:]))
        assert full is not None
        return Evaluation(full.residual[:n], full.cost, 1.0, 1.0)

    root = smooth_root(evaluate, ROOT[:n] + 0.1, 2.0)
    assert root is not None
    np.testing.assert_allclose(root, ROOT[:n], atol=1e-12)


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda x: Evaluation(ROOT - x, 0.0, 1.0, 1.0),  # the root is too far away
        lambda x: Evaluation(np.ones(3), 0.0, 1.0, 1.0),  # there is none
        lambda x: None,
    ],
)
def test_without_a_root_nearby_there_is_no_answer(
    evaluate: Callable[[FloatArray], Evaluation | None],
) -> None:
    assert smooth_root(evaluate, ROOT + 5, 1.0) is None


def test_no_radius_no_evaluation() -> None:
    def evaluate(x: FloatArray) -> Evaluation:
        raise AssertionError

    assert smooth_root(evaluate, ROOT, 0.0) is None

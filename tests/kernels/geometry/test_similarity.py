"""Similarities: fitted to paired points, and as parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.similarity import (
    are_similarities,
    fit_matrix,
    to_matrix,
    to_parameters,
    to_rotation,
    unwrapped,
)


def fit(
    source: FloatArray,
    target: FloatArray,
    *,
    with_rotation: bool = True,
    with_scaling: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Matrix and offset of paired points."""
    s, t = source - source.mean(axis=0), target - target.mean(axis=0)
    matrix = fit_matrix(t.T @ s, s.T @ s, with_rotation=with_rotation, with_scaling=with_scaling)
    return matrix, target.mean(axis=0) - matrix @ source.mean(axis=0)


def rotation(d: int, angle: float, seed: int = 0) -> FloatArray:
    if d == 2:
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    axis = np.random.default_rng(seed).normal(size=3)
    return Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.3, -2.0, np.pi])
@pytest.mark.parametrize(("turns", "scales"), [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_a_known_transformation_is_found(d: int, angle: float, turns: int, scales: int) -> None:
    rng = np.random.default_rng(1)
    source = rng.normal(0, 100, (30, d)) + 1000
    matrix = (rotation(d, angle) if turns else np.eye(d)) * (1.2 if scales else 1.0)
    offset = rng.normal(0, 50, d)
    found, shift = fit(
        source, source @ matrix.T + offset, with_rotation=bool(turns), with_scaling=bool(scales)
    )
    np.testing.assert_allclose(found, matrix, atol=1e-12)
    np.testing.assert_allclose(shift, offset, atol=1e-9)


@pytest.mark.parametrize(("turns", "scales"), [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_noisy_pairs_are_fitted_by_least_squares(turns: int, scales: int) -> None:
    rng = np.random.default_rng(2)
    source = rng.normal(0, 10, (40, 2))
    target = 1.1 * source @ rotation(2, 0.4).T + [3, -2] + rng.normal(0, 2, source.shape)

    def cost(p: FloatArray) -> float:
        matrix = np.exp(p[3] * scales) * rotation(2, p[2] * turns)
        return float(np.sum((source @ matrix.T + p[:2] - target) ** 2))

    matrix, offset = fit(source, target, with_rotation=bool(turns), with_scaling=bool(scales))
    best = minimize(cost, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert np.sum((source @ matrix.T + offset - target) ** 2) <= best.fun * (1 + 1e-9)


@pytest.mark.parametrize("d", [2, 3])
def test_a_mirror_image_is_not_answered_by_a_reflection(d: int) -> None:
    rng = np.random.default_rng(3)
    source = rng.normal(0, 1, (20, d)) * [3, 2, 1][:d]
    matrix, _ = fit(source, source * [1, -1, 1][:d])
    assert np.linalg.det(matrix) == pytest.approx(1)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(d), atol=1e-12)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (np.zeros((5, 2)), {"with_rotation": True}),
        (np.zeros((5, 2)), {"with_rotation": False, "with_scaling": True}),
        (np.outer(np.arange(5.0), [1, 2, 3]), {"with_rotation": True}),  # a line in space
    ],
)
def test_what_the_points_do_not_determine_is_nan(
    source: FloatArray, options: dict[str, bool]
) -> None:
    matrix, _ = fit(source, source + 1, **options)
    assert np.isnan(matrix).all()


def test_a_line_determines_a_rotation_in_the_plane() -> None:
    source = np.outer(np.arange(5.0), [1.0, 2.0])
    matrix, _ = fit(source, source @ rotation(2, 0.2).T)
    np.testing.assert_allclose(matrix, rotation(2, 0.2), atol=1e-12)


def rotations(r: int, most: float) -> Any:
    return arrays(np.float64, (5, r), elements=st.floats(-most, most))


LOG_SCALES = arrays(np.float64, 5, elements=st.floats(-1, 1))


def check_there_and_back(rotation: FloatArray, log_scale: FloatArray) -> None:
    matrix = to_matrix(rotation, log_scale)
    pure = matrix / np.exp(log_scale)[:, None, None]
    gram = np.swapaxes(pure, 1, 2) @ pure
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(len(pure[0])), gram.shape), atol=1e-12)
    assert are_similarities(matrix).all()
    found, found_scale = to_rotation(matrix)
    np.testing.assert_allclose(found, rotation, atol=1e-9)
    np.testing.assert_allclose(found_scale, log_scale, atol=1e-12)
    one_by_one = [to_parameters(m) for m in matrix]
    np.testing.assert_allclose(np.column_stack([found, found_scale]), one_by_one, atol=1e-9)


@given(rotations(1, 3.1), LOG_SCALES)
def test_there_and_back_in_the_plane(rotation: FloatArray, log_scale: FloatArray) -> None:
    check_there_and_back(rotation, log_scale)


@given(rotations(3, 1.75), LOG_SCALES)  # by less than half a turn about any axis
def test_there_and_back_in_space(rotation: FloatArray, log_scale: FloatArray) -> None:
    check_there_and_back(rotation, log_scale)


@given(st.floats(-50, 50), arrays(np.float64, 30, elements=st.floats(-3.1, 3.1)))
def test_angles_go_on_over_full_turns(start: float, steps: FloatArray) -> None:
    angle = start + np.cumsum(steps)[:, None]
    found = unwrapped(to_rotation(to_matrix(angle, np.zeros(30)))[0])
    np.testing.assert_allclose(found - found[0], angle - angle[0], atol=1e-9)


@given(
    arrays(np.float64, 3, elements=st.floats(-1, 1)),
    arrays(np.float64, 30, elements=st.floats(0.1, 3.0)),
)
def test_rotation_vectors_go_on_over_full_turns(axis: FloatArray, steps: FloatArray) -> None:
    """About one axis, through half turns, where the axis flips, and through whole ones."""
    axis = axis / np.linalg.norm(axis) if np.linalg.norm(axis) > 0.1 else np.array([0.0, 0.0, 1.0])
    turned = np.cumsum(steps)[:, None] * axis
    turned -= turned[0]
    found = unwrapped(to_rotation(to_matrix(turned, np.zeros(30)))[0])
    np.testing.assert_allclose(found, turned, atol=1e-6)


def test_a_rotation_vector_follows_one_that_wobbles() -> None:
    angle = np.linspace(0, 20, 200)
    axis = np.column_stack([0.1 * np.sin(angle), 0.1 * np.cos(angle), np.ones(200)])
    turned = angle[:, None] * axis / np.linalg.norm(axis, axis=1)[:, None]
    found = unwrapped(to_rotation(to_matrix(turned, np.zeros(200)))[0])
    np.testing.assert_allclose(found, turned, atol=1e-9)


@pytest.mark.parametrize("r", [1, 3])
def test_unknown_rotations_are_passed_over(r: int) -> None:
    rotation = np.zeros((4, r))
    rotation[:, -1] = [3.0, np.nan, -3.0, -2.0]
    found = unwrapped(rotation)[:, -1]
    np.testing.assert_allclose(found, [3, np.nan, 2 * np.pi - 3, 2 * np.pi - 2])
    assert np.isnan(unwrapped(np.full((2, r), np.nan))).all()
    assert unwrapped(np.empty((0, r))).shape == (0, r)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 1e-3], [0.0, 1.0]],  # shear
        [[1.0, 0.0], [0.0, 1.001]],
        [[1.0, 0.0], [0.0, -1.0]],  # mirror
        [[0.0, 0.0], [0.0, 0.0]],
        [[np.nan, 0.0], [0.0, 1.0]],
        [[1e300, 0.0], [0.0, 1e300]],
    ],
)
def test_what_is_no_similarity_is_nan_and_spoils_nothing_else(matrix: list[list[float]]) -> None:
    both = np.array([matrix, np.eye(2)])
    assert are_similarities(both).tolist() == [False, True]
    rotation, log_scale = to_rotation(both)
    np.testing.assert_array_equal(rotation, [[np.nan], [0.0]])
    np.testing.assert_array_equal(log_scale, [np.nan, 0.0])


@pytest.mark.parametrize("r", [1, 3])
def test_single_precision_is_good_enough(r: int) -> None:
    rotation = np.random.default_rng(0).normal(0, 1, (50, r))
    matrix = to_matrix(rotation, np.zeros(50)).astype(np.float32).astype(np.float64)
    assert are_similarities(matrix).all()


@pytest.mark.parametrize(("r", "d"), [(1, 2), (3, 3)])
def test_nan_and_nothing_come_through(r: int, d: int) -> None:
    rotation = np.array([[np.nan] * r, [0.0] * r])
    matrix = to_matrix(rotation, np.zeros(2))
    np.testing.assert_array_equal(matrix, [np.full((d, d), np.nan), np.eye(d)])
    assert to_matrix(np.empty((0, r)), np.empty(0)).shape == (0, d, d)
    assert to_rotation(np.empty((0, d, d)))[0].shape == (0, r)

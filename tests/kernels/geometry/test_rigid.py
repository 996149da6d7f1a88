"""The similarity transformation of paired points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry import rigid


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
    found, shift = rigid.fit(
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

    matrix, offset = rigid.fit(source, target, with_rotation=bool(turns), with_scaling=bool(scales))
    best = minimize(cost, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert np.sum((source @ matrix.T + offset - target) ** 2) <= best.fun * (1 + 1e-9)


@pytest.mark.parametrize("d", [2, 3])
def test_a_mirror_image_is_not_answered_by_a_reflection(d: int) -> None:
    rng = np.random.default_rng(3)
    source = rng.normal(0, 1, (20, d)) * [3, 2, 1][:d]
    matrix, _ = rigid.fit(source, source * [1, -1, 1][:d])
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
    matrix, _ = rigid.fit(source, source + 1, **options)
    assert np.isnan(matrix).all()


def test_a_line_determines_a_rotation_in_the_plane() -> None:
    source = np.outer(np.arange(5.0), [1.0, 2.0])
    matrix, _ = rigid.fit(source, source @ rotation(2, 0.2).T)
    np.testing.assert_allclose(matrix, rotation(2, 0.2), atol=1e-12)


@given(st.floats(-3.1, 3.1), st.floats(-1, 1))
def test_parameters_in_the_plane(angle: float, log_scale: float) -> None:
    matrix = rigid.to_matrix(np.array([angle, log_scale]))
    np.testing.assert_allclose(matrix, np.exp(log_scale) * rotation(2, angle), atol=1e-12)
    np.testing.assert_allclose(rigid.to_parameters(matrix), [angle, log_scale], atol=1e-9)


@given(
    st.sampled_from([0.0, 1e-12, 1e-6, 0.01, 1.0, 3.0]),
    st.floats(-1, 1),
    st.integers(0, 1000),
)
def test_parameters_in_space(angle: float, log_scale: float, seed: int) -> None:
    expected = Rotation.from_matrix(rotation(3, angle, seed)).as_rotvec()
    matrix = rigid.to_matrix(np.append(expected, log_scale))
    np.testing.assert_allclose(matrix, np.exp(log_scale) * rotation(3, angle, seed), atol=1e-12)
    np.testing.assert_allclose(
        rigid.to_parameters(matrix), np.append(expected, log_scale), atol=1e-9
    )

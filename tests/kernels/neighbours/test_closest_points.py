"""One pair of point sets: the map, its fixed point, and how well that is determined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.geometry.similarity import fit_matrix
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap, Matching, fewest_points
from smlm_accessor.kernels.solvers.fixed_point import directions

TERMS = [
    {},
    {"with_rotation": True},
    {"with_scaling": True},
    {"with_rotation": True, "with_scaling": True},
]
STOP: dict[str, Any] = {"max_iterations": 200, "tolerance": 1e-6}


def clusters(n: int, d: int, seed: int, width: float = 8.0) -> FloatArray:
    centers = np.random.default_rng(99).uniform(-500, 500, (40, d))
    rng = np.random.default_rng(seed)
    return centers[rng.integers(0, 40, n)] + rng.normal(0, width, (n, d))


def pose_of(d: int, angle: float, scale: float, *offset: float) -> Pose:
    vector = np.array([0.3, -0.4, 0.866]) * angle
    rotation = Rotation.from_rotvec(vector if d == 3 else [0, 0, angle]).as_matrix()[:d, :d]
    return Pose(scale * rotation, np.array(offset[:d]))


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("reach", [math.inf, 12.0])
def test_the_map_is_one_step_of_the_plain_algorithm(
    d: int, terms: dict[str, bool], reach: float
) -> None:
    target, source = clusters(800, d, 1), clusters(600, d, 2)
    pair = ClosestPointMap(source, nearest.build(target), reach=reach, **terms)
    angle = 0.01 if terms.get("with_rotation") else 0.0
    scale = 1.003 if terms.get("with_scaling") else 1.0
    start = pose_of(d, angle, scale, 3, -2, 1)

    moved = start.move(source)
    distance, index = cKDTree(target).query(moved)
    near = distance <= reach
    switches = {"with_rotation": False, "with_scaling": False, **terms}
    s_mean, t_mean = source[near].mean(axis=0), target[index[near]].mean(axis=0)
    s, t = source[near] - s_mean, target[index[near]] - t_mean
    matrix = fit_matrix(t.T @ s, s.T @ s, **switches)
    expected = Pose(matrix, t_mean - matrix @ s_mean)

    parameters = pair.to_parameters(start)
    now = pair(parameters)
    assert now is not None
    found = pair.to_pose(parameters + now.residual)
    np.testing.assert_allclose(found.move(source), expected.move(source), atol=1e-9)
    assert now.fraction == pytest.approx(near.mean())
    assert now.scale == pytest.approx(np.sqrt(np.mean(distance[near] ** 2)))
    assert now.cost == pytest.approx(np.mean(np.minimum(distance, reach) ** 2))
    assert pair.median_distance() == pytest.approx(np.median(distance[near]))


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("d", [2, 3])
def test_poses_and_parameters_are_the_same_thing(d: int, terms: dict[str, bool]) -> None:
    pair = ClosestPointMap(clusters(100, d, 1) + 300, nearest.build(clusters(100, d, 2)), **terms)
    pose = pose_of(
        d,
        0.2 if terms.get("with_rotation") else 0.0,
        0.9 if terms.get("with_scaling") else 1.0,
        *(5, -3, 1),
    )
    back = pair.to_pose(pair.to_parameters(pose))
    np.testing.assert_allclose(back.matrix, pose.matrix, atol=1e-12)
    np.testing.assert_allclose(back.offset, pose.offset, atol=1e-9)


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("d", [2, 3])
def test_copies_are_registered_exactly(d: int, terms: dict[str, bool], smooth: bool) -> None:
    target = clusters(500, d, 1, width=30)
    truth = pose_of(
        d,
        0.01 if terms.get("with_rotation") else 0.0,
        1.004 if terms.get("with_scaling") else 1.0,
        *(4, -3, 2),
    )
    source = truth.inverse().move(target)[::-1]
    pair = ClosestPointMap(source, nearest.build(target), **terms)
    match = pair.register(Pose.identity(d), average=pair if smooth else None, **STOP)
    assert match is not None
    assert match.converged
    assert match.fraction == 1
    np.testing.assert_allclose(match.pose.move(source)[::-1], target, atol=1e-9)


def test_smoothing_makes_shifts_more_precise() -> None:
    plain, smooth = [], []
    for seed in range(40):
        target, source = clusters(4000, 2, 2 * seed), clusters(4000, 2, 2 * seed + 1)
        pair = ClosestPointMap(source, nearest.build(target), reach=20.0)
        for errors, on in ((plain, False), (smooth, True)):
            match = pair.register(Pose.identity(2), average=pair if on else None, **STOP)
            assert match is not None
            errors.append(match.pose.offset)
    assert np.std(smooth) < 0.9 * np.std(plain)


def test_too_little_within_reach_is_no_match() -> None:
    target = clusters(100, 2, 1)
    pair = ClosestPointMap(target + 5000, nearest.build(target), reach=50.0)
    assert pair.register(Pose.identity(2), **STOP) is None
    assert pair.median_distance() == math.inf


@pytest.mark.parametrize("terms", TERMS[1:])
def test_equal_points_determine_neither_rotation_nor_scale(terms: dict[str, bool]) -> None:
    pair = ClosestPointMap(np.ones((10, 2)), nearest.build(clusters(50, 2, 1)), **terms)
    assert pair.register(Pose.identity(2), **STOP) is None


def test_fewest_points() -> None:
    assert fewest_points(2, with_rotation=False, with_scaling=False) == 2
    assert fewest_points(3, with_rotation=False, with_scaling=False) == 2
    assert fewest_points(2, with_rotation=True, with_scaling=False) == 3
    assert fewest_points(3, with_rotation=False, with_scaling=True) == 4


def test_the_first_start_is_taken_unless_another_is_clearly_closer() -> None:
    target = clusters(500, 2, 1)
    pair = ClosestPointMap(target + np.array([7, 0]), nearest.build(target))
    poses = [Pose(np.eye(2), np.array(offset)) for offset in ([0.0, 0], [-6, 0], [-6.0, 0], [9, 9])]
    assert pair.closest(poses) is poses[1]
    assert pair.closest(poses[1:]) is poses[1]
    assert pair.closest([poses[0]]) is poses[0]
    almost = Pose(np.eye(2), np.array([0.1, 0.1]))
    assert pair.closest([poses[0], almost]) is poses[0]


def test_the_slope_is_the_part_of_a_displacement_that_one_iteration_takes_back() -> None:
    target, source = clusters(3000, 2, 1), clusters(2000, 2, 2)
    pair = ClosestPointMap(source, nearest.build(target))
    reaches = np.array([2.0, 10.0, 100.0])
    slope, variance = pair.slopes(Pose.identity(2), 4.0, reaches)

    offsets = 4.0 * directions(2)
    for i, reach in enumerate(reaches):
        residuals, squares = [], []
        for offset in offsets:
            distance, index = cKDTree(target).query(source + offset)
            near = distance <= reach
            residuals.append((target[index[near]] - source[near] - offset).mean(axis=0))
            squares.append(np.mean(distance[near] ** 2) / 2 / near.sum())
        line = np.linalg.lstsq(offsets, np.array(residuals), rcond=None)[0]
        assert slope[i] == pytest.approx(-np.trace(line) / 2)
        assert variance[i] == pytest.approx(np.mean(squares))
    assert slope[0] < slope[1]  # too small a reach and the target hardly residuals


def test_the_slope_without_anything_in_reach_is_nan() -> None:
    pair = ClosestPointMap(np.zeros((5, 2)), nearest.build(np.full((5, 2), 100.0)))
    slope, variance = pair.slopes(Pose.identity(2), 1.0, np.array([3.0, 1000.0]))
    assert np.isnan([slope[0], variance[0]]).all()
    assert np.isfinite([slope[1], variance[1]]).all()


def test_a_match_tells_its_fraction() -> None:
    target = clusters(1000, 2, 1)
    source = np.concatenate([target, np.random.default_rng(0).uniform(2000, 9000, (250, 2))])
    match = ClosestPointMap(source, nearest.build(target), reach=50.0).register(
        Pose.identity(2), **STOP
    )
    assert isinstance(match, Matching)
    assert match.fraction == pytest.approx(0.8)


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("d", [2, 3])
def test_a_known_transformation_between_two_draws_is_found(d: int, terms: dict[str, bool]) -> None:
    """Of the same structure, with other localizations: within the precision of a shift."""
    truth = pose_of(
        d,
        0.01 if terms.get("with_rotation") else 0.0,
        1.004 if terms.get("with_scaling") else 1.0,
        *(4, -3, 2),
    )
    target, source = clusters(4000, d, 1), truth.inverse().move(clusters(4000, d, 2))
    pair = ClosestPointMap(source, nearest.build(target), reach=40.0, **terms)
    match = pair.register(Pose.identity(d), average=pair, **STOP)
    assert match is not None
    assert match.converged
    away = match.pose.move(source) - truth.move(source)
    assert np.sqrt(np.mean(away**2)) < 1.2  # of a width of 8, and of noise of 0.13 * sqrt(2)

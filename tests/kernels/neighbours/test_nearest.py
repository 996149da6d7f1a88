"""Nearest neighbours against a k-d tree, and the sums over them against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.neighbours import nearest

KINDS = ["uniform", "clusters", "duplicates", "lattice", "flat", "line", "same", "outlier", "one"]


def cloud(kind: str, n: int, d: int, rng: np.random.Generator) -> FloatArray:
    points = rng.uniform(-500, 500, (n, d))
    if kind == "clusters":
        points = points[rng.integers(0, 5, n) % n] + rng.normal(0, 3, (n, d))
    elif kind == "duplicates":
        points = points[rng.integers(0, 1 + n // 4, n)]
    elif kind == "lattice":
        points = np.round(points / 100) * 100
    elif kind == "flat":
        points[:, -1] = 3.0
    elif kind == "line":
        points[:, 1:] = -7.0
    elif kind == "same":
        points[:] = points[0]
    elif kind == "outlier":
        points[0] = 1e7
    elif kind == "one":
        points = points[:1]
    return points


def matrix_near_identity(d: int, rng: np.random.Generator) -> FloatArray:
    return np.eye(d) + rng.normal(0, 0.01, (d, d))


@given(
    kind=st.sampled_from(KINDS),
    source_kind=st.sampled_from(KINDS),
    n=st.integers(1, 200),
    d=st.sampled_from([2, 3]),
    reach=st.sampled_from([np.inf, 1000.3, 30.7, 2.1, 1e-3]),
    steps=st.lists(st.sampled_from([0.0, 1e-9, 1e-3, 0.1, 3.0, 40.0, 2000.0, 1e6]), max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=200)
def test_moving_points_find_what_a_tree_finds(
    kind: str, source_kind: str, n: int, d: int, reach: float, steps: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    target, source = cloud(kind, n, d, rng), cloud(source_kind, 1 + n // 2, d, rng)
    if rng.random() < 0.3:  # exact copies, as in noise-free data
        source = target[rng.integers(0, len(target), 20)]
    tree = cKDTree(target)
    grid = nearest.build(target)
    matcher = nearest.Matcher(grid, source)
    shift = matcher.centroid.copy()
    matrix = None
    for step in [0.0, *steps, 0.0]:
        shift = shift + step * rng.normal(0, 1, d)
        if rng.random() < 0.3:
            matrix = matrix_near_identity(d, rng)
        count, square_sum, residual_sum = matcher.match(matrix, shift, reach)

        centred = source - matcher.centroid
        moved = centred @ (np.eye(d) if matrix is None else matrix).T + shift
        distance, _ = tree.query(moved)
        rounding = 1e-14 * max(np.abs(target).max(), np.abs(moved).max(), 1)
        inside = distance <= reach
        np.testing.assert_array_equal(matcher.distance <= reach, inside)
        np.testing.assert_allclose(
            matcher.distance[inside], distance[inside], rtol=1e-12, atol=10 * rounding
        )
        chosen = grid.positions[matcher.nearest[inside]]
        np.testing.assert_allclose(
            np.linalg.norm(chosen - moved[inside], axis=1),
            distance[inside],
            rtol=1e-12,
            atol=10 * rounding,
        )
        assert count == inside.sum()
        assert square_sum == pytest.approx(np.sum(distance[inside] ** 2), rel=1e-9, abs=1e-9)
        np.testing.assert_allclose(
            residual_sum,
            (chosen - moved[inside]).sum(axis=0),
            rtol=1e-9,
            atol=1e-12 * len(source) * max(1, np.abs(moved).max()),
        )


@pytest.mark.parametrize("d", [2, 3])
def test_moments_and_residuals(d: int) -> None:
    rng = np.random.default_rng(d)
    target, source = cloud("uniform", 300, d, rng), cloud("uniform", 200, d, rng)
    grid = nearest.build(target)
    matcher = nearest.Matcher(grid, source)
    matrix, shift = matrix_near_identity(d, rng), matcher.centroid + 5
    matcher.match(matrix, shift, 30.0)
    s = source - source.mean(axis=0)
    moved = s @ matrix.T + shift
    distance, index = cKDTree(target).query(moved)
    inside = distance <= 30
    assert 0 < inside.sum() < len(source)
    r = (target[index] - moved)[inside]
    blocks = rng.integers(0, 5, len(source))
    found = matcher.moments(blocks, 5)
    np.testing.assert_allclose(found.s, s[inside].sum(axis=0), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(found.ss, s[inside].T @ s[inside], rtol=1e-9, atol=1e-6)
    for block in range(5):
        here = blocks[inside] == block
        assert found.n[block] == here.sum()
        np.testing.assert_allclose(found.r[block], r[here].sum(axis=0), rtol=1e-9, atol=1e-6)
        expected = r[here].T @ s[inside][here]
        np.testing.assert_allclose(found.rs[block], expected, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(matcher.moments().rs[0], found.rs.sum(axis=0), atol=1e-6)

    matcher.match(matrix, shift, np.inf)
    np.testing.assert_allclose(matcher.residuals(), target[index] - moved, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [2, 3])
def test_the_grid_holds_every_point_in_an_order_of_its_own(kind: str, d: int) -> None:
    rng = np.random.default_rng(5)
    points = cloud(kind, 500, d, rng)
    points.flags.writeable = False
    before = points.copy()
    grid = nearest.build(points)
    np.testing.assert_array_equal(points, before)
    np.testing.assert_array_equal(
        np.sort(grid.positions, axis=0), np.sort(points, axis=0), strict=True
    )
    shuffled = nearest.build(rng.permutation(points))
    np.testing.assert_array_equal(grid.points, shuffled.points)
    np.testing.assert_array_equal(grid.starts, shuffled.starts)
    assert grid.starts[0] == 0
    assert grid.starts[-1] == len(points)


@pytest.mark.parametrize(
    "extent", [(1e-9, 1e-9, 1e-9), (1e12, 1e12, 1e12), (1e9, 1.0, 1e-6), (50_000, 80_000, 0)]
)
def test_the_number_of_cells_does_not_depend_on_the_extent(extent: tuple[float, ...]) -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 1, (1000, 3)) * extent
    grid = nearest.build(points)
    assert np.prod(grid.counts) < 20 * len(points)
    assert np.diff(grid.starts).max() < 30


def test_outliers_do_not_put_all_the_rest_in_one_cell() -> None:
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 1000, (1000, 2))
    points[:3] = [[1e9, 0], [-1e8, 1e10], [0, -1e9]]
    assert np.diff(nearest.build(points).starts).max() < 30


def test_the_source_may_be_a_view_and_is_not_changed() -> None:
    rng = np.random.default_rng(3)
    wide = rng.uniform(0, 100, (50, 5))
    source = wide[::2, 1:4]
    before = wide.copy()
    matcher = nearest.Matcher(nearest.build(source), source)
    _, square_sum, _ = matcher.match(None, matcher.centroid, np.inf)
    assert square_sum < 1e-20
    np.testing.assert_array_equal(wide, before)

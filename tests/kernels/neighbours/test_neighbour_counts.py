from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.neighbours.neighbour_counts import neighbour_counts

GAP = 20


def cloud(d: int, n: int = 400) -> tuple[FloatArray, IntArray, IntArray]:
    rng = np.random.default_rng(d)
    return rng.uniform(-3, 3, (n, d)), rng.integers(0, 200, n), rng.integers(0, 2, n)


def by_hand(points: FloatArray, frames: IntArray, group: IntArray, at: FloatArray) -> FloatArray:
    squared = ((at[:, None] - points[None]) ** 2).sum(axis=2)
    kernel = np.clip(1 - squared, 0, None) ** 4
    counts = np.abs(frames[:, None] - frames[None]) > GAP
    counts &= group[:, None] == group[None]
    return np.asarray((kernel * counts).sum(axis=1))


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("origin", [0.0, -1e4])
def test_as_by_hand(d: int, origin: float) -> None:
    points, frames, group = cloud(d)
    points = points + origin
    found = neighbour_counts(points, frames, group, gap=GAP)
    np.testing.assert_allclose(found, by_hand(points, frames, group, points), atol=1e-9)


@pytest.mark.parametrize("d", [2, 3])
def test_beside_the_points(d: int) -> None:
    points, frames, group = cloud(d)
    at = points + np.random.default_rng(9).normal(0, 2, points.shape)
    found = neighbour_counts(points, frames, group, gap=GAP, at=at)
    np.testing.assert_allclose(found, by_hand(points, frames, group, at), atol=1e-9)


def test_points_far_apart() -> None:
    points = np.array([[0.0, 0, 0], [0, 0, 0.5], [1e12, -1e12, 1e12], [1e12, -1e12, 1e12]])
    found = neighbour_counts(points, np.array([0, 99, 0, 99]), np.zeros(4, int), gap=GAP)
    np.testing.assert_allclose(found, [0.75**4, 0.75**4, 1, 1])


def test_threads_do_not_matter() -> None:
    points, frames, group = cloud(2, n=3000)
    with ThreadPoolExecutor(2) as pool:
        found = neighbour_counts(
            points, frames, group, gap=GAP, run=lambda f, items: list(pool.map(f, items))
        )
    np.testing.assert_array_equal(found, neighbour_counts(points, frames, group, gap=GAP))


def test_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert neighbour_counts(np.zeros((0, 2)), none, none, gap=1).shape == (0,)

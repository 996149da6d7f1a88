from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.neighbours.neighbour_counts import neighbour_counts, partner_counts

LAGS = np.array([20, 50, 120])


def cloud(d: int, n: int = 400) -> tuple[FloatArray, IntArray, IntArray]:
    rng = np.random.default_rng(d)
    return rng.uniform(-3, 3, (n, d)), rng.integers(0, 200, n), rng.integers(0, 2, n)


def by_hand(kernel: FloatArray, frames: IntArray, group: IntArray) -> FloatArray:
    lag = np.abs(frames[:, None] - frames[None])
    same = group[:, None] == group[None]
    ends = [*LAGS[1:], np.inf]
    return np.stack(
        [
            (kernel * (same & (lag > low) & (lag <= high))).sum(axis=1)
            for low, high in zip(LAGS, ends, strict=True)
        ],
        axis=1,
    )


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("origin", [0.0, -1e4])
def test_as_by_hand(d: int, origin: float) -> None:
    points, frames, group = cloud(d)
    points = points + origin
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    expected = by_hand(np.clip(1 - squared, 0, None) ** 4, frames, group)
    assert (expected.sum(axis=0) > 0).all()
    np.testing.assert_allclose(neighbour_counts(points, frames, group, LAGS), expected, atol=1e-9)


def test_partners_by_hand() -> None:
    _, frames, group = cloud(2)
    expected = by_hand(np.ones((len(frames), len(frames))), frames, group)
    np.testing.assert_array_equal(partner_counts(frames, group, LAGS), expected)


def test_points_far_apart() -> None:
    points = np.array([[0.0, 0, 0], [0, 0, 0.5], [1e12, -1e12, 1e12], [1e12, -1e12, 1e12]])
    frames, group = np.array([0, 99, 0, 99]), np.zeros(4, dtype=np.int64)
    found = neighbour_counts(points, frames, group, LAGS)
    np.testing.assert_allclose(found[:, 1], [0.75**4, 0.75**4, 1, 1])
    assert not found[:, [0, 2]].any()


def test_threads_do_not_matter() -> None:
    points, frames, group = cloud(2, n=3000)
    with ThreadPoolExecutor(2) as pool:
        found = neighbour_counts(
            *(points, frames, group, LAGS), run=lambda f, items: list(pool.map(f, items))
        )
    np.testing.assert_array_equal(found, neighbour_counts(points, frames, group, LAGS))


def test_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert neighbour_counts(np.zeros((0, 2)), none, none, LAGS).shape == (0, 3)
    assert partner_counts(none, none, LAGS).shape == (0, 3)

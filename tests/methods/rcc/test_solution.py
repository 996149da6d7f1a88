"""The redundant solution, beside dense least squares, its covariance, and known outliers."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.pair_sums import PairSums
from smlm_accessor.methods.rcc.solution import redundant_solution

K = 12
TRUE = np.random.default_rng(0).normal(0, 0.1, (K, 2))
REACH = np.array([30.0, 20.0])
CURVATURE = 7.0  # of a pair, per overlap


def sums_of(noise: FloatArray, *, squares: float = 0.2, pair_squares: float = 0.1) -> PairSums:
    """Sums of windows that are off by ``TRUE``, with noise on each pair, shape (2, K, K)."""
    overlap = np.triu(np.random.default_rng(1).uniform(50, 150, (K, K)), 1)
    overlap += overlap.T
    off = TRUE.T[:, :, None] - TRUE.T[:, None, :] + noise
    n, slope = overlap.sum(axis=1)[:, None] * np.ones(2), off * CURVATURE * overlap
    by_block = slope.sum(axis=2).T[:, None]
    return PairSums(overlap, slope, CURVATURE * n, squares * n, pair_squares * n, by_block)


def noise(seed: int, std: float) -> FloatArray:
    upper = np.triu(np.random.default_rng(seed).normal(0, std, (2, K, K)), 1)
    return np.asarray(upper - np.swapaxes(upper, 1, 2))


@pytest.mark.parametrize("drop", [True, False])
def test_moves_are_those_of_dense_least_squares(drop: bool) -> None:
    sums = sums_of(noise(2, 1e-3))
    found = redundant_solution(sums_of(noise(2, 1e-3)), REACH, drop=drop, max_residual=1e9)
    assert found is not None
    i, j = np.triu_indices(K, 1)
    assert sums.slope is not None
    rows = np.zeros((len(i), K))
    rows[np.arange(len(i)), i], rows[np.arange(len(i)), j] = 1, -1
    root = np.sqrt(sums.overlap[i, j])[:, None]
    off = sums.slope[:, i, j].T / (CURVATURE * sums.overlap[i, j])[:, None]
    expected = np.linalg.lstsq(rows * root, off * root, rcond=None)[0] * REACH
    np.testing.assert_allclose(found.move, expected - expected.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.move, (TRUE - TRUE.mean(axis=0)) * REACH, atol=0.05)


def test_the_variance_is_what_windows_contribute_and_the_covariance_of_the_network() -> None:
    sums = sums_of(noise(3, 0.0))
    found = redundant_solution(sums, REACH, drop=True)
    assert found is not None
    own = (0.2 - 0.1) / (CURVATURE**2 * sums.overlap.sum(axis=1))
    laplacian = np.diag(sums.overlap.sum(axis=1)) - sums.overlap
    pairs = 0.1 / CURVATURE**2 * np.diag(np.linalg.pinv(laplacian))
    np.testing.assert_allclose(found.variance, np.outer(own + pairs, REACH**2))


def test_pairs_that_are_outliers_are_dropped_and_no_others() -> None:
    # The noise of a pair that the sums speak of.
    sums = sums_of(noise(4, 1e-3))
    std = np.sqrt(0.1 / (CURVATURE**2 * sums.overlap.clip(min=1)))
    wrong = [(0, 5), (3, 4), (7, 11)]
    assert sums.slope is not None
    for i, j in wrong:
        sums.slope[:, i, j] += 20 * std[i, j] * CURVATURE * sums.overlap[i, j]
        sums.slope[:, j, i] -= 20 * std[i, j] * CURVATURE * sums.overlap[i, j]
    found = redundant_solution(sums, np.ones(2), drop=True)
    assert found is not None
    dropped = np.argwhere(np.triu(~found.network.used, 1))
    assert [tuple(pair) for pair in dropped.tolist()] == wrong
    np.testing.assert_allclose(found.move, TRUE - TRUE.mean(axis=0), atol=2e-3)
    kept = redundant_solution(sums, np.ones(2), drop=True, max_residual=1e3)
    assert kept is not None
    assert (kept.network.used | np.eye(K, dtype=bool)).all()


def test_no_maximum_is_none() -> None:
    sums = sums_of(noise(5, 0.0))
    assert redundant_solution(sums._replace(curvature=-sums.curvature), REACH, drop=False) is None
    assert redundant_solution(sums._replace(overlap=0 * sums.overlap), REACH, drop=False) is None

"""Least squares over pairs, beside numpy's."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.solvers.redundant import connected, responses, solve_pairs


def pairs(
    true: FloatArray, rng: np.random.Generator, noise: float = 0.1, part: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Noisy differences of shifts, shape (k, d), and their weights."""
    k, d = true.shape
    upper = np.triu(rng.random((k, k)) < part, 1)
    weights = np.where(upper, rng.uniform(0.5, 2.0, (k, k)), 0.0)
    weights = weights + weights.T
    error = np.triu(rng.normal(0, noise, (d, k, k)), 1)
    error = (error - np.swapaxes(error, 1, 2)) / np.sqrt(np.where(weights > 0, weights, 1.0))
    return true.T[:, :, None] - true.T[:, None, :] + error, weights


def test_agrees_with_lstsq() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 5, (12, 2))
    differences, weights = pairs(true, rng, part=0.5)
    i, j = np.nonzero(np.triu(weights))
    rows = np.zeros((len(i), 12))
    rows[np.arange(len(i)), i], rows[np.arange(len(i)), j] = 1, -1
    scale = np.sqrt(weights[i, j])[:, None]
    expected = np.linalg.lstsq(rows * scale, differences[:, i, j].T * scale, rcond=None)[0]
    found = solve_pairs(differences, weights)
    np.testing.assert_allclose(found.shift, expected - expected.mean(axis=0), atol=1e-9)
    inverse = np.linalg.pinv((rows * scale).T @ (rows * scale))
    np.testing.assert_allclose(responses(weights, found), inverse, atol=1e-9)


def test_wrong_pairs_are_dropped_and_no_others() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(0, 5, (20, 2))
    differences, weights = pairs(true, rng)
    wrong = np.triu(rng.random((20, 20)) < 0.1, 1)
    differences[0] += 50 * (wrong * 1.0 - wrong.T)
    found = solve_pairs(differences, weights, np.full((20, 20), 2.0))
    np.testing.assert_array_equal(found.used, (weights > 0) & ~(wrong | wrong.T))
    np.testing.assert_allclose(found.shift, true - true.mean(axis=0), atol=0.3)


def test_segments_stay_connected() -> None:
    """However little may be off."""
    rng = np.random.default_rng(5)
    differences, weights = pairs(rng.normal(0, 5, (15, 2)), rng, part=0.4)
    found = solve_pairs(differences, weights, np.full((15, 15), 1e-9))
    assert not found.component.any()
    assert not connected(found.used).any()
    assert found.used.sum() < (weights > 0).sum() / 2


def test_separate_components_have_their_own_mean() -> None:
    true = np.array([[0.0], [2.0], [10.0], [14.0]])
    differences, weights = pairs(true, np.random.default_rng(0), noise=0.0)
    weights[:2, 2:] = weights[2:, :2] = 0
    found = solve_pairs(differences, weights)
    assert found.component.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(found.shift[:, 0], [-1, 1, -2, 2], atol=1e-9)


def test_a_chain_is_solved_too() -> None:
    k = 300
    true = np.cumsum(np.random.default_rng(3).normal(size=(k, 1)), axis=0)
    differences, weights = pairs(true, np.random.default_rng(4), noise=0.0)
    weights = np.where(np.abs(np.subtract.outer(np.arange(k), np.arange(k))) == 1, weights, 0)
    np.testing.assert_allclose(
        solve_pairs(differences, weights).shift, true - true.mean(), atol=1e-6
    )


def test_no_pairs() -> None:
    found = solve_pairs(np.zeros((2, 3, 3)), np.zeros((3, 3)))
    assert found.component.tolist() == [0, 1, 2]
    assert not responses(np.zeros((3, 3)), found).any()

"""The joint drift of windows: chains whose covariance is known."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.windows.joint_drift import JointDrift, joint_drift, laplacian

K = 60
TIME, WEIGHT = np.arange(K, dtype=np.float64), np.ones(K)
ONE = np.zeros(K, dtype=np.int64)


def chain(variance: float) -> FloatArray:
    """Information of windows of which each knows how far it is from the next."""
    return laplacian((np.abs(np.subtract.outer(TIME, TIME)) == 1) / variance)


def centred(values: FloatArray) -> FloatArray:
    return np.asarray(values - values.mean(axis=0))


def solve(information: FloatArray, drift: FloatArray, seed: int) -> tuple[JointDrift, FloatArray]:
    """The joint drift, and its error, of a score with the noise that the information says."""
    rng = np.random.default_rng(seed)
    mu, vectors = np.linalg.eigh(information)
    noise = vectors @ (np.sqrt(np.maximum(mu, 0)) * rng.normal(size=K))
    found = joint_drift(information, information @ drift + noise, TIME, ONE, WEIGHT)
    return found, found.level - centred(drift)


def test_the_rows_of_the_information_add_up_to_nothing() -> None:
    np.testing.assert_allclose(chain(2.0) @ np.ones(K), 0, atol=1e-12)


def test_errors_of_a_chain_add_up() -> None:
    """If the drift is rough, nothing is smoothed: the variance is that of a random walk."""
    rng = np.random.default_rng(0)
    rough = np.cumsum(rng.normal(0, 50, K))
    found, _ = solve(chain(1.0), rough, 1)
    walk = centred(np.tri(K)[:, 1:])
    np.testing.assert_allclose(found.variance, (walk**2).sum(axis=1) * found.noise, rtol=0.03)
    assert 0.8 <= found.noise <= 2
    assert found.n_errors < 3  # a few long waves make up a random walk


@pytest.mark.parametrize("step", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("kind", ["chain", "all"])
def test_errors_are_as_large_as_said(kind: str, step: float) -> None:
    information = chain(1.0) if kind == "chain" else laplacian(np.full((K, K), 0.02))
    scores = []
    for seed in range(20):
        drift = np.cumsum(np.random.default_rng(1000 + seed).normal(0, step, K))
        found, error = solve(information, drift, seed)
        scores.append(error / np.sqrt(found.variance))
    assert 0.75 < np.sqrt(np.mean(np.square(scores))) < 1.35


def test_a_line_is_kept_and_noise_is_smoothed() -> None:
    information = laplacian(np.full((K, K), 0.02))
    found, error = solve(information, 5.0 * TIME, 3)
    alone = 1 / (0.02 * K)
    assert np.mean(found.variance) < 0.3 * alone
    assert np.sqrt(np.mean(error**2)) < 0.7 * np.sqrt(alone)


def test_the_drift_is_free_to_jump_between_segments() -> None:
    information = laplacian(np.full((K, K), 0.02))
    late = (TIME >= 25).astype(np.int64)
    drift = 0.1 * TIME + 300.0 * late
    found = joint_drift(information, information @ drift, TIME, late, WEIGHT)
    np.testing.assert_allclose(found.level, centred(drift), atol=0.05)


def test_windows_without_information_are_bridged() -> None:
    couplings = np.full((K, K), 0.02)
    couplings[20:25] = couplings[:, 20:25] = 0
    found, error = solve(laplacian(couplings), 0.5 * TIME, 4)
    assert np.isfinite(found.level).all()
    assert found.variance[22] >= found.variance[18] * 0.99
    assert np.abs(error[20:25]).max() < 3


def test_where_no_window_knows_another_nothing_is_known() -> None:
    found = joint_drift(np.zeros((K, K)), np.zeros(K), TIME, ONE, WEIGHT)
    assert np.isfinite(found.variance).all()
    assert found.variance[[0, -1]].min() > 1e6


def test_laplacians_of_many_are_those_of_each() -> None:
    couplings = np.random.default_rng(1).random((3, 4, 4))
    couplings += couplings.transpose(0, 2, 1)
    found = laplacian(couplings)
    np.testing.assert_allclose(found.sum(axis=2), 0, atol=1e-12)
    for one, of_one in zip(couplings, found, strict=True):
        np.testing.assert_array_equal(of_one, np.diag(one.sum(axis=1)) - one)

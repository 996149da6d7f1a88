"""How much slow changes scatter, of gradients with known covariance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import idct

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.windows.joint_drift import laplacian
from smlm_accessor.kernels.windows.scatter import by_scatter

K, N_PARTS = 40, 64
EVERY = np.ones(K, dtype=bool)


def chain() -> FloatArray:
    """Information of windows that know those near in time; there is more of it at first."""
    lag = np.abs(np.arange(K)[:, None] - np.arange(K))
    events = np.linspace(3, 1, K)
    return laplacian(np.exp(-lag / 5) * np.outer(events, events))


def parts(information: FloatArray, factor: FloatArray, seed: int = 0) -> FloatArray:
    """Gradients of squares of the field, whose modes scatter more by some factors."""
    rng = np.random.default_rng(seed)
    modes = rng.normal(0, np.sqrt(factor / N_PARTS), (N_PARTS, K))
    mu, vectors = np.linalg.eigh(information)
    root = (vectors * np.sqrt(np.maximum(mu, 0))) @ vectors.T
    return np.asarray(idct(modes, norm="ortho", axis=-1) @ root)


def test_what_scatters_as_it_should_is_known_as_well() -> None:
    information = chain()
    ratios = []
    for seed in range(10):
        some = parts(information, np.ones(K), seed)
        known, _ = by_scatter(information, some.sum(axis=0), some, EVERY)
        ratios.append(np.trace(known) / np.trace(information))
    # No mode counts for more than it promises, so half of what chance makes of them is seen.
    assert 0.9 < np.mean(ratios) < 1.0


@pytest.mark.parametrize("factor", [4.0, 16.0])
def test_slow_changes_that_scatter_more_are_known_less(factor: float) -> None:
    information = chain()
    scatter = np.where(np.arange(K) < 8, factor, 1.0)
    change = np.cos(np.pi * (np.arange(K) + 0.5) / K)
    fast = (-1.0) ** np.arange(K)
    slow_ratios, fast_ratios = [], []
    for seed in range(10):
        some = parts(information, scatter, seed)
        known, _ = by_scatter(information, some.sum(axis=0), some, EVERY)
        slow_ratios.append(change @ known @ change / (change @ information @ change))
        fast_ratios.append(fast @ known @ fast / (fast @ information @ fast))
    assert 0.8 < np.mean(slow_ratios) * factor < 1.3
    assert 0.9 < np.mean(fast_ratios) < 1.0


def test_the_drift_that_is_asked_for_is_the_same() -> None:
    information = chain()
    some = parts(information, np.where(np.arange(K) < 8, 9.0, 1.0))
    drift = np.cumsum(np.random.default_rng(1).normal(size=K))
    some += information @ drift / N_PARTS
    known, told = by_scatter(information, some.sum(axis=0), some, EVERY)
    before = np.linalg.pinv(information) @ some.sum(axis=0)
    np.testing.assert_allclose(np.linalg.pinv(known) @ told, before, atol=1e-6)
    np.testing.assert_allclose(known.sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(known, known.T, atol=1e-9)


def test_a_common_gradient_is_no_scatter() -> None:
    """Where the drift is not right yet, all squares say so."""
    information = chain()
    some = parts(information, np.ones(K))
    wrong = some + information @ np.linspace(-50, 50, K) / N_PARTS
    one, other = (by_scatter(information, x.sum(axis=0), x, EVERY)[0] for x in (some, wrong))
    np.testing.assert_allclose(one, other, atol=1e-6 * np.abs(one).max())


def test_windows_that_are_not_connected_stay_so() -> None:
    main = np.arange(K) >= 10
    information = np.zeros((K, K))
    information[np.ix_(main, main)] = chain()[:30, :30]
    information = laplacian(np.diag(np.diag(information)) - information)
    some = parts(information, np.full(K, 4.0))
    known, told = by_scatter(information, some.sum(axis=0), some, main)
    assert not known[~main].any()
    assert not known[:, ~main].any()
    assert not told[~main].any()
    np.testing.assert_allclose(known.sum(axis=0), 0, atol=1e-9)


def test_a_single_square_tells_no_scatter() -> None:
    information = chain()
    some = parts(information, np.ones(K))[:1]
    known, told = by_scatter(information, some[0], some, EVERY)
    assert known is information
    np.testing.assert_array_equal(told, some[0])

"""The share of pairs of windows that are of one molecule."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.windows.couplings import least_connection
from smlm_accessor.kernels.windows.shares import (
    _rarer,
    factors,
    local_shares,
    share_by_lag,
    shares,
    steady_shares,
    tail,
)
from tests.kernels.windows.pair_sums import LAG, K, sums


def test_the_share_is_the_same_for_all_where_molecules_stay() -> None:
    share = shares(*sums(np.full((K, K), 2.0), np.full((K, K), 4.0)))
    np.testing.assert_allclose(share, 0.2, rtol=0.15)
    assert least_connection(share) > 0.95


@pytest.mark.parametrize("chance", [0.1, 3.0])
def test_the_share_falls_to_nothing_where_molecules_bleach(chance: float) -> None:
    true = 20 * np.exp(-LAG / 4)
    share = shares(*sums(true, np.full((K, K), chance)))
    expected = 0.6 * true / (true + chance)
    near = LAG <= 6
    np.testing.assert_allclose(share[near], expected[near], atol=0.06)
    assert share[LAG > 40].max() < 1e-4
    assert least_connection(share * (true + chance)) < 0.5


def test_a_part_that_knows_less_is_found() -> None:
    """Also where the lag says nothing of it."""
    late = np.arange(K) >= 24
    true = np.where(late[:, None] != late, 0.0, 3.0)
    share = shares(*sums(true, np.full((K, K), 1.0)))
    assert share[:20, 30:].max() < 0.02
    np.testing.assert_allclose(share[:8, :8], 0.45, rtol=0.15)


def test_a_part_of_background_knows_less() -> None:
    """Of its pairs, fewer are of one molecule, though windows near in time are in it, too."""
    emitted = np.where(np.arange(K) >= 24, 0.5, 1.0)
    share = steady_shares(*sums(3.0 * np.outer(emitted, emitted), np.full((K, K), 1.0)))
    np.testing.assert_allclose(share[:20, :20], 0.45, rtol=0.15)
    np.testing.assert_allclose(share[28:, 28:], 0.6 * 0.75 / 1.75, rtol=0.35)


def test_a_part_of_nothing_knows_nothing() -> None:
    late = np.arange(K) >= 32
    share = steady_shares(*sums(3.0 * np.outer(~late, ~late), np.full((K, K), 1.0)))
    assert not share[32:, 32:].any()
    np.testing.assert_allclose(share[:16, :16], 0.45, rtol=0.3)


def test_two_windows_have_no_share_of_their_own() -> None:
    """Those that are far from each other would tell that a drift which goes astray is right."""
    true = np.where(LAG < 6, 3.0, 0.0)
    true[4:8, 30:34] = true[30:34, 4:8] = 3.0
    share = steady_shares(*sums(true, np.full((K, K), 1.0)))
    assert share[4:8, 30:34].max() < 0.1 * share[4, 5]


@pytest.mark.parametrize("k", [2, 5, 8])
def test_factors_are_those_of_runs_that_are_alike(k: int) -> None:
    rng = np.random.default_rng(k)
    r = rng.uniform(1, 2, (40, k))
    np.testing.assert_array_equal(factors(r + rng.normal(0, 0.1, (40, k)), r), 1.0)
    half = np.where(np.arange(k) < k // 2, 1.5, 0.5)
    found = factors(half * r + rng.normal(0, 0.01, (40, k)), r)
    np.testing.assert_allclose(found, half, rtol=0.05)


@pytest.mark.parametrize("k", [1, 2, 7])
def test_the_share_by_lag_is_that_of_all_pairs_as_far_apart(k: int) -> None:
    rng = np.random.default_rng(k)
    c, r = rng.uniform(1, 2, (40, k, k)), np.ones((40, k, k))
    lag = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    c -= lag  # falls, and faster than by chance
    expected = np.array([c[:, lag == m].mean() for m in range(k)])
    np.testing.assert_allclose(share_by_lag(c, r), np.maximum(expected, 0)[lag])


def test_a_value_is_rare_where_its_probability_is_low() -> None:
    rng = np.random.default_rng(1)
    value, error, n = rng.uniform(0, 12, 5000), rng.uniform(0, 2, 5000), rng.uniform(1, 30, 5000)
    for than in (0.05, 1e-4, 3e-6):
        rare = tail(value, error, n) < than
        assert 0.02 < rare.mean() < 0.9
        np.testing.assert_array_equal(_rarer(value, error, n, than), rare)


def windows(
    share: FloatArray, seed: int, per_window: float = 30.0
) -> tuple[FloatArray, FloatArray]:
    """Curvature and responsibility of windows with so large a share of true pairs."""
    rng = np.random.default_rng(seed)
    r = rng.poisson(30.0, len(share)).astype(float)
    return r * share + 0.7 * np.sqrt(r) * rng.normal(size=len(share)), r


@pytest.mark.parametrize("seed", range(10))
def test_windows_that_are_alike_have_one_share(seed: int) -> None:
    c, r = windows(np.full(500, 0.4), seed)
    np.testing.assert_allclose(local_shares(c, r), c.sum() / r.sum(), rtol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_part_with_more_background_has_a_share_of_its_own(seed: int) -> None:
    true = np.where(np.arange(400) < 290, 0.6, 0.15)
    found = local_shares(*windows(true, seed))
    # The run that holds the border may be of both.
    np.testing.assert_allclose(found[:250], 0.6, atol=0.1)
    np.testing.assert_allclose(found[300:], 0.15, atol=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_part_that_shows_nothing_has_none(seed: int) -> None:
    found = local_shares(*windows(np.where(np.arange(400) < 300, 0.6, 0.0), seed))
    assert (found[:290] > 0.3).all()
    assert not found[310:].any()


def test_a_few_windows_have_the_share_of_all() -> None:
    c, r = np.array([3.0, 9.0]), np.array([10.0, 20.0])
    np.testing.assert_allclose(local_shares(c, r), 12 / 30)
    assert not local_shares(-c, r).any()
    assert not local_shares(0 * c, 0 * r).any()


def test_what_is_lost_in_the_rounding_of_sums_has_no_share_of_its_own() -> None:
    c, r = np.full(200, 3e3), np.full(200, 5e3)
    c[100:], r[100:] = 1e-9, 1e-13
    np.testing.assert_allclose(local_shares(c, r), 0.6)

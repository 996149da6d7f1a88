"""The share of pairs of windows that are of one molecule."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.time_series.couplings import least_connection
from smlm_accessor.kernels.time_series.shares import _rarer, share_by_lag, shares, tail
from tests.kernels.time_series.pair_sums import LAG, K, sums


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

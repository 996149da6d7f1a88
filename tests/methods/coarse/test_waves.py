"""Waves at which pairs of events overlap best."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from smlm_accessor.methods.coarse.waves import log_likelihood, most_likely, waves_at


def test_known_waves_are_found() -> None:
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 1, 300))
    known = np.array([[8.0, -5.0], [3.0, 2.0], [-4.0, 1.0]])
    sites = rng.uniform(0, 500, (60, 2))[rng.integers(60, size=300)]
    where = sites + waves_at(time, 3) @ known + rng.normal(0, 1, (300, 2))
    likelihood, found = most_likely(where, time, 5, 16.0)
    np.testing.assert_allclose(found, np.pad(known, ((0, 2), (0, 0))), atol=0.5)
    assert likelihood == log_likelihood(where - waves_at(time, 5) @ found)
    assert likelihood > log_likelihood(where - waves_at(time, 3) @ known) - 1


def test_the_likelihood_is_the_sum_over_all_pairs() -> None:
    rng = np.random.default_rng(1)
    where = rng.uniform(0, 30, (200, 3))
    square = ((where[:, None] - where) ** 2).sum(axis=2)
    # Each event itself counts as the one in the logarithm; far pairs are left out.
    known = np.log(np.exp(-square / (2 * 2.0**2)).sum(axis=1)).sum()
    assert log_likelihood(where) == pytest.approx(known, rel=5e-3)


def test_pairs_are_counted_once() -> None:
    where = np.array([[0.0, 0], [1, 0], [0, 2], [900, 0]])
    near = [1, 4, 5]  # squares of distances
    of_each = np.exp(-np.array([[near[0], near[1]], [near[0], near[2]], [near[1], near[2]]]) / 8)
    assert log_likelihood(where) == pytest.approx(np.log1p(of_each.sum(axis=1)).sum())


@pytest.mark.parametrize("n", [2, 100])
def test_events_that_are_far_from_each_other_tell_nothing(n: int) -> None:
    where = 1000.0 * np.arange(2 * n).reshape(n, 2)
    likelihood, found = most_likely(where, np.linspace(0, 1, n), 4, 16.0)
    assert likelihood == 0
    np.testing.assert_array_equal(found, 0.0)


def test_many_pairs_are_told_by_a_part_of_the_events() -> None:
    """All are near each other; a part of them gives the same course."""
    rng = np.random.default_rng(2)
    time = np.sort(rng.uniform(0, 1, 1000))
    known = np.array([[30.0, -20.0], [10.0, 5.0]])
    where = waves_at(time, 2) @ known + rng.normal(0, 1, (1000, 2))
    assert len(cKDTree(where).query_pairs(3.5 * 16.0)) > 4 * 60_000
    np.testing.assert_allclose(most_likely(where, time, 2, 16.0)[1], known, atol=0.3)

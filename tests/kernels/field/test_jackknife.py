"""Variances from estimates without each place."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.field.jackknife import (
    effective_number,
    inflation,
    influence,
    jackknife,
    variances,
)


def test_what_is_common_to_all_does_not_count() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(0, [[[0.1, 0.3]]], (40, 100, 2))
    found, also = (jackknife(x) for x in (own, own + rng.normal(0, 5, (1, 100, 2))))
    np.testing.assert_allclose(found, also)
    np.testing.assert_allclose(np.sqrt(found.mean(axis=0)), [1, 3], rtol=0.05)


def test_two_estimates_share_their_difference() -> None:
    influence = np.zeros((2, 100, 1))
    influence[1] = np.random.default_rng(2).normal(size=(100, 1))
    found = jackknife(influence)
    np.testing.assert_allclose(found.sum(), np.sum(influence[1] ** 2), rtol=0.05)
    assert found[0] == found[1]


def test_one_estimate_or_few_places_tell_nothing() -> None:
    rng = np.random.default_rng(3)
    independent = rng.uniform(1, 2, (5, 2))
    few = rng.normal(0, 1e-3, (5, 2, 2))
    np.testing.assert_array_equal(variances(few[:1], independent[:1]), independent[:1])
    np.testing.assert_array_equal(variances(few, independent), independent)
    np.testing.assert_array_equal(variances(np.zeros((5, 100, 2)), independent), independent)


def test_one_place_that_tells_nearly_all_is_no_less_than_it_tells() -> None:
    rng = np.random.default_rng(6)
    influence = rng.normal(0, 1e-2, (5, 100, 1))
    influence[:, 7] = rng.normal(0, 10, (5, 1))
    found = variances(influence, np.ones((5, 1)))
    told = (influence[:, 7] - influence[:, 7].mean()) ** 2 * 5 / 4
    assert (found >= np.maximum(told, 1.0)).all()
    np.testing.assert_allclose(found, np.maximum(told * 1.5, 1.0), rtol=0.01)


def test_a_block_that_does_not_vary_beside_many_small_ones_is_no_certainty() -> None:
    """The shift is that of one bead: background pulls it hardly, and equally from all sides."""
    rng = np.random.default_rng(7)
    influence = rng.normal(0, 1e-5, (30, 100, 2))
    influence[:, 0] -= influence.sum(axis=1)
    independent = rng.uniform(0.1, 0.3, (30, 2))
    np.testing.assert_array_equal(variances(influence, independent), independent)


def test_means_without_each_block_one_by_one() -> None:
    """The variance of means of 60 blocks, by leaving out one after the other."""
    x = np.random.default_rng(4).normal(0, 2, (30, 60, 1))
    means = x.mean(axis=1, keepdims=True)
    left_out = np.array([np.delete(x, j, axis=1).mean(axis=1) for j in range(60)])
    found = jackknife(np.swapaxes(left_out, 0, 1) - means)
    np.testing.assert_allclose(found.mean(), 4 / 60, rtol=0.1)
    # Minus the squared distances have their maximum at the mean.
    first_order = influence((means - x) * 2, np.full(1, 2.0 * 59))
    np.testing.assert_allclose(first_order, np.swapaxes(left_out, 0, 1) - means, atol=1e-12)


def test_no_curvature_is_no_influence() -> None:
    assert not influence(np.ones((3, 2)), np.array([0.0, -1.0])).any()


def test_variances_of_localizations_in_fives_are_five_times_as_large() -> None:
    """Of means of 3000 numbers, each of which stands five times in its block."""
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (40, 100, 6, 1))
    sums = 5 * (x - x.mean(axis=(1, 2), keepdims=True)).sum(axis=2)
    naive = np.full((40, 1), 1 / 3000)
    factor = inflation(-sums / 3000, naive, np.full(40, 3000))
    np.testing.assert_allclose(factor, 5, rtol=0.05)
    assert inflation(-sums / 3000, 10 * naive, np.full(40, 3000)) == 1
    assert inflation(np.zeros((1, 100, 1)), naive[:1], np.full(1, 3000)) == 1


def test_effective_number_is_that_of_kish() -> None:
    assert effective_number(np.ones(7)) == 7
    assert effective_number(np.array([3, 1])) == 16 / 10
    assert effective_number(np.zeros(3)) == 0

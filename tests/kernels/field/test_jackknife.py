"""Variances from estimates without each place."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.field.jackknife import variances


def test_what_is_common_to_all_does_not_count() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(0, [[[0.1, 0.3]]], (40, 100, 2))
    found, also = variances(own), variances(own + rng.normal(0, 5, (1, 100, 2)))
    assert found is not None
    assert also is not None
    np.testing.assert_allclose(found, also)
    np.testing.assert_allclose(np.sqrt(found.mean(axis=0)), [1, 3], rtol=0.05)


def test_two_estimates_share_their_difference() -> None:
    moves = np.zeros((2, 100, 1))
    moves[1] = np.random.default_rng(2).normal(size=(100, 1))
    found = variances(moves)
    assert found is not None
    np.testing.assert_allclose(found.sum(), np.sum(moves[1] ** 2), rtol=0.05)
    assert found[0] == found[1]


def test_one_estimate_or_few_places_tell_nothing() -> None:
    rng = np.random.default_rng(3)
    assert variances(rng.normal(size=(1, 100, 2))) is None
    assert variances(rng.normal(size=(5, 2, 2))) is None
    assert variances(np.zeros((5, 100, 2))) is None

"""The loops over pairs of events against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.density.wave_loops import differences, overlaps


@pytest.mark.parametrize("d", [2, 3])
def test_overlaps_of_pairs_and_events(d: int) -> None:
    rng = np.random.default_rng(d)
    still = rng.uniform(0, 5, (40, d))
    pairs = np.stack(np.triu_indices(40, k=1))[:, rng.random(780) < 0.3].copy()
    overlap, of_event = np.empty(pairs.shape[1]), np.empty(40)
    overlaps(still, pairs, 1.5, overlap, of_event)
    square = ((still[pairs[0]] - still[pairs[1]]) ** 2).sum(axis=1)
    expected = np.exp(-square / (2 * 1.5**2))
    np.testing.assert_allclose(overlap, expected, rtol=1e-12)
    sums = np.bincount(pairs[0], expected, 40) + np.bincount(pairs[1], expected, 40)
    np.testing.assert_allclose(of_event, sums, rtol=1e-12)


def test_differences_are_a_laplacian_times_the_waves() -> None:
    rng = np.random.default_rng(5)
    waves, share = rng.normal(size=(30, 7)), rng.uniform(size=30)
    pairs = np.stack(np.triu_indices(30, k=1))
    overlap = rng.uniform(size=pairs.shape[1])
    weight = np.zeros((30, 30))
    weight[tuple(pairs)] = overlap * share[pairs].sum(axis=0)
    weight += weight.T
    total = np.empty_like(waves)
    differences(waves, pairs, overlap, share, total)
    expected = (np.diag(weight.sum(axis=1)) - weight) @ waves
    np.testing.assert_allclose(total, expected, rtol=1e-10, atol=1e-10)

"""The common motion of beads."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.beads.consensus import consensus


def test_agrees_with_lstsq() -> None:
    """With weights that need no iteration: jitter only."""
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, (30, 3))
    counts[:, 0] = 2
    means = np.cumsum(rng.normal(size=30))[:, None] + [5, -3, 8] + rng.normal(0, 1e-3, (30, 3))
    found = consensus(means, counts, np.full(3, 1.0))  # far more jitter than there is
    i, b = np.nonzero(counts)
    rows = np.zeros((len(i), 33))
    rows[np.arange(len(i)), i], rows[np.arange(len(i)), 30 + b] = 1, 1
    scale = np.sqrt(counts[i, b])[:, None]
    expected = np.linalg.lstsq(rows * scale, means[i, b, None] * scale, rcond=None)[0][:30, 0]
    assert not found.wander.any()
    np.testing.assert_allclose(found.drift - found.drift[0], expected - expected[0], atol=1e-6)


def test_normalised_errors_are_of_unit_size() -> None:
    errors = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        drift = np.cumsum(rng.normal(size=100))
        sigma = np.array([0.2, 0.4, 0.3])
        means = drift[:, None] + [5, -3, 8] + rng.normal(0, sigma, (100, 3))
        found = consensus(means, np.ones((100, 3), int), sigma**2)
        error = (found.drift - drift) / np.sqrt(found.variance)
        errors.append(error - error.mean())
    assert 0.9 < np.std(errors) < 1.1


def test_a_bead_that_moves_by_itself_has_little_weight() -> None:
    rng = np.random.default_rng(2)
    drift = np.cumsum(rng.normal(size=200))
    means = drift[:, None] + rng.normal(0, 0.1, (200, 4))
    means[:, 1] += np.cumsum(rng.normal(0, 0.4, 200))
    found = consensus(means, np.ones((200, 4), int), np.full(4, 0.01))
    assert found.weight[1] < 0.02
    error = found.drift - drift
    assert np.std(error) < 0.08  # of three: 0.058


def test_a_bead_that_appears_makes_no_step() -> None:
    drift = np.linspace(0, 10, 50)
    means = drift[:, None] + [100.0, 900.0]
    counts = np.ones((50, 2), int)
    counts[:20, 1] = 0
    counts[35:, 0] = 0
    found = consensus(means, counts, np.full(2, 0.01))
    np.testing.assert_allclose(found.drift - found.drift[0], drift, atol=1e-9)
    assert found.place[1] - found.place[0] == pytest.approx(800)


def test_where_no_bead_is_seen_nothing_is_known() -> None:
    counts = np.ones((5, 2), int)
    counts[2] = 0
    found = consensus(np.zeros((5, 2)), counts, np.ones(2))
    assert np.isnan(found.drift).tolist() == [False, False, True, False, False]
    assert np.isnan(found.variance[2])

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.neighbours.cluster_scale import cluster_scale


@pytest.mark.parametrize("sigma", [5.0, 20.0])
@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_points(sigma: float, scale: float) -> None:
    rng = np.random.default_rng(0)
    molecules = rng.uniform(0, 10_000, (300, 2))
    positions = molecules[rng.integers(300, size=20_000)] + rng.normal(0, sigma, (20_000, 2))
    assert cluster_scale(scale * positions, np.arange(20_000)) == pytest.approx(
        scale * sigma, rel=0.4
    )


def test_lines() -> None:
    rng = np.random.default_rng(1)
    line, along = rng.integers(20, size=20_000), rng.uniform(0, 10_000, 20_000)
    slope, start = rng.uniform(-1, 1, 20), rng.uniform(0, 10_000, 20)
    positions = np.column_stack([along, start[line] + slope[line] * along])
    positions += rng.normal(0, 10, positions.shape)
    # Where lines begin to look like lines is less sharp: within a factor of three.
    assert 5 < cluster_scale(positions, np.arange(20_000)) < 30


def test_drift_does_not_widen_structures() -> None:
    rng = np.random.default_rng(2)
    molecules = rng.uniform(0, 10_000, (30, 2))
    positions = molecules[rng.integers(30, size=20_000)] + rng.normal(0, 5, (20_000, 2))
    positions += np.linspace(0, 1000, 20_000)[:, None]
    assert cluster_scale(positions, np.arange(20_000)) == pytest.approx(5, rel=0.4)


@pytest.mark.parametrize("n", [0, 1, 2, 50, 4000, 30_000])
@pytest.mark.parametrize("seed", [0, 1])
def test_chance_has_no_scale(n: int, seed: int) -> None:
    positions = np.random.default_rng(seed).uniform(0, 1e5, (n, 2))
    assert np.isnan(cluster_scale(positions, np.arange(n)))


def test_all_at_one_place_has_no_scale() -> None:
    assert np.isnan(cluster_scale(np.zeros((100, 2)), np.arange(100)))

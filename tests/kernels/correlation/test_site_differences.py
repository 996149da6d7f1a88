"""Differences of sites: known shifts are found, and what shares nothing shows none."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.site_differences import find_site_shift
from tests import scenes

BIN = np.full(2, 10.0)
FIELD = 20_000.0


def seen(sites: FloatArray, n: int, rng: np.random.Generator, noise: float = 5.0) -> FloatArray:
    """Localizations of sites chosen at random, some of them often."""
    return sites[rng.integers(len(sites), size=n)] + rng.normal(0, noise, (n, sites.shape[1]))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (313.0, -77.0), (-8_000.0, 6_000.0)])
def test_a_known_shift(shift: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    sites = scenes.sites(600, FIELD)
    found = find_site_shift(seen(sites, 3_000, rng), seen(sites, 300, rng) + shift, BIN)
    assert found.chance < 1e-6
    np.testing.assert_allclose(found.shift, shift, atol=10.0)


def test_few_sites_that_both_show() -> None:
    rng = np.random.default_rng(2)
    common, one, other = (scenes.sites(n, FIELD, seed=n) for n in (120, 800, 300))
    reference = np.concatenate([seen(one, 4_000, rng), seen(common, 600, rng)])
    moving = np.concatenate([seen(other, 500, rng), seen(common, 300, rng)])
    found = find_site_shift(reference, moving + np.array([400.0, 900.0]), BIN)
    assert found.chance < 1e-3
    np.testing.assert_allclose(found.shift, [400.0, 900.0], atol=10.0)


def test_along_z() -> None:
    rng = np.random.default_rng(3)
    sites, shift = scenes.sites(600, FIELD, d=3), np.array([150.0, 80.0, -320.0])
    found = find_site_shift(
        seen(sites, 3_000, rng), seen(sites, 300, rng) + shift, np.array([10.0, 10.0, 20.0])
    )
    assert found.chance < 1e-6
    np.testing.assert_allclose(found.shift, shift, atol=20.0)


@pytest.mark.parametrize("kind", ["single", "clusters", "rings"])
def test_what_shares_nothing_shows_no_shift(kind: str) -> None:
    make = {
        "single": lambda seed: scenes.sites(300, FIELD, seed=seed),
        "clusters": lambda seed: scenes.clusters(30, each=20, size=FIELD, seed=seed),
        "rings": lambda seed: scenes.rings(30, size=FIELD, seed=seed),
    }[kind]
    chances = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        a, b = (seen(make(s), n, rng) for s, n in ((2 * seed, 3_000), (2 * seed + 1, 600)))
        chances.append(find_site_shift(a, b, BIN).chance)
    assert min(chances) > 1e-3


def test_a_molecule_that_is_seen_often_counts_once() -> None:
    rng = np.random.default_rng(4)
    one, other = np.zeros((1, 2)), np.full((1, 2), 700.0)
    a = np.concatenate([seen(scenes.sites(100, FIELD), 500, rng), seen(one, 2_000, rng)])
    b = np.concatenate([seen(scenes.sites(50, FIELD, seed=9), 100, rng), seen(other, 900, rng)])
    assert find_site_shift(a, b, BIN).chance > 1


def test_all_in_one_place() -> None:
    assert find_site_shift(np.zeros((5, 2)), np.zeros((3, 2)), BIN).chance > 1e-3


@pytest.mark.parametrize("clustered", [False, True])
def test_a_few_blinks_in_much_background(clustered: bool) -> None:
    """Sites that are seen often tell, also where there are only a few structures."""
    rng = np.random.default_rng(6)
    sites = scenes.clusters(20, each=20, size=5_000.0) if clustered else scenes.sites(400, 5_000.0)
    seen_often = np.concatenate([seen(sites, 30_000, rng), rng.uniform(0, 5_000, (30_000, 2))])
    moving = np.concatenate([seen(sites, 100, rng), rng.uniform(0, 5_000, (8_000, 2))])
    found = find_site_shift(seen_often, moving + np.array([640.0, -510.0]), BIN)
    assert found.chance < 1e-4
    np.testing.assert_allclose(found.shift, [640.0, -510.0], atol=10.0)


def test_bins_at_the_edge_stand_out_no_more_than_others() -> None:
    rng = np.random.default_rng(7)
    size = np.array([3_333.0, 2_789.0])  # no whole number of bins
    for n in (300, 3_000):
        a, b = rng.uniform(0, size, (20_000, 2)), rng.uniform(0, size, (n, 2))
        assert find_site_shift(a, b, BIN).chance > 1e-2


def test_of_very_many_those_that_are_seen_most_are_compared() -> None:
    rng = np.random.default_rng(8)
    sites = scenes.sites(300, FIELD)
    a = np.concatenate([seen(sites, 9_000, rng), rng.uniform(0, FIELD, (150_000, 2))])
    b = np.concatenate([seen(sites, 600, rng), rng.uniform(0, FIELD, (5_000, 2))])
    found = find_site_shift(a, b + np.array([-900.0, 250.0]), BIN)
    assert found.chance < 1e-6
    np.testing.assert_allclose(found.shift, [-900.0, 250.0], atol=10.0)

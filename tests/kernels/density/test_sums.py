"""Sums of two tables in each other's density: on known densities."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.sums import N_COMMON_SUMS, common_sums
from smlm_accessor.kernels.density.tiles import sort_into_tiles

FINE, WIDE_HALF, WIDE_BORDER = 3, 9, 11  # pixels: a fine image, for exact sums


def common(one: FloatArray, other: FloatArray, width: float = 1.0) -> FloatArray:
    both = np.concatenate([one, other])
    d, n = both.shape[1], len(both)
    table = (np.arange(n) >= len(one)).astype(np.int32)
    widths = np.full(d, width)
    tiles = sort_into_tiles(
        both, table, np.ones(n, np.float32), np.zeros((2, d)),
        size=12 * widths, halo=WIDE_BORDER * widths / FINE,
    )  # fmt: skip
    out = np.zeros((len(tiles.corner), N_COMMON_SUMS))
    common_sums(
        *(np.arange(len(out)), tiles.start, tiles.where, tiles.frame, tiles.own, tiles.size),
        *(widths, FINE, WIDE_HALF, WIDE_BORDER, out),
    )
    return np.asarray(out.sum(axis=0))


@pytest.mark.parametrize("d", [2, 3])
def test_a_pair_has_the_gradient_and_the_weight_of_its_kernel(d: int) -> None:
    here, there = np.full((1, d), 5.0), np.full((1, d), 5.0)
    there[0, 0] += 0.8
    kernel = np.exp(-0.5 * 0.8**2)
    found = common(here, there)
    share = kernel / (kernel + 1)
    assert found[0] == pytest.approx(2 * share, rel=0.05)
    assert found[1] == pytest.approx(-2 * 0.8 * share, rel=0.05)  # the second goes back
    np.testing.assert_allclose(found[2 : 1 + d], 0, atol=1e-6)


def test_a_molecule_counts_by_its_information() -> None:
    spot = np.full((1, 2), 5.0)
    found = common(np.repeat(spot, 6, axis=0), np.repeat(spot, 3, axis=0))
    assert found[0] == pytest.approx(2 * 6 * 3 / (6 + 3), rel=0.02)


def test_the_common_curvature_is_the_rate_at_which_the_gradient_falls() -> None:
    rng = np.random.default_rng(1)
    one = rng.uniform(0, 60, (300, 2))
    other = one + rng.normal(0, 0.5, one.shape)
    step = np.array([0.05, 0.0])
    falls = (common(one, other - step)[1] - common(one, other + step)[1]) / 0.1
    assert common(one, other)[4] == pytest.approx(falls, rel=0.2)

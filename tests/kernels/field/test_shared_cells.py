"""Windows that lie on each other, and some that do not, on known truth."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.field.shared_cells import lie_on_each_other

N, K, AWAY, LEAST = 12_000, 12, 9, 0.8
WINDOW = np.repeat(np.arange(K), N // K)


def on_sites(n_sites: int = 300, d: int = 2, seed: int = 0) -> FloatArray:
    """Localizations of sites that are seen at all times, half a cell wide."""
    rng = np.random.default_rng(seed)
    sites = rng.uniform(0, 500, (n_sites, d))
    return np.asarray(sites[rng.integers(n_sites, size=N)] + rng.normal(0, 0.5, (N, d)))


def tell(positions: FloatArray, window: IntArray = WINDOW) -> bool:
    return lie_on_each_other(positions, window, np.bincount(window), AWAY, LEAST)


@pytest.mark.parametrize("d", [2, 3])
def test_windows_that_show_the_same_lie_on_each_other(d: int) -> None:
    assert tell(on_sites(d=d))


@pytest.mark.parametrize("first", [1, 3, 6, 11])
@pytest.mark.parametrize("shift", [[2.0, 0.0], [0.0, -30.0], [200.0, 100.0]])
def test_those_after_a_jump_do_not(first: int, shift: list[float]) -> None:
    assert not tell(on_sites() + (first <= WINDOW)[:, None] * shift)


@pytest.mark.parametrize("of", [[5], [4, 5], [0], [11], [3, 4, 8, 9]])
def test_nor_do_single_ones_that_went_elsewhere(of: list[int]) -> None:
    assert not tell(on_sites() + np.isin(WINDOW, of)[:, None] * [7.0, 3.0])


def test_every_other_window_is_elsewhere() -> None:
    assert not tell(on_sites() + (WINDOW % 2)[:, None] * [50.0, 0.0])


def test_nor_where_a_part_of_a_window_is_elsewhere() -> None:
    elsewhere = (np.arange(N) >= 5_500) & (np.arange(N) < 6_000)
    assert not tell(on_sites() + elsewhere[:, None] * [50.0, 0.0])


def test_molecules_that_bleach_tell_less_of_later_ones() -> None:
    rng = np.random.default_rng(1)
    sites = rng.uniform(0, 500, (2_000, 2))
    at = (np.arange(N) * 1_700 // N + rng.integers(300, size=N)) % 2_000
    assert not tell(sites[at] + rng.normal(0, 0.5, (N, 2)))


def test_background_does_not_lie_on_itself() -> None:
    for seed in range(20):
        assert not tell(np.random.default_rng(seed).uniform(0, 200, (N, 2)))


def test_neither_the_origin_nor_the_order_of_rows_matters() -> None:
    positions = on_sites()
    for shift in ([1e5, -1e5], [-3.0, 8.0]):
        assert tell(positions + shift)
    rows = np.random.default_rng(1).permutation(N)
    rows = rows[np.argsort(WINDOW[rows], kind="stable")]
    assert tell(positions[rows])

"""Windows that know each other: shares of known pairs, and parts that share nothing."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.windows.couplings import (
    connected_parts,
    least_connection,
)
from tests.kernels.windows.pair_sums import GROUPS, LAG, K, sums


def parts(true: FloatArray, chance: FloatArray, steps: float = 1.0, seed: int = 0) -> list[int]:
    alternatives = np.full(K, steps)
    found = connected_parts(*sums(true, chance, seed), np.full(K, 1000.0), alternatives)
    return [int(p) for p in found]


def test_the_least_connection_is_that_of_two_blocks() -> None:
    """With a tenth between blocks of the same size, it is ``2 * 0.1 / (1 + 0.1)``."""
    half = np.arange(40) < 20
    assert least_connection(np.ones((40, 40))) == pytest.approx(1)
    couplings = np.where(half[:, None] == half, 1.0, 0.1)
    assert least_connection(couplings) == pytest.approx(0.2 / 1.1)


@pytest.mark.parametrize("chance", [0.01, 3.0])
def test_parts_that_share_nothing(chance: float) -> None:
    late = np.arange(K) >= 23
    true = np.where(late[:, None] == late, 1.0, 0.0)
    found = parts(true, np.full((K, K), chance))
    assert found[:21] == [1] * 21
    assert found[25:] == [0] * 35
    assert parts(np.where(late[:, None] == late, 1.0, 0.1), np.full((K, K), chance)) == [0] * K


def test_a_window_in_which_both_parts_are_does_not_join_them() -> None:
    first, second = (np.zeros(K) for _ in range(2))
    first[:30], second[30:] = 1, 1
    second[29] = first[29] = 0.5
    true = np.outer(first, first) + np.outer(second, second)
    found = parts(true, np.full((K, K), 0.1))
    assert set(found[:28]) != set(found[32:])


def test_a_chain_with_few_molecules_at_a_time_holds() -> None:
    """Five molecules that are seen before and after are more than chance, if chance is rare."""
    for seed in range(5):
        assert parts(np.where(LAG <= 3, 0.15, 0.0), np.full((K, K), 1e-4), seed=seed) == [0] * K


def test_the_best_of_many_positions_is_chance() -> None:
    """Ten matches, where four are expected, are nothing special among thousands of positions."""
    late = np.arange(K) >= 30
    same = late[:, None] == late
    chance = np.full((K, K), 4 / 900 / GROUPS)
    lucky = np.where(same, 1.0, 6 / 900 / GROUPS)
    assert len(set(parts(lucky, chance, steps=1e4, seed=1))) > 1


def test_small_parts_stay() -> None:
    late = np.arange(K) >= K - 2
    assert parts(np.where(late[:, None] == late, 1.0, 0.0), np.full((K, K), 0.01)) == [0] * K


@pytest.mark.parametrize("shared", [0.0, 1.0])
@pytest.mark.parametrize("far", [False, True])
def test_a_small_part_beyond_a_far_step_has_to_share_molecules(shared: float, far: bool) -> None:
    late = np.arange(K) >= K - 4
    weight = np.where(late, 100.0, 1000.0)
    true = np.where(late[:, None] == late, 1.0, shared)
    alternatives = np.ones(K)
    alternatives[K - 5] = 1e5 if far else 1.0
    found = connected_parts(*sums(true, np.full((K, K), 0.01)), weight, alternatives)
    alone = far and not shared
    assert (found[late] == (-1 if alone else 0)).all()
    assert (found[: K - 6] == 0).all()


FAR = np.where(np.isin(np.arange(K), [19, 20, 23, 24, 39, 40]), 1e5, 1.0)


@pytest.mark.parametrize("bridge", [0.0, 1.0])
def test_a_few_windows_beside_the_others_do_not_join_two_parts(bridge: float) -> None:
    """Windows 21 and 22 lie far off, and right to those from 41 on, which lie wrongly to the rest.

    Before and after window 40, molecules are shared only by these.
    """
    part = np.zeros(K, dtype=np.int64)
    part[40:] = 1
    part[20:24] = 1
    true = np.where(part[:, None] == part, 1.0, 0.0)
    true[20:24, 40:] *= bridge
    true[40:, 20:24] *= bridge
    found = connected_parts(*sums(true, np.full((K, K), 0.01)), np.full(K, 1000.0), FAR)
    assert (found[:19] == found[28]).all()
    assert (found[41:] == 1 - found[28]).all()
    assert set(found[21:23]) == ({found[50]} if bridge else {found[21]})
    assert found[21] != found[28]


def test_far_steps_between_windows_that_share_molecules_are_jumps() -> None:
    found = connected_parts(*sums(np.ones((K, K)), np.full((K, K), 0.1)), np.full(K, 1e3), FAR)
    assert (found == 0).all()


def test_where_nothing_is_shared_at_any_time_there_are_no_parts() -> None:
    assert parts(np.zeros((K, K)), np.full((K, K), 0.1)) == [0] * K


@pytest.mark.parametrize("seed", range(4))
def test_an_end_with_few_molecules_that_all_before_know_belongs_to_them(seed: int) -> None:
    """Windows before and after a time share too little there, but all before with those after."""
    seen = np.where(np.arange(K) < 40, 1.0, 0.05)
    assert parts(np.outer(seen, seen), np.full((K, K), 0.1), steps=49.0, seed=seed) == [0] * K

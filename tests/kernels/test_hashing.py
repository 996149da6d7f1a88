"""Hashes: those of SplitMix64, and good ones."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from smlm_accessor.kernels.hashing import mixed, slot_of, split_mix64


def test_they_are_those_of_the_reference_implementation() -> None:
    """The first numbers that splitmix64.c of Sebastiano Vigna gives from a seed of 0."""
    known = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]
    assert split_mix64(np.arange(1, 5)).tolist() == known


@pytest.mark.parametrize("bit", [0, 1, 17, 40, 63])
def test_each_bit_changes_half_of_the_bits(bit: int) -> None:
    numbers = np.arange(10_000, dtype=np.uint64)
    changed = mixed(numbers) ^ mixed(numbers ^ (np.uint64(1) << np.uint64(bit)))
    each = np.unpackbits(changed.view(np.uint8).reshape(-1, 8), axis=1).mean(axis=0)
    assert each == pytest.approx(0.5, abs=6 * 0.5 / np.sqrt(10_000))


def test_negative_numbers_have_hashes_too() -> None:
    assert len(np.unique(split_mix64(np.arange(-500, 500)))) == 1000


@pytest.mark.parametrize("step", [1, 7, 1 << 20, 1 << 32, -3])
def test_keys_at_any_step_spread_over_the_slots(step: int) -> None:
    slot = numba.njit(lambda key: slot_of(key, 1023))
    slots = np.array([slot(np.int64(k * step)) for k in range(512)])
    assert slots.min() >= 0
    assert slots.max() <= 1023
    assert len(np.unique(slots)) > 0.6 * 512  # of random slots, 79 %

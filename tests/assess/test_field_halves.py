"""Halves of the field: alike full, made of whole blocks."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.assess.field_halves import make_field_halves


def test_halves_hold_alike_much_and_share_no_block() -> None:
    rng = np.random.default_rng(1)
    centers = rng.uniform(0, 5_000, (40, 2))
    x = (centers[:, None] + rng.normal(0, 60, (40, 200, 2))).reshape(-1, 2)
    halves = make_field_halves(x, least=30.0)
    block, second = halves.of(x)
    assert second.mean() == pytest.approx(0.5, abs=0.01)
    assert 72 < halves.blocks.n < 288
    for number in np.unique(block):
        assert len(np.unique(second[block == number])) == 1
        assert np.ptp(x[block == number], axis=0).max() <= halves.blocks.width * (1 + 1e-9)


def test_blocks_are_not_smaller_than_given() -> None:
    x = np.random.default_rng(1).uniform(0, 1_000, (1_000, 2))
    assert make_field_halves(x, least=400.0).blocks.width == 400.0
    assert make_field_halves(x, least=1e6).blocks.n == 1
    assert make_field_halves(x[:1], least=1.0).of(x)[1].sum() == 0


def test_the_order_of_rows_does_not_matter() -> None:
    x = np.random.default_rng(1).uniform(0, 1_000, (5_000, 2))
    shuffled = np.random.default_rng(2).permutation(len(x))
    expected = make_field_halves(x, 1.0).of(x)[1]
    np.testing.assert_array_equal(make_field_halves(x[shuffled], 1.0).of(x)[1], expected)

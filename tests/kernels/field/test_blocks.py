"""The field cut into squares."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.field.blocks import FieldBlocks, away_from_edges, make_field_blocks
from smlm_accessor.kernels.field.jackknife import effective_number


def test_squares_cover_the_field_and_what_lies_outside() -> None:
    x = np.random.default_rng(1).uniform(0, 100, (5000, 3))
    blocks = make_field_blocks(x)
    of = blocks.of(x)
    assert len(np.unique(of)) >= 49
    assert effective_number(np.bincount(of)) > 40
    assert blocks.of(np.array([[-1e9, 1e9]])).tolist() == [blocks.shape[1] - 1]


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
def test_an_empty_field_is_cut_finer(unit: float) -> None:
    rng = np.random.default_rng(2)
    centers = rng.uniform(400, 600, (40, 2))
    crowd = np.repeat(centers, 50, axis=0) + rng.normal(0, 0.1, (2000, 2))
    x = np.concatenate([crowd, rng.uniform(0, 1000, (100, 2))]) * unit
    assert effective_number(np.bincount(make_field_blocks(x).of(x))) > 6
    assert make_field_blocks(x).n > 64


def test_all_in_one_point_is_one_place() -> None:
    blocks = make_field_blocks(np.full((10, 2), 3.0))
    assert blocks.n == 1
    assert blocks.of(np.zeros((3, 2))).tolist() == [0, 0, 0]


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 100, (500, 2))
    one, other = make_field_blocks(x), make_field_blocks(rng.permutation(x))
    np.testing.assert_array_equal(one.lower, other.lower)
    assert one.width == other.width


def test_blocks_of_a_number_and_of_a_least_size() -> None:
    x = np.random.default_rng(4).uniform(0, 3000, (4000, 2))
    assert 80 < FieldBlocks.covering(x, 100).n < 130
    large = FieldBlocks.covering(x, 100, least=900.0)
    assert large.width == 900
    assert large.shape == (4, 4)
    narrow = FieldBlocks.covering(x * [1, 0], 100)
    assert narrow.shape == (100, 1)


def test_away_from_edges_by_a_margin_or_a_tenth_of_the_field() -> None:
    lower, upper = np.array([100.0, 0.0]), np.array([200.0, 1000.0])
    xy = np.array(
        [[150.0, 500], [109, 500], [111, 500], [150, 19], [150, 21], [150, 981], [191, 500]]
    )
    inside = away_from_edges(xy, lower, upper, 20.0)  # of the narrow axis a tenth
    assert np.flatnonzero(inside).tolist() == [0, 2, 4]
    assert away_from_edges(xy, lower, upper, 0.0).all()

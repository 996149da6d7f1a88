from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field import squares as lattice
from smlm_accessor.kernels.field.squares import (
    SquareCounter,
    Squares,
    add_up,
    corners,
    count_squares,
    rank_in,
)


def counted(squares: Squares) -> dict[tuple[int, int], int]:
    return {
        (int(a), int(b)): int(n) for (a, b), n in zip(squares.number, squares.count, strict=True)
    }


def twin(xy: FloatArray, level: int) -> dict[tuple[int, int], int]:
    """The same in plain numpy."""
    number, count = np.unique(np.floor(xy / 2.0**level).astype(int), axis=0, return_counts=True)
    return {(int(a), int(b)): int(n) for (a, b), n in zip(number, count, strict=True)}


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("shift", [0.0, -3e4, 1e9])
def test_squares_are_those_of_numpy(scale: float, shift: float) -> None:
    xy = np.random.default_rng(0).normal(0, scale, (30_000, 2)) + shift
    squares = count_squares(xy)
    assert len(squares.count) <= lattice.MOST
    assert counted(squares) == twin(xy, squares.level)


def test_squares_are_as_small_as_may_be() -> None:
    xy = np.random.default_rng(1).uniform(-5, 5, (50_000, 2))
    squares = count_squares(xy)
    assert len(twin(xy, squares.level - 1)) > lattice.MOST


@given(
    seed=st.integers(0, 100),
    cuts=st.lists(st.integers(0, 20_000), max_size=5),
    far=st.booleans(),
)
@settings(max_examples=25)  # each sorts 20,000 positions several times
def test_any_parts_in_any_order_give_the_same(seed: int, cuts: list[int], far: bool) -> None:
    rng = np.random.default_rng(seed)
    xy = rng.uniform(-2, 3, (20_000, 2)) ** 3
    if far:
        xy[7] = [1e7, -1e7]
    whole = count_squares(xy)
    parts = [count_squares(part) for part in np.split(rng.permutation(xy), np.sort(cuts))]
    together = add_up(parts)
    assert together.level == whole.level
    assert counted(together) == counted(whole)
    for level in (-40, whole.level):
        counter = SquareCounter(level)
        for part in np.array_split(xy, 7):
            counter.add(part, float(np.abs(part).max()))
        one_by_one = counter.squares()
        assert one_by_one.level == whole.level
        assert counted(one_by_one) == counted(whole)


def test_the_order_of_squares_does_not_depend_on_how_they_are_listed() -> None:
    squares = count_squares(np.random.default_rng(2).uniform(0, 9, (5000, 2)))
    mixed = np.random.default_rng(3).permutation(len(squares.count))
    other = Squares(squares.level, squares.number[mixed], squares.count[mixed])
    np.testing.assert_array_equal(squares.number[squares.order()], other.number[other.order()])


@pytest.mark.parametrize("far", [0, 2000])
def test_rank_says_which_square(far: int) -> None:
    """With few squares close together a table is used, else a search."""
    rng = np.random.default_rng(4)
    xy = rng.uniform(-50, 50, (3000, 2))
    xy[0], xy[1] = np.nan, [1e300, -np.inf]
    number = np.array([[-3, 4], [0, 0], [far, -far], [-1, -1]])
    squares = Squares(2, number, np.ones(4, np.int64))
    rank = rank_in(xy, squares)
    inside = np.full(len(xy), -1)
    for i, corner in enumerate(number):
        with np.errstate(invalid="ignore"):
            here = ((xy >= 4.0 * corner) & (xy < 4.0 * (corner + 1))).all(axis=1)
        inside[here] = i
    np.testing.assert_array_equal(rank, inside)


def test_corners_are_those_of_numpy() -> None:
    for d in (2, 3):
        xyz = np.random.default_rng(5).normal(size=(1000, d))
        np.testing.assert_array_equal(corners(xyz), [xyz.min(axis=0), xyz.max(axis=0)])


def test_no_localizations() -> None:
    nothing = count_squares(np.zeros((0, 2)))
    assert len(nothing.count) == 0
    some = count_squares(np.ones((3, 2)))
    assert counted(add_up([nothing, some])) == counted(some)

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.tiles import Tiles, sort_into_tiles


def table(d: int, n: int = 500) -> tuple[FloatArray, FloatArray, Tiles]:
    rng = np.random.default_rng(d)
    x = rng.uniform(-100, 100, (n, d))
    frame = np.sort(rng.integers(40, size=n)).astype(np.int32)
    drift = rng.normal(0, 5, (40, d))
    weight = rng.uniform(1, 2, n).astype(np.float32)
    size, halo = np.array([30.0, 20.0, 50.0])[:d], np.array([4.0, 6.0, 3.0])[:d]
    tiles = sort_into_tiles(x, frame, weight, drift, size=size, halo=halo)
    return x - drift[frame], frame.astype(float), tiles


@pytest.mark.parametrize("d", [2, 3])
def test_a_tile_holds_what_lies_in_and_around_it(d: int) -> None:
    y, frame, tiles = table(d)
    halo = np.array([4.0, 6.0, 3.0])[:d]
    for t, corner in enumerate(tiles.corner):
        places = slice(tiles.start[t], tiles.start[t + 1])
        near = ((y >= corner - halo) & (y < corner + tiles.size + halo)).all(axis=1)
        # In the order they had, to the precision of float32.
        np.testing.assert_allclose(tiles.where[places] + corner, y[near], atol=1e-5)
        np.testing.assert_array_equal(tiles.frame[places], frame[near])
        inside = ((y >= corner) & (y < corner + tiles.size)).all(axis=1)
        np.testing.assert_array_equal(tiles.own[places], inside[near])


@pytest.mark.parametrize("d", [2, 3])
def test_every_localization_is_at_home_in_one_tile(d: int) -> None:
    y, _, tiles = table(d)
    assert tiles.own.sum() == len(y)


@pytest.mark.parametrize("n", [1, 7, 16])
def test_blocks_hold_each_tile_once(n: int) -> None:
    _, _, tiles = table(2)
    blocks = tiles.blocks(n)
    assert len(blocks) == n
    np.testing.assert_array_equal(np.concatenate(blocks), np.arange(len(tiles.corner)))


def test_a_field_that_is_empty_nearly_everywhere() -> None:
    x = np.array([[0.0, 0, 0], [1e9, 1e9, 1e9]])
    index, one = np.zeros(2, np.int32), np.ones(2, np.float32)
    size = np.full(3, 100.0)
    tiles = sort_into_tiles(x, index, one, np.zeros((1, 3)), size=size, halo=size / 10)
    assert len(tiles.corner) == 2
    np.testing.assert_allclose(tiles.where + tiles.corner, x, atol=1e-3)


@pytest.mark.parametrize("d", [2, 3])
def test_ranges_of_rows_that_are_sorted_at_once_give_the_same(
    d: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = table(d)[2]
    monkeypatch.setattr("smlm_accessor.kernels.density.tiles._FEW", 10)
    monkeypatch.setattr("smlm_accessor.kernels.density.tiles._ROOM", 2)  # for too few tiles
    in_ranges = table(d)[2]
    for name, value in vars(at_once).items():
        np.testing.assert_array_equal(getattr(in_ranges, name), value)

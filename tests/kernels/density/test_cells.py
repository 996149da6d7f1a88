"""Positions in cells: all neighbours are in the ranges, and what is thinned out stands for all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.cells import Cells, Grid, sort_into_cells

REACH = 5.0
FIELDS = {  # flat, shallow (one layer of cells), and deep
    "flat": [100.0, 60.0],
    "line": [100.0, 0.0],
    "shallow": [60.0, 60.0, 20.0],
    "deep": [40.0, 30.0, 100.0],
}


def uniform(field: str, n: int = 400, seed: int = 1) -> FloatArray:
    size = np.array(FIELDS[field])
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (n, len(size))) * size - 1000


def of_each(cells: Cells) -> FloatArray:
    """Number of the cell, from 0, of each position in the order of cells."""
    return np.repeat(np.arange(len(cells.start) - 1), np.diff(cells.start))


@pytest.mark.parametrize("field", FIELDS)
def test_all_neighbours_are_in_the_ranges(field: str) -> None:
    positions = uniform(field)
    cells = sort_into_cells(positions, REACH, 10**6)
    np.testing.assert_array_equal(np.sort(cells.order), np.arange(len(positions)))
    np.testing.assert_array_equal(cells.kept, np.arange(len(positions)))  # nothing is thinned out
    at = positions[cells.order]
    near = (np.abs(at[:, None] - at) <= REACH).all(axis=2)
    place = np.arange(len(at))
    candidates = 0
    for i, cell in enumerate(of_each(cells)):
        ranges = [place[a:b] for a, b in zip(cells.first[cell], cells.stop[cell], strict=True)]
        around = np.concatenate(ranges)
        assert len(np.unique(around)) == len(around)  # no pair is taken twice
        assert set(np.flatnonzero(near[i])) <= set(around)
        candidates += len(around)
    if field != "line":  # a line, and a single layer, have few cells to leave out
        assert candidates < 0.5 * len(at) ** 2


@pytest.mark.parametrize("field", FIELDS)
def test_single_positions_find_the_rows_of_their_cell(field: str) -> None:
    """By the grid, also those that lie a little outside of it; what lies far away has no cell."""
    positions = uniform(field)
    cells = sort_into_cells(positions, REACH, 10**6)
    at = positions[cells.order]
    low, high = at.min(axis=0) - REACH, at.max(axis=0) + REACH
    asked = np.random.default_rng(2).uniform(low, high, (200, len(low)))
    for position, number in zip(asked, cells.grid.number(asked), strict=True):
        difference = cells.number - number
        found = (np.abs(difference[:, None] - cells.grid.rows) <= cells.grid.span[0]).any(axis=1)
        assert found[(np.abs(at - position) <= REACH).all(axis=1)].all()
    far = cells.grid.number(low[None] - 1e9)
    assert (np.abs(cells.number - far) > 10 * cells.grid.strides[-1]).all()


def test_a_shallow_volume_is_one_layer_and_a_deep_one_is_not() -> None:
    layers = {}
    for field in ("shallow", "deep"):
        grid = Grid.over(uniform(field), REACH)
        layers[field] = len(np.unique(grid.number(uniform(field)) // grid.strides[2]))
        np.testing.assert_array_equal((grid.edge * grid.span)[:2], REACH)
    assert layers["shallow"] == 1
    assert layers["deep"] == 20


def test_a_field_with_too_many_cells_gets_larger_ones() -> None:
    wide = np.array([[0.0, 0.0], [1e9, 3.0]])
    grid = Grid.over(wide, 1.0)
    assert grid.edge[0] > 900
    assert grid.edge[1] * grid.span[1] == 1
    number = grid.number(wide)
    assert (number > 0).all()
    assert 0 < number[1] % grid.strides[1] < grid.strides[1] - 1  # has a neighbour in its row


@pytest.mark.parametrize("field", FIELDS)
def test_those_kept_stand_for_all_positions_of_their_cell(field: str) -> None:
    positions = uniform(field, 20_000)
    cells = sort_into_cells(positions, REACH, 50)
    cell = of_each(cells)
    n = len(cells.start) - 1
    assert len(cells.kept) < 0.6 * len(positions)
    assert (np.bincount(cell[cells.kept], minlength=n) > 0).all()  # no cell is left without any
    totals = np.bincount(cell[cells.kept], cells.stands_for, n)
    np.testing.assert_allclose(totals, np.diff(cells.start))
    np.testing.assert_array_equal(
        cells.number, cells.grid.number(positions[cells.order])[cells.kept]
    )
    around = (cells.stop - cells.first).sum(axis=1)
    full = sort_into_cells(positions, REACH, 10**6)
    most = max(50 * cells.grid.layers, np.prod(2 * cells.grid.span + 1))  # or one of each cell
    assert np.median(around) < 1.5 * most < np.median((full.stop - full.first).sum(axis=1))


def test_those_kept_are_spread_evenly_over_the_order() -> None:
    """Rows are in the order of frames, so all times are seen alike."""
    positions = np.zeros((1_000, 2))
    cells = sort_into_cells(positions, REACH, 100)
    np.testing.assert_array_equal(cells.order[cells.kept], np.arange(0, 1_000, 10))
    np.testing.assert_array_equal(cells.stands_for, 10)


def test_blocks_hold_as_many_positions_each_and_all_once() -> None:
    cells = sort_into_cells(uniform("flat", 20_000), REACH, 50)
    blocks = cells.blocks(16)
    assert blocks[0][0] == 0
    assert blocks[-1][1] == 20_000
    assert all(a[1] == b[0] for a, b in pairwise(blocks))
    assert {b - a for a, b in blocks} == {1_250}


@pytest.mark.parametrize("field", FIELDS)
def test_a_range_of_positions_has_the_cells_of_the_whole(field: str) -> None:
    cells = sort_into_cells(uniform(field), REACH, 10**6)
    np.testing.assert_array_equal(cells.cell, of_each(cells))
    for start, stop in ((0, 1), (7, 7), (3, 250), (0, 400), (399, 400)):
        np.testing.assert_array_equal(cells.cell_of(slice(start, stop)), of_each(cells)[start:stop])


def test_positions_are_numbered_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    positions = uniform(next(iter(FIELDS)))
    grid = Grid.over(positions, REACH)
    positions[5] += 1e9
    whole = grid.number(positions)
    assert whole[5] < whole.max() - 2**61
    monkeypatch.setattr("smlm_accessor.kernels.density.cells.AT_ONCE", 7)
    np.testing.assert_array_equal(grid.number(positions), whole)

"""Places in the field, beside loops over cells."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.field.places import Places


def test_cells_are_those_of_the_positions() -> None:
    rng = np.random.default_rng(1)
    positions, width = rng.normal(0, 50, (400, 3)), np.array([10.0, 20.0])
    places = Places.of(positions, width)
    np.testing.assert_array_equal(
        places.at[places.of_row], np.floor(positions[:, :2] / width).astype(int)
    )
    assert len(np.unique(places.at, axis=0)) == len(places.at)


def test_the_highest_and_those_around_it() -> None:
    rng = np.random.default_rng(2)
    positions, values = rng.uniform(-50, 50, (300, 2)), rng.normal(0, 1, 300)
    places = Places.of(positions, 10.0)
    sums = {tuple(c): 0.0 for c in places.at.tolist()}
    for cell, value in zip(np.floor(positions / 10).astype(int).tolist(), values, strict=True):
        sums[tuple(cell)] += value
    best = max(sums, key=lambda cell: sums[cell])
    highest = places.highest(values)
    assert tuple(places.at[highest]) == best
    around = [abs(x - best[0]) <= 1 and abs(y - best[1]) <= 1 for x, y in places.at.tolist()]
    np.testing.assert_array_equal(places.around(highest), around)


def test_some_positions_keep_their_cells() -> None:
    positions = np.array([[0.5, 0.5], [1.5, 0.5], [1.6, 0.5]])
    places = Places.of(positions, 1.0).some(np.array([False, True, True]))
    assert places.sums(np.array([2.0, 3.0])).tolist() == [0.0, 5.0]
    assert Places.of(positions[:0], 1.0).sums(np.zeros(0)).tolist() == []

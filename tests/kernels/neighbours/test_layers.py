"""Neighbours in layers, against all distances."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.neighbours.layers import LayerNeighbours

N = 400


@pytest.mark.parametrize("n_layers", [3, 60])
@pytest.mark.parametrize("ahead", [0, 1])
def test_neighbours_are_those_of_all_distances(n_layers: int, ahead: int) -> None:
    rng = np.random.default_rng(n_layers)
    positions, layer = rng.uniform(0, 50, (N, 3)), rng.integers(n_layers, size=N)
    layer[layer == 1] = 0  # an empty one
    square = ((positions[:, None, :2] - positions[:, :2]) ** 2).sum(axis=2)
    among = layer[:, None] + ahead == layer
    square[~among | np.eye(N, dtype=bool)] = np.inf
    row, nearest, within = LayerNeighbours.of(positions, layer).nearest(ahead, 5.0)
    np.testing.assert_allclose(nearest, square.min(axis=1), rtol=1e-12)
    some = np.isfinite(nearest)
    np.testing.assert_array_equal(row[some], square.argmin(axis=1)[some])
    assert (row[~some] == -1).all()
    np.testing.assert_array_equal(within, (square <= 25.0).sum(axis=1))
    for one, every in zip(
        (row, nearest, within),
        LayerNeighbours.of(positions, layer).nearest(ahead, 5.0, every=4),
        strict=True,
    ):
        np.testing.assert_array_equal(one[::4], every[::4])
    radii = np.array([1.0, 3.0, 9.0])
    pairs = np.triu((layer[:, None] == layer), 1)
    far = ((positions[:, None, :2] - positions[:, :2]) ** 2).sum(axis=2)
    expected = [(pairs & (far <= r**2)).sum() for r in radii]
    assert LayerNeighbours.of(positions, layer).pairs(radii).tolist() == expected


def test_the_same_position_twice_is_a_neighbour() -> None:
    layers = LayerNeighbours.of(np.zeros((3, 2)), np.array([0, 0, 5]))
    row, square, _ = layers.nearest(0)
    assert row.tolist() == [1, 0, -1]
    assert square.tolist() == [0.0, 0.0, np.inf]

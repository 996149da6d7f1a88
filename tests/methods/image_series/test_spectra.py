"""Transforms of the images of chunks."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.images.grid import make_grid
from smlm_accessor.methods.image_series import spectra
from smlm_accessor.methods.image_series.spectra import (
    ImageTiles,
    SpectrumOfRows,
    sample_chunks,
    summarize,
)

GRID = make_grid(np.zeros(2), np.full(2, 9.0), bin_size=0.5, smoothing=0.7, max_shift=np.ones(2))


@pytest.mark.parametrize("tiled", [False, True])
def test_transforms_add_and_are_the_same_on_demand(
    tiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(1).uniform(0, 9, (600, 2))
    tiles = ImageTiles.of_width(x, 4.0) if tiled else None
    image = SpectrumOfRows(x, GRID, tiles)
    one, two, both = (
        summarize(image, np.array(bounds)) for bounds in ([0, 200, 600], [0, 200, 600], [0, 600])
    )
    np.testing.assert_allclose(one[0] + one[1], both[0], atol=1e-3)
    monkeypatch.setattr(spectra, "MAX_BYTES", 0)
    again = summarize(image, np.array([0, 200, 600]))
    assert not isinstance(again, list)
    for k in range(2):
        np.testing.assert_array_equal(again[k], two[k])


def test_tiles_are_squares() -> None:
    x = np.random.default_rng(2).uniform(-50, 50, (3000, 3))
    tiles = ImageTiles.of_width(x, 20.0)
    assert tiles.n == tiles.number.max() + 1
    for k in range(tiles.n):
        assert (np.ptp(x[tiles.number == k, :2], axis=0) <= 20).all()


def test_sampled_chunks_are_large_and_apart() -> None:
    counts = np.array([0, 100, 100, 3, 100, 100, 100, 2, 100, 0])
    bounds = np.append(0, np.cumsum(counts))
    rows = sample_chunks(bounds, counts)
    chosen = [int(np.searchsorted(bounds, s.start, side="right")) - 1 for s in rows]
    assert chosen == [4, 2, 6]

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import RIM
from smlm_accessor.kernels.images.slope_sums import sums_under


def grid(width: float, height: float) -> PixelGrid:
    return make_grid(
        np.zeros(2), np.array([width, height]), bin_size=3.0, smoothing=4.0, max_shift=np.ones(2)
    )


def twin(image: FloatArray, pixels: PixelGrid, x: FloatArray) -> FloatArray:
    """The image under each position in the field, in plain numpy."""
    u = (x - pixels.corner) / pixels.bin_size
    low = np.floor(u).astype(int)
    part = u - low
    values = np.zeros((len(x), 2))
    planes = image.reshape(*pixels.bins, 2)
    for i in (0, 1):
        for j in (0, 1):
            share = np.abs(1 - i - part[:, 0]) * np.abs(1 - j - part[:, 1])
            at = np.minimum(low + np.array([i, j]), np.array(pixels.bins) - 1)
            values += share[:, None] * planes[at[:, 0], at[:, 1]]
    return values


@pytest.mark.parametrize(("width", "height"), [(100.0, 80.0), (100.0, 0.0), (0.0, 80.0)])
def test_sums_are_those_of_numpy(width: float, height: float) -> None:
    rng = np.random.default_rng(0)
    pixels = grid(width, height)
    image = rng.normal(size=(pixels.bins[0] * pixels.bins[1], 2)).astype(np.float32)
    size = np.array([width, height])
    shift = np.where(size > 0, [2.0, -3.0], 0.0)
    positions = rng.uniform(-0.1, 1.1, (5000, 2)) * size + shift
    found = sums_under(image, pixels, positions, shift)
    x = positions - shift
    inside = ((x >= 0) & (x <= size)).all(axis=1)
    values = twin(image, pixels, x[inside])
    np.testing.assert_allclose(found.total, values.sum(axis=0), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found.squares, np.square(values).sum(axis=0), rtol=1e-5)
    rim = size / RIM
    inner = ((x >= rim) & (x <= size - rim)).all(axis=1)
    assert (found.within, found.inner) == (inside.sum(), inner.sum())

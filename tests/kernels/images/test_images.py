"""Images of localizations, and their transforms."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import (
    background,
    count,
    field_spectrum,
    keep,
    spread,
    transform,
    with_background,
)


def grid_for(smoothing: float = 0.5) -> PixelGrid:
    return make_grid(
        np.zeros(2),
        np.array([10.0, 7.0]),
        bin_size=0.5,
        smoothing=smoothing,
        max_shift=np.full(2, 3.0),
    )


def uniform(n: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform([0, 0], [10, 7], (n, 2))


def test_counts_are_shared_linearly() -> None:
    grid, points = grid_for(), uniform(200)
    expected = np.zeros(grid.bins)
    rows, columns = (
        grid.corner[axis] + grid.bin_size * np.arange(grid.bins[axis]) for axis in (0, 1)
    )
    for x, y in points:
        share = np.maximum(1 - np.abs(rows - x) / grid.bin_size, 0)
        expected += np.outer(share, np.maximum(1 - np.abs(columns - y) / grid.bin_size, 0))
    image = count(points, grid)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[0], expected, atol=1e-4)


def test_outside_does_not_count_and_tiles_are_apart() -> None:
    grid, points = grid_for(), np.array([[1.0, 1.0], [5.0, 5.0], [-1.0, 3.0], [3.0, 8.0]])
    image = count(points, grid, tiles=np.array([0, 2, 1, 1]), n_tiles=3)
    np.testing.assert_allclose(image.sum(axis=(1, 2)), [1, 0, 1], atol=1e-6)


def test_the_transform_is_numpys_less_the_background() -> None:
    grid, image = grid_for(), count(uniform(500), grid_for())
    spectra = with_background(transform(image, grid), grid)
    first, last = grid.modes
    rows = np.r_[0 : first + 1, -first:0]
    expected = np.fft.rfft2(image[0], s=grid.padded)[rows][:, : last + 1]
    np.testing.assert_allclose(spectra[0], expected, rtol=1e-3, atol=1e-2)


def test_an_even_image_is_all_background() -> None:
    """Localizations spread evenly leave nothing but noise; frequency zero keeps their number."""
    grid = grid_for()
    n = 200_000
    image = count(uniform(n), grid)
    assert background(image, grid)[0] == pytest.approx(n, rel=0.02)
    spectra = transform(image, grid)[0]
    assert spectra[0, 0].real == pytest.approx(n)
    rest = np.abs(spectra).ravel()[1:]
    assert rest.max() < 0.02 * n
    assert np.abs(n * field_spectrum(grid)).ravel()[1:].max() > 0.3 * n


def test_transforms_of_parts_add_up() -> None:
    grid, points = grid_for(), uniform(300)
    parts = [transform(count(p, grid), grid) for p in (points[:100], points[100:])]
    whole = transform(count(points, grid), grid)
    np.testing.assert_allclose(parts[0] + parts[1], whole, atol=1e-3)


def test_spread_undoes_keep() -> None:
    rng = np.random.default_rng(1)
    kept = (rng.normal(size=(2, 7, 5)) + 1j * rng.normal(size=(2, 7, 5))).astype(np.complex64)
    wide = spread(kept, (3, 4), (20, 16))
    assert wide.shape == (2, 20, 9)
    np.testing.assert_array_equal(keep(wide, (3, 4)), kept)
    assert np.count_nonzero(wide) == kept.size

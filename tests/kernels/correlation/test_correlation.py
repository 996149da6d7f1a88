"""The maximum of a correlation, beside sums over all pairs of points."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import HIGH_PASS, Correlator, cross
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import Spectrum, count, transform

SMOOTHING = 0.3
RANGE = np.full(2, 4.0)


def grid_for(bin_size: float = 0.1) -> PixelGrid:
    return make_grid(
        np.zeros(2), np.full(2, 20.0), bin_size=bin_size, smoothing=SMOOTHING, max_shift=RANGE
    )


def spectrum(points: FloatArray, grid: PixelGrid) -> Spectrum:
    return transform(count(points, grid), grid)


def points(n: int = 60, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(5, 15, (n, 2))


def direct(first: FloatArray, second: FloatArray, shift: FloatArray) -> float:
    """The correlation at a shift: a sum over pairs."""
    squared = ((second - first[:, None] - shift) ** 2).sum(axis=2)
    total = 0.0
    for sign, width in ((1, SMOOTHING), (-1, HIGH_PASS * SMOOTHING)):
        variance = width**2
        total += sign * (np.exp(-squared / 2 / variance) / (2 * np.pi * variance)).sum()
    return total


@pytest.mark.parametrize("shift", [[0.0, 0.0], [0.73, -1.0], [-3.2, 2.9]])
def test_a_known_shift_is_found(shift: list[float]) -> None:
    grid = grid_for()
    product = cross(spectrum(points(), grid), spectrum(points() + shift, grid))
    peak = Correlator(grid, SMOOTHING).locate(product, RANGE)
    assert peak.found
    assert peak.quality > 7
    np.testing.assert_allclose(peak.shift, shift, atol=0.01)


def test_the_maximum_is_that_of_the_sum_over_pairs() -> None:
    rng = np.random.default_rng(1)
    first = points(80)
    second = first + np.array([0.4, -0.6]) + rng.normal(0, 0.2, first.shape)
    grid = grid_for(0.05)
    shift = (
        Correlator(grid, SMOOTHING).locate(
            cross(spectrum(first, grid), spectrum(second, grid)), RANGE
        )
    ).shift
    best = direct(first, second, shift)
    for step in ([0.02, 0], [-0.02, 0], [0, 0.02], [0, -0.02]):
        assert direct(first, second, shift + step) < best


def test_unrelated_images_have_no_clear_maximum() -> None:
    grid = grid_for()
    correlator = Correlator(grid, SMOOTHING)
    for seed in range(1, 20, 2):
        product = cross(spectrum(points(300, seed), grid), spectrum(points(300, seed + 1), grid))
        assert correlator.locate(product, RANGE).quality < 7


def test_a_maximum_at_the_edge_of_the_range_is_not_found() -> None:
    grid = grid_for()
    product = cross(spectrum(points(), grid), spectrum(points() + np.array([1.0, 0.0]), grid))
    correlator = Correlator(grid, SMOOTHING)
    assert correlator.locate(product, np.full(2, 2.0)).found
    assert not correlator.locate(product, np.full(2, 1.0)).found


def test_phase_moves_an_image_back() -> None:
    grid = grid_for()
    correlator = Correlator(grid, SMOOTHING)
    shift = np.array([1.3, -0.4])
    first, second = spectrum(points(), grid), spectrum(points() + shift, grid)
    peak = correlator.locate(cross(first, second * correlator.phase(shift)), RANGE)
    np.testing.assert_allclose(peak.shift, 0, atol=0.01)


def test_refine_climbs_to_the_same_place() -> None:
    grid = grid_for()
    correlator = Correlator(grid, SMOOTHING)
    product = cross(spectrum(points(), grid), spectrum(points() + np.array([0.73, -1.0]), grid))
    top = correlator.locate(product, RANGE).shift
    np.testing.assert_allclose(
        correlator.refine(product, top + np.array([0.1, -0.1])), top, atol=1e-4
    )


def test_stacks_are_summed() -> None:
    grid = grid_for()
    stack = np.concatenate([spectrum(points(seed=s), grid) for s in (1, 2)])
    moved = np.concatenate([spectrum(points(seed=s) + 0.5, grid) for s in (1, 2)])
    parts = [cross(stack[i : i + 1], moved[i : i + 1]) for i in (0, 1)]
    np.testing.assert_allclose(cross(stack, moved), parts[0] + parts[1], rtol=1e-4, atol=1e-2)

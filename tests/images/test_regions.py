"""Which places are shown."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smlm_accessor._typing import FloatArray
from smlm_accessor.images.regions import richest_region, whole_field, zoomed

FIELD = np.array([0.0, 0.0]), np.array([20_000.0, 20_000.0])
SIGMA = 5.0
PIXELS = 400, 300


def scattered(rng: np.random.Generator, n: int = 5000) -> FloatArray:
    return rng.uniform(*FIELD, (n, 2))


def molecules(rng: np.random.Generator, middle: tuple[float, float], n: int = 30) -> FloatArray:
    """Sharp structure: molecules within 200 nm, seen 20 times each."""
    sites = rng.uniform(-200, 200, (n, 2)) + middle
    return np.repeat(sites, 20, axis=0) + rng.normal(0, SIGMA, (20 * n, 2))


def test_the_sharp_structure_is_shown_and_not_what_is_merely_dense() -> None:
    rng = np.random.default_rng(1)
    sharp = molecules(rng, (15_000.0, 4_000.0))
    smear = rng.uniform(-400, 400, (4 * len(sharp), 2)) + np.array([3_000, 15_000])
    bead = rng.normal(0, SIGMA, (10 * len(sharp), 2)) + np.array([10_000, 10_000])
    positions = np.concatenate([scattered(rng), sharp, smear, bead])
    field = whole_field(*FIELD, SIGMA, 800)
    middle, smallest = zoomed(field.grid, positions, SIGMA, 0.0, PIXELS)
    for region in (middle, smallest):
        assert (np.abs(region.grid.corner + region.grid.size / 2 - (15_000, 4_000)) < 500).all()
    assert middle.grid.size == pytest.approx([0.1 * field.grid.size.max()] * 2)
    assert smallest.grid.size == pytest.approx([50 * SIGMA] * 2)
    assert smallest.smoothing * smallest.grid.bin_size == pytest.approx(SIGMA / 2)


def test_what_was_spread_fits_in() -> None:
    rng = np.random.default_rng(1)
    positions = np.concatenate([scattered(rng), molecules(rng, (5_000.0, 5_000.0))])
    field = whole_field(*FIELD, SIGMA, 800)
    assert zoomed(field.grid, positions, SIGMA, 400.0, PIXELS)[1].grid.size[0] > 400
    assert zoomed(field.grid, positions, SIGMA, 1e9, PIXELS)[1].grid.size[0] <= 150 * SIGMA


@example(points=[(0.0, 17179869184.0)], precision=2e-06, spread=0.0)
@given(
    st.lists(st.tuples(*[st.floats(-1e12, 1e12)] * 2), min_size=1, max_size=30),
    st.none() | st.floats(1e-6, 1e6),
    st.floats(0, 1e6),
)
def test_each_region_lies_in_the_one_before(
    points: list[tuple[float, float]], precision: float | None, spread: float
) -> None:
    positions = np.array(points).round(3)
    regions = [whole_field(positions.min(axis=0), positions.max(axis=0), precision, 100)]
    regions += zoomed(regions[0].grid, positions, precision, spread, (60, 50))
    slack = 1e-9 * max(np.abs(positions).max(), regions[0].grid.size.max())
    for outer, inner in pairwise(region.grid for region in regions):
        assert inner.size.max() < outer.size.max()
        assert (inner.size > 0).all()
        # The second may be wider than a narrow field is; then it is about its middle.
        if (inner.size <= outer.size).all():
            assert (inner.corner >= outer.corner - slack).all()
            assert (inner.corner + inner.size <= outer.corner + outer.size + slack).all()
    for region in regions:
        assert max(region.grid.shape) <= 101
        assert 0 < region.smoothing <= 2


def test_no_localization_in_the_field() -> None:
    field = whole_field(*FIELD, SIGMA, 800)
    assert zoomed(field.grid, np.full((3, 2), 1e6), SIGMA, 0.0, PIXELS) == []


# In a coarse image.


def test_the_richest_region_is_not_the_brightest() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(1.0, (60, 80))  # even ground
    counts[10, 10] = 100_000  # a bead
    for row, column in rng.integers(0, 12, (25, 2)):
        counts[40 + row, 60 + column] += 40
    (x0, x1), (y0, y1) = richest_region(counts, corner=(0, 0), bin_size=1.0, side=16.0)
    assert (x1 - x0, y1 - y0) == (16.0, 16.0)
    assert x0 <= 61
    assert x1 >= 71
    assert y0 <= 41
    assert y1 >= 51


@given(st.integers(1, 12), st.integers(1, 12), st.floats(0.1, 40), st.integers(0, 2**32 - 1))
def test_the_region_lies_within_the_field(high: int, wide: int, side: float, seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(1.0, (high, wide))
    (x0, x1), (y0, y1) = richest_region(counts, corner=(5.0, -3.0), bin_size=2.0, side=side)
    assert 5 <= x0 < x1 <= 5 + 2 * wide
    assert -3 <= y0 < y1 <= -3 + 2 * high
    assert x1 - x0 == min(2 * max(1, round(side / 2)), 2 * wide)
    assert y1 - y0 == min(2 * max(1, round(side / 2)), 2 * high)


def test_hardly_any_square_has_more_contrast() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.5, (300, 400))
    np.add.at(counts, tuple(rng.integers(0, 300, (2, 900))), rng.integers(5, 60, 900))
    (x0, x1), (y0, y1) = richest_region(counts, corner=(0, 0), bin_size=1.0, side=40.0)
    seen = np.log1p(counts)
    contrast = np.zeros(counts.shape)
    contrast[:, 1:] += np.diff(seen, axis=1) ** 2
    contrast[1:] += np.diff(seen, axis=0) ** 2
    sums = np.lib.stride_tricks.sliding_window_view(contrast, (40, 40)).sum(axis=(2, 3))
    assert contrast[int(y0) : int(y1), int(x0) : int(x1)].sum() > 0.9 * sums.max()

"""Which places are shown."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor._typing import FloatArray
from smlm_accessor.report.regions import whole_field, zoomed

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
    middle, smallest = zoomed(field, positions, SIGMA, 0.0, PIXELS)
    for region in (middle, smallest):
        assert (np.abs(region.corner + region.size / 2 - (15_000, 4_000)) < 500).all()
    assert middle.size == pytest.approx([0.1 * field.size.max()] * 2)
    assert smallest.size == pytest.approx([50 * SIGMA] * 2)
    assert smallest.smoothing * smallest.pixel == pytest.approx(SIGMA / 2)


def test_what_was_drawn_out_fits_in() -> None:
    rng = np.random.default_rng(1)
    positions = np.concatenate([scattered(rng), molecules(rng, (5_000.0, 5_000.0))])
    field = whole_field(*FIELD, SIGMA, 800)
    assert zoomed(field, positions, SIGMA, 400.0, PIXELS)[1].size[0] > 400
    assert zoomed(field, positions, SIGMA, 1e9, PIXELS)[1].size[0] <= 150 * SIGMA


@given(
    st.lists(st.tuples(*[st.floats(-1e12, 1e12)] * 2), min_size=1, max_size=30),
    st.none() | st.floats(1e-6, 1e6),
    st.floats(0, 1e6),
)
def test_each_place_lies_in_the_one_before(
    points: list[tuple[float, float]], precision: float | None, drawn_out: float
) -> None:
    positions = np.array(points).round(3)
    regions = [whole_field(positions.min(axis=0), positions.max(axis=0), precision, 100)]
    regions += zoomed(regions[0], positions, precision, drawn_out, (60, 50))
    slack = 1e-9 * max(np.abs(positions).max(), regions[0].size.max())
    for outer, inner in pairwise(regions):
        assert inner.size.max() < outer.size.max()
        assert (inner.size > 0).all()
        # The second may be wider than a narrow field is; then it is about its middle.
        if (inner.size <= outer.size).all():
            assert (inner.corner >= outer.corner - slack).all()
            assert (inner.corner + inner.size <= outer.corner + outer.size + slack).all()
    for region in regions:
        assert max(region.shape) <= 101
        assert 0 < region.smoothing <= 2


def test_no_localization_in_the_field() -> None:
    field = whole_field(*FIELD, SIGMA, 800)
    assert zoomed(field, np.full((3, 2), 1e6), SIGMA, 0.0, PIXELS) == []

"""Shifts from a map of slopes, beside those from correlations."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator, cross
from smlm_accessor.kernels.images.grid import make_grid
from smlm_accessor.kernels.images.images import count, transform
from smlm_accessor.kernels.images.slopes import SlopeMap, slope_grid

SMOOTHING = 0.4
GRID = slope_grid(np.zeros(2), np.full(2, 20.0), bin_size=0.1, smoothing=SMOOTHING)


def image(rng: np.random.Generator, n: int) -> FloatArray:
    centers = np.random.default_rng(0).uniform(3, 17, (30, 2))
    return centers[rng.integers(30, size=n)] + rng.normal(0, 0.25, (n, 2))


def test_the_same_maximum_as_that_of_the_correlation() -> None:
    rng = np.random.default_rng(1)
    reference, moving = image(rng, 3000), image(rng, 400) + np.array([0.2, -0.1])
    landing = SlopeMap(reference, GRID, SMOOTHING).land(moving)
    reach = np.full(2, 2.0)
    grid = make_grid(
        np.zeros(2), np.full(2, 20.0), bin_size=0.1, smoothing=SMOOTHING, max_shift=reach
    )
    product = cross(*(transform(count(p, grid), grid) for p in (reference, moving)))
    peak = Correlator(grid, SMOOTHING).locate(product, reach)
    np.testing.assert_allclose(landing.shift, peak.shift, atol=0.005)


def test_the_variance_is_as_predicted() -> None:
    rng = np.random.default_rng(2)
    reference = SlopeMap(image(rng, 20_000), GRID, SMOOTHING)
    landings = [reference.land(image(rng, 200)) for _ in range(150)]
    shifts = np.array([landing.shift for landing in landings])
    predicted = np.mean([landing.variance for landing in landings], axis=0)
    np.testing.assert_allclose(shifts.var(axis=0) / predicted, 1, atol=0.35)


def test_pairs_have_part_of_the_variance() -> None:
    rng = np.random.default_rng(3)
    for n, least, most in ((200, 0.2, 1.0), (20_000, 0.0, 0.05)):
        landing = SlopeMap(image(rng, n), GRID, SMOOTHING, pairs=True).land(image(rng, 200))
        part = landing.pair_variance / landing.variance
        assert ((part > least) & (part < most)).all()


def test_no_maximum_nearby_is_nan() -> None:
    reference = SlopeMap(np.array([[10.0, 10.0]]), GRID, SMOOTHING)
    assert np.isnan(reference.land(np.array([[10.0, 11.0]])).shift).all()


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_matter(workers: int) -> None:
    rng = np.random.default_rng(4)
    reference, moving = image(rng, 1000), image(rng, 300)
    one = SlopeMap(reference, GRID, SMOOTHING).land(moving)
    other = SlopeMap(reference, GRID, SMOOTHING, workers=workers).land(moving)
    np.testing.assert_array_equal(one.shift, other.shift)
    np.testing.assert_array_equal(one.variance, other.variance)

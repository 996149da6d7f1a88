"""Shifts from a map of slopes, beside those from correlations."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import Correlator, cross
from smlm_accessor.kernels.correlation.peak_precision import PeakMatch
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import RIM, count, transform
from smlm_accessor.kernels.images.slope_image import (
    ImageSums,
    Points,
    SlopeImage,
    slope_grid,
    sums_under,
)

SMOOTHING = 0.4
GRID = slope_grid(np.zeros(2), np.full(2, 20.0), bin_size=0.1, smoothing=SMOOTHING)


def image(rng: np.random.Generator, n: int) -> FloatArray:
    centers = np.random.default_rng(0).uniform(3, 17, (30, 2))
    return centers[rng.integers(30, size=n)] + rng.normal(0, 0.25, (n, 2))


def test_the_same_maximum_as_that_of_the_correlation() -> None:
    rng = np.random.default_rng(1)
    reference, moving = image(rng, 3000), image(rng, 400) + np.array([0.2, -0.1])
    match = matched(SlopeImage(reference, GRID, SMOOTHING), moving)
    reach = np.full(2, 2.0)
    grid = make_grid(
        np.zeros(2), np.full(2, 20.0), bin_size=0.1, smoothing=SMOOTHING, max_shift=reach
    )
    product = cross(*(transform(count(p, grid), grid) for p in (reference, moving)))
    peak = Correlator(grid, SMOOTHING).locate(product, reach)
    np.testing.assert_allclose(match.shift, peak.shift, atol=0.005)


@pytest.mark.parametrize("away", [0.02, 0.3])
def test_the_shift_is_where_the_slope_is_none(away: float) -> None:
    """However far it starts, in smoothing lengths: of short steps the same change is used twice."""
    rng = np.random.default_rng(7)
    slopes, moving = SlopeImage(image(rng, 3000), GRID, SMOOTHING), image(rng, 400)
    moving -= matched(slopes, moving).shift
    shift = np.array([away, -away / 2]) * SMOOTHING
    found = matched(slopes, moving + shift)
    np.testing.assert_allclose(found.shift, shift, atol=2e-4 * SMOOTHING)
    np.testing.assert_allclose(found.variance, matched(slopes, moving).variance, rtol=0.01)


def test_the_variance_is_as_predicted() -> None:
    rng = np.random.default_rng(2)
    reference = SlopeImage(image(rng, 20_000), GRID, SMOOTHING)
    matches = [matched(reference, image(rng, 200)) for _ in range(150)]
    shifts = np.array([match.shift for match in matches])
    predicted = np.mean([match.variance for match in matches], axis=0)
    np.testing.assert_allclose(shifts.var(axis=0) / predicted, 1, atol=0.35)


def test_pairs_have_part_of_the_variance() -> None:
    rng = np.random.default_rng(3)
    for n, least, most in ((200, 0.2, 1.0), (20_000, 0.0, 0.05)):
        match = matched(SlopeImage(image(rng, n), GRID, SMOOTHING, pairs=True), image(rng, 200))
        part = match.pair_variance / match.variance
        assert ((part > least) & (part < most)).all()


def test_no_maximum_nearby_gives_none() -> None:
    reference = SlopeImage(np.array([[10.0, 10.0]]), GRID, SMOOTHING)
    assert reference.match(np.array([[10.0, 11.0]])) is None


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_matter(workers: int) -> None:
    rng = np.random.default_rng(4)
    reference, moving = image(rng, 1000), image(rng, 300)
    one = matched(SlopeImage(reference, GRID, SMOOTHING), moving)
    other = matched(SlopeImage(reference, GRID, SMOOTHING, workers=workers), moving)
    np.testing.assert_array_equal(one.shift, other.shift)
    np.testing.assert_array_equal(one.variance, other.variance)


def test_influence_is_the_shift_without_each_block() -> None:
    rng = np.random.default_rng(5)
    reference, moving = image(rng, 3000), image(rng, 1500)
    blocks = FieldBlocks.covering(reference, 9)
    slopes = SlopeImage(reference, GRID, SMOOTHING)
    match = matched(slopes, moving, blocks)
    of = blocks.of(moving - match.shift)
    left_out = [matched(slopes, moving[of != k]).shift - match.shift for k in range(blocks.n)]
    assert np.corrcoef(match.influence.ravel(), np.ravel(left_out))[0, 1] > 0.97


def test_parts_do_not_know_of_each_other() -> None:
    rng = np.random.default_rng(6)
    slopes = SlopeImage(image(rng, 3000), GRID, SMOOTHING, pairs=True)
    blocks = FieldBlocks.covering(image(rng, 3000), 9)
    far = np.array([[1.0, 1.0]])
    parts = [image(rng, 500) + 0.2, far, image(rng, 900) - 0.1]
    one, none, other = slopes.match_each(parts, blocks)
    assert none is None
    for match, part in ((one, parts[0]), (other, parts[2])):
        assert match is not None
        for found, expected in zip(match, matched(slopes, part, blocks), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-9, equal_nan=True)


def matched(
    slopes: SlopeImage, positions: FloatArray, blocks: FieldBlocks | None = None
) -> PeakMatch:
    match = slopes.match(positions, blocks)
    assert match is not None
    return match


def field_grid(width: float, height: float) -> PixelGrid:
    return make_grid(
        np.zeros(2), np.array([width, height]), bin_size=3.0, smoothing=4.0, max_shift=np.ones(2)
    )


def interpolated(image: FloatArray, pixels: PixelGrid, x: FloatArray) -> FloatArray:
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
    pixels = field_grid(width, height)
    image = rng.normal(size=(pixels.bins[0] * pixels.bins[1], 2)).astype(np.float32)
    size = np.array([width, height])
    shift = np.where(size > 0, [2.0, -3.0], 0.0)
    positions = rng.uniform(-0.1, 1.1, (5000, 2)) * size + shift
    parts = [positions[:1000], positions[1000:]]
    shifts = np.array([[shift + 2, shift - 1], [shift + 1, shift]])
    (points,) = Points.of(parts, pixels)
    both = sums_under(image, pixels, points, shifts)
    found = ImageSums(*(values[1] for values in both))
    x = parts[1] - shift
    inside = ((x >= 0) & (x <= size)).all(axis=1)
    values = interpolated(image, pixels, x[inside])
    np.testing.assert_allclose(found.total[1], values.sum(axis=0), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(found.squares[1], np.square(values).sum(axis=0), rtol=1e-5)
    rim = size / RIM
    inner = ((x >= rim) & (x <= size - rim)).all(axis=1)
    assert (found.within[1], found.inner[1]) == (inside.sum(), inner.sum())

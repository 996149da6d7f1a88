"""Predicted variances of shifts, beside those seen."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import HIGH_PASS, Correlator, cross
from smlm_accessor.kernels.correlation.peak_precision import (
    PeakMatcher,
    PeakSignificance,
    about_mean,
)
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.images.grid import make_grid
from smlm_accessor.kernels.images.images import Spectrum, count, transform

SMOOTHING = 0.4
RANGE = np.full(2, 3.0)
GRID = make_grid(np.zeros(2), np.full(2, 20.0), bin_size=0.2, smoothing=SMOOTHING, max_shift=RANGE)
CORRELATOR = Correlator(GRID, SMOOTHING)
MATCHER = PeakMatcher(CORRELATOR, RANGE, PeakSignificance())


def spectrum(points: FloatArray) -> Spectrum:
    return transform(count(points, GRID), GRID)


def image(rng: np.random.Generator, n: int) -> FloatArray:
    """Localizations of 30 clusters, always the same."""
    centers = np.random.default_rng(0).uniform(3, 17, (30, 2))
    return centers[rng.integers(30, size=n)] + rng.normal(0, [0.2, 0.4], (n, 2))


def test_the_variance_of_a_shift_is_as_predicted() -> None:
    """On a reference with many localizations, the moving image causes all of it."""
    rng = np.random.default_rng(1)
    reference = spectrum(image(rng, 30_000))
    slopes = MATCHER.of(reference)
    found = [MATCHER.match(reference, spectrum(image(rng, 300)), slopes) for _ in range(150)]
    shifts = np.array([m.shift for m in found if m is not None])
    assert len(shifts) == 150
    predicted = np.mean([m.variance for m in found if m is not None], axis=0)
    np.testing.assert_allclose(shifts.var(axis=0) / predicted, 1, atol=0.35)
    assert predicted[1] > 2 * predicted[0]


@pytest.mark.parametrize("least", [PeakSignificance(7.0), PeakSignificance(7.0, 8.0)])
def test_a_shift_by_itself_is_that_of_the_match(least: PeakSignificance) -> None:
    rng = np.random.default_rng(3)
    matcher, reference = PeakMatcher(CORRELATOR, RANGE, least), spectrum(image(rng, 3_000))
    found = 0
    for n in (5, 50, 500):
        for noise in (0, 3_000):
            points = np.concatenate([image(rng, n), rng.uniform(0, 20, (noise, 2))])
            moving = spectrum(points + np.array([0.7, -0.3]))
            match, shift = matcher.match(reference, moving), matcher.locate(reference, moving)
            assert (match is None) == (shift is None)
            if match is not None:
                found += 1
                np.testing.assert_array_equal(match.shift, shift)
    assert 0 < found < 6


def test_curvature_and_slopes_agree_with_sums_over_pairs() -> None:
    rng = np.random.default_rng(2)
    first, second = (image(rng, 80) for _ in range(2))
    fine = make_grid(
        np.zeros(2), np.full(2, 20.0), bin_size=0.05, smoothing=SMOOTHING, max_shift=RANGE
    )
    matcher = PeakMatcher(Correlator(fine, SMOOTHING), RANGE, PeakSignificance())
    a, b = (transform(count(p, fine), fine) for p in (first, second))
    u = second - first[:, None]
    slope, curvature = np.zeros((80, 2)), np.zeros(2)
    for sign, width in ((1, SMOOTHING), (-1, HIGH_PASS * SMOOTHING)):
        v = width**2
        g = sign * np.exp(-(u**2).sum(axis=2) / 2 / v) / (2 * np.pi * v)
        slope += (-u / v * g[..., None]).sum(axis=0)
        curvature += ((1 - u**2 / v) / v * g[..., None]).sum(axis=(0, 1))
    scale = fine.bin_size**2  # of a density to counts in pixels
    np.testing.assert_allclose(matcher.curvature(cross(a, b)), curvature * scale, rtol=0.03)
    expected = (slope**2).sum(axis=0) / curvature**2
    found = matcher.variance(
        matcher.squared(matcher.correlator.slopes(a)), b, matcher.curvature(cross(a, b))
    )
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_part_of_the_variance_is_the_pairs() -> None:
    rng = np.random.default_rng(3)
    few, many = spectrum(image(rng, 200)), spectrum(image(rng, 20_000))
    for reference, least, most in ((few, 0.2, 1.0), (many, 0.0, 0.05)):
        match = MATCHER.match(reference, spectrum(image(rng, 200)), pairs=True)
        assert match is not None
        part = match.pair_variance / match.variance
        assert ((part > least) & (part < most)).all()


def test_what_is_not_significant_is_no_match() -> None:
    rng = np.random.default_rng(4)
    first, other = (spectrum(rng.uniform(2, 18, (200, 2))) for _ in range(2))
    for significance in (PeakSignificance(quality=7.0), PeakSignificance(sharpness=10.0)):
        matcher = PeakMatcher(CORRELATOR, RANGE, significance)
        assert matcher.match(first, other) is None
        assert matcher.match(first, first) is not None


def test_errors_over_standard_errors_are_of_unit_size() -> None:
    """Of 100 pairs of images with a known shift: what both contribute, less what both contain."""
    rng = np.random.default_rng(5)
    true, scores = np.array([0.7, -1.1]), []
    for _ in range(100):
        first, second = spectrum(image(rng, 250)), spectrum(image(rng, 250) + true)
        there = MATCHER.match(first, second, pairs=True)
        back = MATCHER.match(second, first)
        assert there is not None
        assert back is not None
        variance = there.variance + back.variance - there.pair_variance
        scores.append((there.shift - true) / np.sqrt(variance))
    assert np.abs(np.mean(scores)) < 0.25
    assert 0.85 < np.std(scores) < 1.15


def test_influence_is_the_shift_without_each_block() -> None:
    """Beside images from which the localizations of one block after the other are taken."""
    rng = np.random.default_rng(6)
    reference, moving = image(rng, 3000), image(rng, 1500)
    blocks = FieldBlocks.covering(reference, 25)
    matcher = PeakMatcher(CORRELATOR, RANGE, PeakSignificance(), blocks)
    match = matcher.match(spectrum(reference), spectrum(moving))
    assert match is not None
    assert match.influence.shape == (blocks.n, 2)
    of, left_out = blocks.of(moving - match.shift), []
    for k in range(blocks.n):
        rest = matcher.match(spectrum(reference), spectrum(moving[of != k]))
        assert rest is not None
        left_out.append(rest.shift - match.shift)
    # To first order: a block has its part of the curvature, too.
    assert np.corrcoef(match.influence.ravel(), np.ravel(left_out))[0, 1] > 0.95
    assert 0.9 < np.polyfit(match.influence.ravel(), np.ravel(left_out), 1)[0] < 1.2


def test_a_random_walk_about_its_mean() -> None:
    variance = np.array([[0.0, 0], [1, 4], [3, 4], [3.5, 9], [8, 10]])
    steps = np.diff(variance, axis=0, prepend=0)
    walks = np.cumsum(np.random.default_rng(1).normal(0, np.sqrt(steps), (40_000, 5, 2)), axis=1)
    seen = (walks - walks.mean(axis=1, keepdims=True)).var(axis=0)
    np.testing.assert_allclose(about_mean(variance), seen, rtol=0.03)

"""Predicted variances of shifts, beside those seen."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.correlation import HIGH_PASS, Correlator, cross
from smlm_accessor.kernels.correlation.peak_precision import Clarity, Precision
from smlm_accessor.kernels.images.grid import make_grid
from smlm_accessor.kernels.images.images import Spectrum, count, transform

SMOOTHING = 0.4
RANGE = np.full(2, 3.0)
GRID = make_grid(np.zeros(2), np.full(2, 20.0), bin_size=0.2, smoothing=SMOOTHING, max_shift=RANGE)
CORRELATOR = Correlator(GRID, SMOOTHING)


def spectrum(points: FloatArray) -> Spectrum:
    return transform(count(points, GRID), GRID)


def image(rng: np.random.Generator, n: int) -> FloatArray:
    """Localizations of 30 clusters, always the same."""
    centers = np.random.default_rng(0).uniform(3, 17, (30, 2))
    return centers[rng.integers(30, size=n)] + rng.normal(0, [0.2, 0.4], (n, 2))


def test_the_variance_of_a_shift_is_as_predicted() -> None:
    """On a reference with many localizations, the moving image causes all of it."""
    rng = np.random.default_rng(1)
    precision = Precision(CORRELATOR)
    reference = spectrum(image(rng, 30_000))
    slopes = precision.of(reference)
    found = [
        precision.match(
            reference, spectrum(image(rng, 300)), max_shift=RANGE, clarity=Clarity(), slopes=slopes
        )
        for _ in range(150)
    ]
    shifts = np.array([m.shift for m in found if m is not None])
    assert len(shifts) == 150
    predicted = np.mean([m.variance for m in found if m is not None], axis=0)
    np.testing.assert_allclose(shifts.var(axis=0) / predicted, 1, atol=0.35)
    assert predicted[1] > 2 * predicted[0]


def test_curvature_and_slopes_agree_with_sums_over_pairs() -> None:
    rng = np.random.default_rng(2)
    first, second = (image(rng, 80) for _ in range(2))
    fine = make_grid(
        np.zeros(2), np.full(2, 20.0), bin_size=0.05, smoothing=SMOOTHING, max_shift=RANGE
    )
    precision = Precision(Correlator(fine, SMOOTHING))
    a, b = (transform(count(p, fine), fine) for p in (first, second))
    u = second - first[:, None]
    slope, curvature = np.zeros((80, 2)), np.zeros(2)
    for sign, width in ((1, SMOOTHING), (-1, HIGH_PASS * SMOOTHING)):
        v = width**2
        g = sign * np.exp(-(u**2).sum(axis=2) / 2 / v) / (2 * np.pi * v)
        slope += (-u / v * g[..., None]).sum(axis=0)
        curvature += ((1 - u**2 / v) / v * g[..., None]).sum(axis=(0, 1))
    scale = fine.bin_size**2  # of a density to counts in pixels
    np.testing.assert_allclose(precision.curvature(cross(a, b)), curvature * scale, rtol=0.03)
    expected = (slope**2).sum(axis=0) / curvature**2
    found = precision.variance(precision.slopes(a), b, precision.curvature(cross(a, b)))
    np.testing.assert_allclose(found, expected, rtol=0.05)


def test_part_of_the_variance_is_the_pairs() -> None:
    rng = np.random.default_rng(3)
    precision = Precision(CORRELATOR)
    few, many = spectrum(image(rng, 200)), spectrum(image(rng, 20_000))
    options = {"max_shift": RANGE, "clarity": Clarity(), "pairs": True}
    for reference, least, most in ((few, 0.2, 1.0), (many, 0.0, 0.05)):
        match = precision.match(reference, spectrum(image(rng, 200)), **options)  # type: ignore[arg-type]
        assert match is not None
        part = match.pair_variance / match.variance
        assert ((part > least) & (part < most)).all()


def test_what_is_not_clear_is_no_match() -> None:
    rng = np.random.default_rng(4)
    first, other = (spectrum(rng.uniform(2, 18, (200, 2))) for _ in range(2))
    precision = Precision(CORRELATOR)
    for clarity in (Clarity(quality=7.0), Clarity(sharpness=10.0)):
        assert precision.match(first, other, max_shift=RANGE, clarity=clarity) is None
        assert precision.match(first, first, max_shift=RANGE, clarity=clarity) is not None

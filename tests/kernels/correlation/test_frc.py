from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.correlation.frc import fourier_ring_correlation, resolution, time_halves

PIXELS = 256


def image(positions: FloatArray) -> FloatArray:
    edges = np.arange(PIXELS + 1.0)
    return np.histogram2d(positions[:, 0], positions[:, 1], bins=[edges, edges])[0]


def two_halves(std: float, *, n: int = 200_000, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Images of two independent halves of molecules that are seen often, blurred by ``std``."""
    rng = np.random.default_rng(seed)
    molecules = rng.uniform(0, PIXELS, (300, 2))
    halves = [
        image(molecules[rng.integers(300, size=n)] + rng.normal(0, std, (n, 2))) for _ in range(2)
    ]
    return halves[0], halves[1]


@pytest.mark.parametrize("std", [1.5, 3.0])
def test_the_curve_is_that_of_signal_and_noise(std: float) -> None:
    n, molecules = 20_000, 300
    found = fourier_ring_correlation([two_halves(std, n=n)], PIXELS)
    q = np.arange(PIXELS // 2) / PIXELS
    # Molecules at random give n^2 / molecules times the transfer function, the noise gives n.
    signal = n / molecules * np.exp(-4 * np.pi**2 * std**2 * q**2) * np.sinc(q) ** 2
    expected = signal / (signal + 1)
    assert np.abs(found - expected)[5:].mean() < 0.04
    where = PIXELS / np.interp(-1 / 7, -expected, np.arange(PIXELS // 2))
    assert resolution(found) == pytest.approx(where, rel=0.1)


def test_independent_images_do_not_correlate() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.poisson(1.0, (2, PIXELS, PIXELS)).astype(float)
    found = fourier_ring_correlation([(first, second)], PIXELS)
    assert np.abs(found[10:]).max() < 0.2
    assert np.isnan(resolution(found))


def test_blur_by_drift_shows() -> None:
    assert resolution(fourier_ring_correlation([two_halves(4.0)], PIXELS)) > 1.8 * resolution(
        fourier_ring_correlation([two_halves(2.0)], PIXELS)
    )


def test_parts_of_the_field_add_up() -> None:
    pairs = [two_halves(2.0, seed=seed) for seed in range(3)]
    assert resolution(fourier_ring_correlation(pairs, PIXELS)) == pytest.approx(
        resolution(fourier_ring_correlation(pairs[:1], PIXELS)), rel=0.1
    )


@pytest.mark.parametrize("pixels", [1, 2, 3, 64, 65])
def test_any_number_of_pixels(pixels: int) -> None:
    shown = np.random.default_rng(2).poisson(1.0, (pixels, pixels)).astype(float)
    assert fourier_ring_correlation([(shown, shown)], pixels).shape == (pixels // 2,)


def test_nothing_gives_none() -> None:
    found = fourier_ring_correlation([(np.zeros((16, 16)), np.zeros((16, 16)))], 16)
    assert np.isnan(found).all()
    assert np.isnan(resolution(found))
    assert np.isnan(resolution(np.empty(0)))


def test_images_that_agree_in_every_pixel_have_the_best_resolution() -> None:
    assert resolution(np.ones(50)) == 2


def blinking() -> IntArray:
    """Frames of blinks that last 20 frames each."""
    start = np.random.default_rng(3).integers(0, 50_000, 2000)
    return (start[:, None] + np.arange(20)).ravel()


def test_halves_are_equal_and_blinks_stay_together() -> None:
    frames = blinking()
    second = time_halves(frames)
    assert second.mean() == pytest.approx(0.5, abs=0.02)
    together = second.reshape(-1, 20)
    assert (together.all(axis=1) | ~together.any(axis=1)).mean() > 0.9


def test_halves_see_the_whole_movie_and_know_no_order_of_rows() -> None:
    frames = blinking()
    second = time_halves(frames)
    assert frames[second].mean() == pytest.approx(frames.mean(), rel=0.01)
    order = np.random.default_rng(4).permutation(len(frames))
    np.testing.assert_array_equal(time_halves(frames[order]), second[order])
    np.testing.assert_array_equal(time_halves(frames + 10_000), second)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_frames(n: int) -> None:
    assert time_halves(np.arange(n)).shape == (n,)

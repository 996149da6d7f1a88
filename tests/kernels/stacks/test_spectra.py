from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.stacks.spectra import ModeGrid

RNG = np.random.default_rng(1)


def images(k: int = 3, shape: tuple[int, ...] = (32, 40)) -> np.ndarray:
    return RNG.normal(size=(k, *shape)).astype(np.float32)


def test_spectra_are_those_of_tapered_images_over_their_noise() -> None:
    grid = ModeGrid((64, 64), 64)
    noise = RNG.normal(0, 7, (20, 64, 64)).astype(np.float32) + 1000
    spectra = grid.transform(noise, np.zeros((20, 2)), np.zeros(2))
    # White noise has the same power at all frequencies, which is scaled to 1.
    power = grid.ring_means(np.square(np.abs(spectra)).mean(axis=0))
    assert power[8:56] == pytest.approx(1, abs=0.2)


def test_the_mean_of_an_image_does_not_matter_nor_its_scale() -> None:
    grid = ModeGrid((32, 40), 64)
    one, zeros = images(), np.zeros((3, 2))
    spectra = grid.transform(one, zeros, np.zeros(2))
    np.testing.assert_allclose(
        grid.transform(5 * one + 20, zeros, np.zeros(2)), spectra, atol=2e-4 * np.abs(spectra).max()
    )


def test_an_image_without_structure_has_no_spectrum() -> None:
    grid = ModeGrid((32, 40), 64)
    assert not grid.transform(
        np.zeros((1, 32, 40), np.float32), np.zeros((1, 2)), np.zeros(2)
    ).any()


def test_a_taper_moves_with_the_sample() -> None:
    """What images share is the same, then, and not only near no shift."""
    grid = ModeGrid((64, 64), 64)
    scene = RNG.normal(size=(80, 80)).astype(np.float32)
    pair = np.stack([scene[8:72, 8:72], scene[8:72, 2:66]])  # the second moved by 6 along x
    moved = np.array([[0.0, 0.0], [0.0, 6.0]])
    spectra = grid.transform(pair, moved, np.array([0.0, 8.0])) * grid.phases(moved)
    usable = grid.usable
    np.testing.assert_allclose(spectra[0][usable], spectra[1][usable], rtol=0.1, atol=0.1)


@pytest.mark.parametrize("shape", [(32, 40), (31, 33), (6, 20, 24)])
def test_phases_move_images_back(shape: tuple[int, ...]) -> None:
    grid = ModeGrid(shape, 64)
    shift = np.arange(1.0, len(shape) + 1)
    axes = tuple(range(len(shape)))
    one = images(1, shape)[0]
    back = np.fft.rfftn(np.roll(one, shift.astype(int), axes)) * grid.phases(shift[None])[0]
    np.testing.assert_allclose(back[grid.usable], np.fft.rfftn(one)[grid.usable], atol=1e-3)


def test_only_low_frequencies_are_kept_of_large_images() -> None:
    grid = ModeGrid((64, 64), 32)
    assert grid.kept == (32, 32)
    spectra = grid.transform(images(1, (64, 64)), np.zeros((1, 2)), np.zeros(2))
    whole = ModeGrid((64, 64), 64).transform(images(1, (64, 64)), np.zeros((1, 2)), np.zeros(2))
    assert spectra.shape == (1, 32, 17)
    assert whole.shape == (1, 64, 33)
    assert max(abs(k).max() for k in grid.wavenumbers) < np.pi / 2


def test_weights_are_those_of_maximum_likelihood() -> None:
    grid = ModeGrid((32, 40), 64)
    ones = np.ones(grid.usable.shape)
    at = np.nonzero(grid.usable)[0][0], np.nonzero(grid.usable)[1][0]
    assert grid.weights(3 * ones, 2 * ones, 10, "noise")[at] == pytest.approx(3 / (2 * 32))
    assert grid.weights(3 * ones, 2 * ones, 10, "phase")[at] == pytest.approx(1 / 5)
    assert grid.weights(3 * ones, 2 * ones, 10, None)[at] == 1
    assert grid.weights(0 * ones, 2 * ones, 10, "noise")[at] == 0
    assert grid.weights(ones, ones, 10, None)[0, 0] == 0  # uneven light

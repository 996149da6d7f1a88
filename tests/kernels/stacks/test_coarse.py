from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from smlm_accessor.kernels.stacks.coarse import SIGNIFICANT, coarse_shifts, lags, pair_shifts
from smlm_accessor.kernels.stacks.spectra import ModeGrid, Spectra

GRID = ModeGrid((64, 64), 64)
WEIGHTS = GRID.weights(np.ones(GRID.usable.shape), np.ones(GRID.usable.shape), 2, None)
SHIFTS = np.array([[0, 0], [3, -2], [-14, 9], [5, 12], [0, -11.0]])


def spectra(shifts: np.ndarray = SHIFTS, noise: float = 0.2) -> Spectra:
    rng = np.random.default_rng(1)
    scene = ndimage.gaussian_filter(rng.normal(size=(128, 128)), 1.5)
    scene /= scene.std()
    images = [ndimage.shift(scene, s, order=3)[32:-32, 32:-32] for s in shifts]
    seen = np.array(images) + rng.normal(0, noise, (len(shifts), 64, 64))
    return GRID.transform(seen.astype(np.float32), np.zeros((len(shifts), 2)), np.zeros(2))


def test_images_are_compared_one_two_four_apart() -> None:
    assert lags(100, 20) == [1, 2, 4, 8, 16]
    assert lags(4, 100) == [1, 2]
    assert lags(1, 5) == []


def test_shifts_of_pairs_are_found_whatever_they_are() -> None:
    found = spectra()
    shift, height = pair_shifts(GRID, found[1:], found[:1], WEIGHTS)
    np.testing.assert_allclose(shift, SHIFTS[1:], atol=0.3)
    assert (height > SIGNIFICANT).all()


def test_noise_does_not_stand_out() -> None:
    rng = np.random.default_rng(2)
    noise = rng.normal(size=(40, 64, 64)).astype(np.float32)
    found = GRID.transform(noise, np.zeros((40, 2)), np.zeros(2))
    assert (pair_shifts(GRID, found[1:], found[:-1], WEIGHTS)[1] < SIGNIFICANT).all()


def test_all_images_but_the_empty_one_are_connected() -> None:
    found = spectra()
    rng = np.random.default_rng(3)
    found[2] = GRID.transform(
        rng.normal(size=(1, 64, 64)).astype(np.float32), np.zeros((1, 2)), np.zeros(2)
    )[0]
    shift, connected = coarse_shifts(GRID, found, WEIGHTS, 10, np.ones(5, dtype=bool))
    assert connected.tolist() == [True, True, False, True, True]
    error = (shift - SHIFTS)[connected]
    assert error - error.mean(axis=0) == pytest.approx(0, abs=0.4)


def test_a_contradicting_pair_is_left_out() -> None:
    found = spectra(np.array([[0.0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [5, 5], [6, 6], [7, 7]]))
    found[3] = GRID.phases(np.array([[20.0, 0.0]]))[0] * found[3]  # seen far off, but alike
    shift, _ = coarse_shifts(GRID, found, WEIGHTS, 8, np.ones(8, dtype=bool))
    assert np.diff(shift[:3, 1]) == pytest.approx(1, abs=0.3)
    assert shift[3, 0] - shift[0, 0] == pytest.approx(3 - 20, abs=0.5)

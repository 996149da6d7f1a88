from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from smlm_accessor.kernels.stacks.alignment import align, powers, sums_of_others
from smlm_accessor.kernels.stacks.spectra import ModeGrid, Spectra

GRID = ModeGrid((48, 48), 48)


def spectra(k: int, noise: float, seed: int, spread: float = 0.3) -> tuple[Spectra, np.ndarray]:
    """Return the spectra of images of one periodic sample, and where they lie."""
    rng = np.random.default_rng(seed)
    scene = ndimage.gaussian_filter(rng.normal(size=(48, 48)), 1.2, mode="wrap")
    scene = np.fft.rfft2(scene / scene.std())
    shift = rng.uniform(-spread, spread, (k, 2))
    moved = np.conj(GRID.phases(shift)) * scene
    white = np.fft.rfft2(rng.normal(0, noise, (k, 48, 48)))
    out = (moved + white) / (48 * noise)
    return out.astype(np.complex64), shift


def error(found: np.ndarray, shift: np.ndarray, valid: np.ndarray) -> np.ndarray:
    off = (found - shift)[valid]
    return np.asarray(off - off.mean(axis=0))


@pytest.mark.parametrize("window", [2, 50])
def test_sums_of_others(window: int) -> None:
    found, _ = spectra(6, 1.0, 1)
    valid = np.array([True, True, False, True, True, True])
    others, number = sums_of_others(found, valid, window)
    for i in range(6):
        near = [j for j in range(6) if j != i and abs(i - j) <= window and valid[j]]
        np.testing.assert_allclose(others[i], sum(found[j] for j in near), rtol=1e-4, atol=1e-4)
        assert number[i] == len(near)


def test_powers_of_signal_and_noise() -> None:
    found, _ = spectra(60, 2.0, 1, spread=0)
    signal, noise = powers(GRID, found, np.ones(60, dtype=bool))
    assert noise[GRID.usable].mean() == pytest.approx(1, abs=0.03)
    assert signal[4, 0] > 1
    assert signal[24, 23] < 0.05


def test_images_out_of_focus_do_not_count_as_noise() -> None:
    found, _ = spectra(60, 0.5, 1, spread=0)
    radius = np.sqrt(sum(k**2 for k in GRID.wavenumbers))
    found[:10] *= np.exp(-((3 * radius) ** 2))
    _, noise = powers(GRID, found, np.ones(60, dtype=bool))
    assert noise[GRID.usable].max() < 4  # their mean square is above 8


@pytest.mark.parametrize("window", [60, 6])
@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_errors_are_those_that_are_told(noise: float, window: int) -> None:
    normalised = []
    for seed in range(4):
        found, shift = spectra(60, noise, seed)
        everything = np.ones(60, dtype=bool)
        result = align(GRID, found, everything, everything, window, "noise")
        assert result.valid.all()
        normalised.append(error(result.shift, shift, result.valid) / result.std)
    assert 0.8 < np.std(normalised) < 1.25


def test_errors_reach_the_bound_of_images_without_end() -> None:
    """The variance of a shift against a known sample is ``1 / sum(k^2 P / N)``."""
    found, shift = spectra(60, 0.5, 1)
    still, _ = spectra(60, 0.5, 1, spread=0)
    signal, noise = powers(GRID, still, np.ones(60, dtype=bool))
    parts = np.where(GRID.usable, GRID.multiplicity * signal / np.maximum(noise, 0.1), 0)
    bound = [1 / np.sqrt((parts * k**2).sum()) for k in GRID.wavenumbers]
    everything = np.ones(60, dtype=bool)
    result = align(GRID, found, everything, everything, 60, "noise")
    off = error(result.shift, shift, result.valid)
    assert np.sqrt((off**2).mean(axis=0)) == pytest.approx(bound, rel=0.25)


def test_whitening_is_worse_where_frequencies_are_noise() -> None:
    off = {}
    for normalization in ("noise", "phase"):
        found, shift = spectra(40, 0.4, 2)
        everything = np.ones(40, dtype=bool)
        result = align(GRID, found, everything, everything, 40, normalization)
        off[normalization] = error(result.shift, shift, result.valid).std()
    assert off["noise"] < 0.8 * off["phase"]


def test_noise_alone_is_not_valid_and_one_far_off_is_found() -> None:
    found, shift = spectra(30, 0.5, 3)
    rng = np.random.default_rng(1)
    found[4] = np.fft.rfft2(rng.normal(size=(48, 48))) / 48
    found[9] *= np.conj(GRID.phases(np.array([[9.0, -7.0]])))[0]
    shift[9] += [9.0, -7.0]
    connected = ~np.isin(np.arange(30), [4, 9])
    result = align(GRID, found, connected, np.ones(30, dtype=bool), 30, "noise")
    assert np.flatnonzero(~result.valid).tolist() == [4]
    assert np.isnan(result.shift[4]).all()
    assert np.abs(error(result.shift, shift, result.valid)).max() < 0.2


def test_images_that_share_nothing_are_all_invalid() -> None:
    rng = np.random.default_rng(1)
    noise = (np.fft.rfft2(rng.normal(size=(6, 48, 48))) / 48).astype(np.complex64)
    everything = np.ones(6, dtype=bool)
    result = align(GRID, noise, everything, everything, 6, "noise")
    assert not result.valid.any()
    assert np.isnan(result.std).all()

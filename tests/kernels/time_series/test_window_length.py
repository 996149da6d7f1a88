"""Lengths of windows: the best ones for random walks and noise that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from smlm_accessor.kernels.time_series import window_length
from smlm_accessor.kernels.time_series.window_length import longer_by, smoothed
from smlm_accessor.timeline import Timeline

LENGTH = 50  # frames of a window
RATE = 1.0  # variance that a random walk gains per frame


def curve_error(noise: float, *, rate: float = RATE, windows: int = 400, seed: int = 0) -> float:
    """Mean squared distance of the curve through noisy means from the random walk."""
    rng = np.random.default_rng(seed)
    cut = Timeline.of(np.arange(windows * LENGTH)).cut(np.arange(0, windows * LENGTH + 1, LENGTH))
    walk = np.cumsum(rng.normal(0, np.sqrt(rate), (windows * LENGTH, 4)), axis=0)
    means = cut.mean(walk) + rng.normal(0, np.sqrt(noise), (windows, 4))
    return float(np.mean((cut.curve(means, np.ones(windows, dtype=bool)) - walk) ** 2))


def walking(k: int, noise: float, length: float, seed: int) -> np.ndarray:
    """Noisy means of a random walk over windows of this length, in frames; two components."""
    rng = np.random.default_rng(seed)
    fine = 16
    walk = np.cumsum(rng.normal(0, np.sqrt(RATE * length / fine), (k * fine, 2)), axis=0)
    return np.asarray(walk.reshape(k, fine, 2).mean(axis=1) + rng.normal(0, np.sqrt(noise), (k, 2)))


def test_the_curve_has_the_distance_that_the_constants_say() -> None:
    # The mean squared second difference of means of a random walk is RATE * LENGTH.
    motion = window_length._MOTION * RATE * LENGTH
    assert curve_error(0.0) == pytest.approx(motion, rel=0.1)
    assert curve_error(100.0, rate=0.0) == pytest.approx(window_length._NOISE * 100.0, rel=0.1)
    assert curve_error(20.0) == pytest.approx(window_length._NOISE * 20.0 + motion, rel=0.1)


def test_constants_that_follow_from_theory() -> None:
    x = walking(100_000, 0.0, LENGTH, 1)
    second, third = (np.mean(np.diff(x, n, axis=0) ** 2) for n in (2, 3))
    assert second == pytest.approx(RATE * LENGTH, rel=0.02)
    assert third / second == pytest.approx(window_length._THIRD, rel=0.02)
    rest = 1 - window_length._TRIMMED
    end = norm.ppf(0.5 + rest / 2)
    assert (
        pytest.approx(1 - 2 * end * norm.pdf(end) / rest, abs=1e-3) == window_length._MEAN_OF_REST
    )


@pytest.mark.parametrize("too_long", [1.5, 2.0, 3.0])
def test_too_long_windows_become_shorter_to_the_optimum(too_long: float) -> None:
    """0.73 s / L + 0.12 RATE L is least at L = sqrt(0.73 s / 0.12 RATE)."""
    s = 1e4  # variance of a mean over a single frame
    best = np.sqrt(window_length._NOISE * s / (window_length._MOTION * RATE))
    length = too_long * best
    x = walking(2000, s / length, length, 2)
    found = longer_by(x, np.full(x.shape, s / length), np.ones(len(x), dtype=bool))
    assert found == pytest.approx(1 / too_long, rel=0.15)


@pytest.mark.parametrize("too_short", [4.0, 16.0])
def test_too_short_windows_become_longer(too_short: float) -> None:
    s = 1e4
    length = np.sqrt(window_length._NOISE * s / (window_length._MOTION * RATE)) / too_short
    x = walking(4000, s / length, length, 3)
    found = longer_by(x, np.full(x.shape, s / length), np.ones(len(x), dtype=bool))
    assert too_short / 2 <= found <= too_short * 2


def test_only_noise_asks_for_the_fewest_windows() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(256, 2))
    every = np.ones(256, dtype=bool)
    assert longer_by(x, np.ones_like(x), every) == 256 / window_length.FEWEST
    # A jump is no usual motion, as long as there are many windows.
    jumping, valid = x + 1e4 * (np.arange(256) >= 100)[:, None], every.copy()
    assert longer_by(jumping, np.ones_like(x), every) == 4
    jumping = x.copy()
    jumping[7::50], valid[7::50] = np.nan, False
    assert longer_by(jumping, np.ones_like(x), valid) >= 16


def test_nothing_is_said_of_a_few_windows_or_unknown_noise() -> None:
    x = np.random.default_rng(5).normal(size=(50, 2))
    every = np.ones(50, dtype=bool)
    assert longer_by(x[:7], np.ones((7, 2)), every[:7]) == 1
    assert longer_by(x, np.zeros((50, 2)), every) == 1
    assert longer_by(x, np.full((50, 2), np.inf), every) == 1


def test_running_means_of_each_segment() -> None:
    segment = np.array([0] * 6 + [1] * 5)
    drift = (np.arange(11.0) + 100 * segment)[:, None]
    valid = np.ones(11, dtype=bool)
    np.testing.assert_allclose(smoothed(drift, valid, 4.0, segment), drift)  # lines stay
    noisy = drift + 5 * (np.arange(11) == 3)[:, None]
    expected = drift[:, 0] + [0, 0, 1, 1, 5 / 3, 0, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(smoothed(noisy, valid, 4.0, segment)[:, 0], expected)

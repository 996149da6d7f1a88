"""How long windows are, for known spectra."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.methods.aim.window_length import _ladder, best_length

K = 1_200
TIME = np.arange(float(K))


def walk(step: float, seed: int) -> FloatArray:
    return np.cumsum(np.random.default_rng(seed).normal(0, step, K))


def error_of(true: FloatArray, value: FloatArray, m: int) -> float:
    """Mean squared distance of the cubic through means of ``m`` values from the truth."""
    n = K // m
    time, mean = (x[: n * m].reshape(n, m).mean(axis=1) for x in (TIME, value))
    inside = slice(m, (n - 1) * m)
    curve = interpolate(time, mean[:, None], TIME[inside], kind="cubic")[:, 0]
    return float(((curve - true[inside]) ** 2).mean())


@pytest.mark.parametrize("step", [0.0, 0.03, 0.1, 0.3, 1.0])
def test_the_length_has_nearly_the_least_error_for_a_random_walk(step: float) -> None:
    """Of unit noise; the shorter, the larger the steps."""
    ladder = np.unique(np.round(2 ** np.arange(0, 7.5, 0.5)).astype(int))
    chosen, least = 0.0, 0.0
    for seed in range(6):
        true = walk(step, seed)
        value = true + np.random.default_rng(100 + seed).normal(0, 1, K)
        m = best_length(TIME, value[:, None], np.ones((K, 1)), np.ones(K, dtype=int))
        chosen += error_of(true, value, m)
        least += min(error_of(true, value, each) for each in ladder)
    assert chosen < 1.25 * least


def test_the_length_goes_with_one_over_the_step() -> None:
    """Noise falls as one over the length, and what a random walk does in it grows with it."""
    lengths = []
    for step in (0.05, 0.2):
        found = [
            best_length(
                TIME,
                (walk(step, s) + np.random.default_rng(s + 50).normal(0, 1, K))[:, None],
                np.ones((K, 1)),
                np.ones(K, dtype=int),
            )
            for s in range(9)
        ]
        lengths.append(np.exp(np.mean(np.log(found))))
    assert 2.5 < lengths[0] / lengths[1] < 6.5


@pytest.mark.parametrize("far", [5.0, 500.0])
def test_windows_may_be_long_between_jumps(far: float) -> None:
    """A sample that rests but for jumps needs no short windows, if it is told where they are."""
    jumps = np.array([300, 700])
    true = far * np.searchsorted(jumps, TIME, side="right")
    value = (true + np.random.default_rng(3).normal(0, 1, K))[:, None]
    ones, weight = np.ones((K, 1)), np.ones(K, dtype=int)
    assert best_length(TIME, value, ones, weight, jumps) >= 16
    assert best_length(TIME, value, ones, weight) < 16


def test_what_half_of_the_windows_predict_is_that_of_so_many() -> None:
    """Of windows three at a time, half would be one and a half."""
    assert _ladder(30) == [1, 2, 4, 6, 8, 12, 16, 22]
    assert _ladder(1) == [1]

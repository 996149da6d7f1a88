"""How long windows are, for known spectra, and where their edges lie."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.methods.aim.edges import cut, filled, joined, tapered
from smlm_accessor.methods.aim.fit import WindowFit
from smlm_accessor.methods.aim.window_length import best_length
from smlm_accessor.methods.aim.windows import best_windows
from smlm_accessor.methods.coarse.tracker import Coarse
from tests import scenes
from tests.scenes import PRECISION

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


def test_windows_have_the_length_that_is_wanted_and_are_not_empty() -> None:
    frames = np.sort(np.random.default_rng(1).integers(0, 1_000, 5_000))
    frames = frames[(frames < 300) | (frames >= 700)]
    edges = cut(frames, 60, 1_000, np.array([150, 500]))
    assert (np.diff(np.searchsorted(frames, edges)) > 0).all()
    assert 150 in edges
    assert abs(np.median(np.diff(edges)) - 12) <= 1
    assert (edges[0], edges[-1]) == (frames[0], frames[-1] + 1)
    assert filled(np.array([0, 9]), np.array([0, 4, 6, 10])).tolist() == [0, 6, 10]


def test_windows_are_joined_within_segments_and_shorter_beside_jumps() -> None:
    edges = joined(np.arange(0, 1_001, 10), 7, np.array([420]))
    assert 420 in edges
    assert set(np.diff(edges)) <= {70, 100, 80, 90, 40, 50, 60}
    assert joined(edges, 1, np.array([420])).tolist() == edges.tolist()
    lengths = np.diff(tapered(edges, np.array([420]), 3))
    around = np.searchsorted(tapered(edges, np.array([420]), 3), 420)
    assert lengths[around - 1] == lengths[around] == 3
    assert lengths[around + 1] == 12


def test_the_mean_drift_of_short_windows_is_the_start() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=1_000, per_frame=10).drifting(
        scenes.restless(1_000, amplitude=10)
    )
    edges = np.arange(0, 1_001, 25)
    middle = (edges[:-1] + edges[1:] - 1) / 2
    drift = scene.drift[middle.astype(int)]
    k = len(middle)
    coarse = Coarse(edges, drift, np.ones(k, bool), np.ones(k), np.empty(0, int), middle, 1.0)
    fit = WindowFit(scene.chunked(), scene.precision, 1)
    edges, motion = best_windows(fit, coarse)
    true = scene.drift[np.clip(np.round(motion.middle).astype(int), 0, 999)]
    error = motion.drift[:, :2] - true
    assert (error.std(axis=0) < 0.35 * PRECISION).all()
    assert motion.bounds[-1] == len(scene.frames)
    assert len(motion.middle) == len(edges) - 1

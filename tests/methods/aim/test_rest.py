"""Whether the sample moved within a segment, or may be at rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.aim.dependence import dependence
from smlm_accessor.methods.aim.rest import at_rest_unless_moving, scatters
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from tests import scenes
from tests.methods.aim.windows import fitted
from tests.scenes import Scene

N_FRAMES = 1_000
NO_JUMPS: IntArray = np.array([], int)


def judged(scene: Scene, jumps: IntArray) -> tuple[WindowDrift, WindowDrift]:
    """Twenty windows, fitted in two rounds from the truth; and where they may be at rest."""
    fit, windows = fitted(scene)
    for _ in range(2):
        windows, _ = fit.refit(windows)
    return windows, at_rest_unless_moving(fit, windows, jumps)


def is_moving(windows: WindowDrift) -> bool:
    return bool((np.ptp(windows.drift[windows.known], axis=0) > 0).any())


def noise(seed: int, scale: float = 1.0) -> tuple[FloatArray, FloatArray]:
    """Drift of windows of two lengths, in 2D, with errors of ``scale`` times their size."""
    variance = np.tile([1.0, 4.0, np.nan], (20, 1)) * np.where(np.arange(20) % 3, 1, 5)[:, None]
    error = np.random.default_rng(seed).normal(size=(20, 3)) * np.sqrt(np.nan_to_num(variance))
    return scale * error + 30.0, variance


def test_noise_scatters_in_one_of_a_thousand() -> None:
    assert sum(scatters(*noise(seed)) for seed in range(3_000)) <= 10  # 3 are expected


def test_more_than_noise_scatters() -> None:
    for seed in range(20):
        assert scatters(*noise(seed, scale=2.5))
        drift, variance = noise(seed)
        assert scatters(drift + np.arange(20)[:, None], variance)


def test_windows_that_tell_nothing_do_not_count() -> None:
    drift, variance = noise(0)
    drift[3], variance[3] = 1e6, np.nan
    drift[5, 2] = 1e6
    assert not scatters(drift, variance)
    assert not scatters(drift, np.full_like(variance, np.nan))
    assert not scatters(drift[:1], variance[:1])


@pytest.mark.parametrize("structure", [scenes.sites, scenes.clusters])
def test_a_sample_at_rest_is_at_rest(structure: Callable[..., FloatArray]) -> None:
    """Short windows in clusters follow each other: what was fitted is larger than its variance."""
    beyond_variance = 0
    for seed in range(8):
        scene = scenes.blinking(structure(seed=seed), n_frames=3_000, per_frame=6, seed=seed)
        fit, windows = fitted(scene, n_windows=150)
        for _ in range(3):
            windows, variance = fit.refit(windows)
        beyond_variance += scatters(windows.drift, variance * dependence(fit, windows))
        found = at_rest_unless_moving(fit, windows, NO_JUMPS)
        assert not is_moving(found)
        assert not found.slope.any()
    assert beyond_variance > 2 or structure is scenes.sites


@pytest.mark.parametrize("extent", [8.0, 30.0, 500.0])
def test_a_sample_that_moves_is_left_as_it_was_fitted(extent: float) -> None:
    """By one precision, peak to peak, and by far more than a step from rest could follow."""
    drift = scenes.linear(N_FRAMES, (extent / N_FRAMES, 0.0))
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=6)
    windows, found = judged(scene.drifting(drift), NO_JUMPS)
    np.testing.assert_array_equal(found.drift, windows.drift)
    np.testing.assert_array_equal(found.slope, windows.slope)


def test_each_segment_is_tested_by_itself() -> None:
    drift = scenes.linear(N_FRAMES, (0.05, 0.05))
    drift[:400] = 0.0
    drift[400:] += 60.0
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=6).drifting(drift)
    windows, found = judged(scene, np.array([400]))
    mean = np.average(windows.drift[:8], axis=0, weights=windows.counts[:8])
    np.testing.assert_allclose(found.drift[:8], np.tile(mean, (8, 1)))
    np.testing.assert_array_equal(found.drift[8:], windows.drift[8:])


def test_windows_of_unknown_drift_stay_unknown() -> None:
    fit, windows = fitted(scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=6))
    drift = fit.refit(windows)[0].drift.copy()
    drift[3] = np.nan
    found = at_rest_unless_moving(fit, replace(windows, drift=drift), NO_JUMPS)
    assert np.isnan(found.drift[3]).all()
    assert not is_moving(found)

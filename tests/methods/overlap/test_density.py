"""The density of other times at events of known positions."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.density import FLAT_CURVATURE, Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.timeline import Windows
from tests import scenes
from tests.scenes import PRECISION, Scene

WIDTH = 2.0  # precisions
# Curvature of one molecule: the variance of its image is that of localizations, of the kernel, and
# of the linear interpolation between pixels of 1 / 1.5 widths.
CURVATURE = WIDTH**2 / (1 + WIDTH**2 * (1 + 1 / 6 / 1.5**2))


def density_of(
    scene: Scene, windows: int = 40, width: float = WIDTH
) -> tuple[Density, Windows, FloatArray]:
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    drift = scene.drift[rows.timeline.frames]
    events = rows.unmerged(drift)
    density = Density(events, drift, width * scene.precision, 1)
    return density, rows.timeline.regular(scene.n_frames // windows), drift


@pytest.mark.parametrize("d", [2, 3])
def test_the_curvature_of_one_molecule_is_that_of_a_gaussian(d: int) -> None:
    """Its localizations, seen through the kernel, have the sum of both variances."""
    scene = scenes.visits(np.zeros((1, d)), n=8_000, n_frames=2_000)
    density, windows, drift = density_of(scene)
    sums = density.sums(drift, windows)
    np.testing.assert_allclose(sums.weight / sums.events, 1, rtol=0.01)
    np.testing.assert_allclose(sums.curvature.sum(axis=0) / len(scene.frames), CURVATURE, rtol=0.02)
    # The gradient is linear in the distance, which has the variance of a localization.
    squared = (CURVATURE / WIDTH) ** 2
    np.testing.assert_allclose(sums.squared.sum(axis=0) / len(scene.frames), squared, rtol=0.08)


def test_a_window_that_lies_elsewhere_has_the_gradient_back() -> None:
    scene = scenes.visits(np.zeros((1, 2)), n=8_000, n_frames=2_000)
    density, windows, drift = density_of(scene)
    wrong = drift.copy()
    wrong[windows.of_frame == 7] += [3.0, -2.0]
    gradient = density.sums(wrong, windows).gradient / density.sums(wrong, windows).events[:, None]
    expected = np.array([3.0, -2.0]) / (WIDTH * PRECISION) * CURVATURE
    # The window was moved to the other side, so the others lie in the direction of its drift.
    np.testing.assert_allclose(gradient[7], expected, atol=0.06)
    assert np.abs(np.delete(gradient, 7, axis=0)).max() < 0.15


def test_background_has_no_curvature_but_that_of_the_end_of_the_kernel() -> None:
    shares = []
    for seed in range(10):
        scene = scenes.background(n=4_000, n_frames=1_000, size=8_000, seed=seed)
        density, windows, drift = density_of(scene)
        sums = density.sums(drift, windows)
        shares.append(sums.curvature.sum(axis=0) / sums.weight.sum() - FLAT_CURVATURE)
    mean, error = np.mean(shares), np.std(shares) / np.sqrt(20)
    assert abs(mean) < 4 * error
    assert error < 0.5 * FLAT_CURVATURE


def test_blocks_of_the_field_add_up_to_the_windows() -> None:
    scene = scenes.blinking(scenes.sites(400, 20_000), n_frames=1_000, per_frame=10)
    density, windows, drift = density_of(scene)
    sums = density.sums(drift, windows)
    assert (sums.block_events > 0).sum() >= 8
    np.testing.assert_allclose(sums.block_events.sum(), sums.events.sum())
    np.testing.assert_allclose(sums.block_weight.sum(), sums.weight.sum())
    np.testing.assert_allclose(sums.block_curvature.sum(axis=0), sums.curvature.sum(axis=0))


def test_windows_are_not_compared_with_themselves_nor_with_what_is_kept_apart() -> None:
    scene = scenes.visits(np.zeros((1, 2)), n=2_000, n_frames=400)
    density, windows, drift = density_of(scene, windows=2)
    assert len(windows) == 2
    assert (density.sums(drift, windows).weight > 0).all()
    everything = [(0, len(drift))]
    nothing = density.sums(drift, windows, apart=everything)
    assert (nothing.weight < 1e-3 * nothing.events).all()


def test_blinks_that_reach_into_the_next_window_are_left_out() -> None:
    """Of molecules that shine once, nothing is left to compare with."""
    at = scenes.lattice(30, 300.0)
    frames = np.sort(np.concatenate([np.arange(0, 900), np.arange(1, 901)]))
    emitter = np.repeat(np.arange(900), 2)
    once = Scene(frames, at[emitter], emitter, at, np.full(2, PRECISION), np.zeros((901, 2)))
    rows = WeightedLocalizations.of(once.chunked(), once.precision)
    drift = once.drift[rows.timeline.frames]
    events = rows.events(drift, once.precision, rows.timeline.frames // 2)  # cut within blinks
    density = Density(events, drift, WIDTH * once.precision, 1)
    windows = rows.timeline.regular(1)
    np.testing.assert_allclose(density.sums(drift, windows).weight, 0, atol=1e-3)

"""Steps of windows, the trend through them, and the kernel that is chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_kernel import COARSE, FINE, PairKernel
from smlm_accessor.kernels.time_series.trend import local_trend
from smlm_accessor.methods.overlap.density import OverlapSums
from smlm_accessor.methods.overlap.evidence import share_of
from smlm_accessor.methods.overlap.iteration import (
    DriftEstimate,
    NoEvidenceError,
    iterate,
    newton_steps,
    std_about_mean,
)
from smlm_accessor.timeline import Timeline, Windows
from tests import scenes
from tests.methods.overlap.test_density import density_of
from tests.scenes import PRECISION, Scene

N_WINDOWS = 40


def steps(sums: OverlapSums) -> tuple[FloatArray, FloatArray]:
    return newton_steps(sums, share_of(sums))


def steps_of(scene: Scene, kernel: PairKernel) -> tuple[FloatArray, FloatArray]:
    """Steps and their variances, at the true drift."""
    density, windows, drift = density_of(scene, N_WINDOWS, kernel)
    return steps(density.sums(drift, windows))


@pytest.mark.parametrize("kernel", [FINE[0], FINE[-1], COARSE])
def test_steps_scatter_by_their_variance(kernel: PairKernel) -> None:
    scores = []
    for seed in range(50):
        scene = scenes.visits(scenes.sites(100), n=2_000, n_frames=400, seed=seed)
        step, variance = steps_of(scene, kernel)
        scores.append((step - step.mean(axis=0)) / np.sqrt(variance))
    assert 0.9 < np.std(scores) < 1.1


@pytest.mark.parametrize("share", [0.025, 0.5])
def test_a_step_goes_all_the_way(share: float) -> None:
    """Also that of a window with half of all localizations, which goes half the way."""
    scene = scenes.visits(scenes.sites(100), n=20_000, n_frames=400)
    density, windows, drift = density_of(scene, N_WINDOWS, COARSE)
    n = round(share * N_WINDOWS)
    if n > 1:
        windows = windows.timeline.cut(np.array([0, 10 * n, 400]))
    wrong = drift.copy()
    wrong[windows.of_frame == 0] += [4.0, -3.0]
    step, _ = steps(density.sums(wrong, windows))
    expected = (1 - share) * np.array([-4.0, 3.0]) / PRECISION
    np.testing.assert_allclose(step[0], expected, rtol=0.2)


def test_where_there_is_more_background_steps_go_all_the_way_too() -> None:
    """Pairs by chance draw to where events are: a window has to go farther than they say."""
    scene = scenes.visits(scenes.sites(100, 1_500.0), n=60_000, n_frames=400)
    noisy, late = scene.with_background(0.7), (scene.frames >= 200)[:, None]
    scene = replace(scene, positions=np.where(late, noisy.positions, scene.positions))
    density, windows, drift = density_of(scene, 80, COARSE)
    wrong = drift.copy()
    wrong[300:] += [1.5, -1.0]
    step, variance = steps(density.sums(wrong, windows))
    after, before = step[60:].mean(axis=0), step[40:60].mean(axis=0)
    expected = np.array([-1.5, 1.0]) / PRECISION
    np.testing.assert_allclose(after - before, expected, rtol=0.25)
    at_rest, variance = steps(density.sums(drift, windows))
    scores = (at_rest - at_rest.mean(axis=0)) / np.sqrt(variance)
    assert 0.75 < np.std(scores[40:]) < 1.4


def test_the_drift_is_found_and_stays() -> None:
    scene = scenes.visits(scenes.sites(100), n=8_000, n_frames=800)
    density, windows, drift = density_of(scene, N_WINDOWS, COARSE)
    wrong = drift + scenes.restless(800, amplitude=5, frames_per_radian=60)
    found = iterate(wrong, windows, density, rounds=10, tolerance=0.05)
    left = found.level - found.level.mean(axis=0)
    # About the precision over the root of the localizations that the trend averages.
    assert (left.std(axis=0) < 4 * np.median(found.std, axis=0)).all()
    assert (left.std(axis=0) < 0.3).all()
    again = iterate(found.drift, windows, density, rounds=1, tolerance=0.05, near=found)
    assert np.abs(again.drift - found.drift).max() < found.std.max()
    assert (found.chance < 1e-6).all()


def test_molecules_that_avoid_each_other_are_no_evidence() -> None:
    """The density of others has a minimum at each: events of a window lie between all others."""
    n = 40
    grid = scenes.lattice(n, 8 * PRECISION)
    frames = np.repeat(np.arange(2), n * n)
    positions = np.concatenate([grid, grid + 4 * PRECISION])
    scene = Scene(
        frames, positions, np.zeros(len(frames), int), grid, np.full(2, PRECISION), np.zeros((2, 2))
    )
    density, windows, drift = density_of(scene, 2)
    with pytest.raises(NoEvidenceError):
        iterate(drift, windows, density, rounds=1, tolerance=0.1)


def test_slopes_are_those_that_are_seen() -> None:
    """Of a sample at rest they become less; a clear one stays; frames move as windows do."""
    before, after = [], []
    for seed in range(12):
        scene = scenes.visits(scenes.sites(100), n=2_000, n_frames=400, seed=seed)
        density, windows, drift = density_of(scene, N_WINDOWS, COARSE)
        found = iterate(np.zeros_like(drift), windows, density, rounds=4, tolerance=0.05)
        seen = found.with_slopes_as_seen(windows)
        np.testing.assert_allclose(
            seen.drift - found.drift, _lines(found, seen, windows), atol=1e-9
        )
        np.testing.assert_array_equal(seen.std, found.std)
        before.append(np.polyfit(windows.mean_frame, found.level, 1)[0])
        after.append(np.polyfit(windows.mean_frame, seen.level, 1)[0])
    assert np.mean(np.square(after)) < 0.7 * np.mean(np.square(before))


def _lines(found: DriftEstimate, seen: DriftEstimate, windows: Windows) -> FloatArray:
    pairs = zip(found.trends, seen.trends, strict=True)
    changes = [(b.level - a.level, b.slope - a.slope) for a, b in pairs]
    return np.stack([windows.lines(*change) for change in changes], axis=1)


@pytest.mark.parametrize("jumps", [[], [25]])
def test_errors_against_the_mean_drift_have_no_part_of_the_constant(jumps: list[int]) -> None:
    """Along straight lines, whose covariance is known; at a jump the next one begins."""
    n, rng = 40, np.random.default_rng(1)
    time, variance, ones = np.arange(float(n)), rng.uniform(1, 9, n), np.ones(n)
    timeline = Timeline.of(np.arange(10 * n), 10 * np.array(jumps, dtype=np.int64))
    windows = timeline.evenly(n)
    free = np.isin(time, [0, *jumps])
    trend = local_trend(time, 0.1 * time, variance, free=free)
    columns = (0.1 * time)[:, None], variance[:, None]
    found = DriftEstimate(columns[0], (trend,), *columns, ones, ones, windows.duration, ones)
    stated = std_about_mean(found, windows)[:, 0] ** 2
    inside = np.cumsum(free)[:, None] == np.arange(1, 2 + len(jumps))
    lines = np.concatenate([inside, inside * time[:, None]], axis=1)
    covariance = lines @ np.linalg.inv(lines.T @ (lines / variance[:, None])) @ lines.T
    about_mean = np.eye(n) - 1 / variance / (1 / variance).sum()
    expected = np.diag(about_mean @ covariance @ about_mean.T)
    large = expected > 1.5 * expected.mean()
    np.testing.assert_allclose(stated[large], expected[large], rtol=0.02)
    assert (stated > 0.98 * expected).all()
    # Where a line crosses the mean it is not certain.
    assert (stated > 0.25 * expected.mean()).all()
    assert stated.mean() < 1.6 * expected.mean()

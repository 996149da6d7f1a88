"""Sums over pairs of windows, of events at known positions."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.density.pair_kernel import COARSE, FINE
from smlm_accessor.methods.overlap.couplings import contradiction, couplings
from tests import scenes
from tests.methods.overlap.test_density import density_of

N_FRAMES = 2_000


@pytest.mark.parametrize("d", [2, 3])
def test_pairs_add_up_to_the_sums_over_windows(d: int) -> None:
    scene = scenes.visits(scenes.sites(50, d=d), n=3_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 20, COARSE)
    pairs, sums = couplings(density, drift, windows, n_events=10**9), density.sums(drift, windows)
    assert pairs.responsibility.sum() == pytest.approx(sums.weight.sum(), rel=1e-4)
    expected = sums.curvature[:, :2].mean(axis=1).sum()
    assert pairs.curvature.sum() == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(pairs.total_curvature, sums.curvature.sum(axis=0), rtol=1e-4)
    np.testing.assert_allclose(pairs.squared, sums.squared.sum(axis=0), rtol=1e-4)
    for values, sign in ((pairs.curvature.sum(axis=0), 1), (pairs.gradient[..., 0], -1)):
        np.testing.assert_allclose(values, sign * values.T, atol=1e-9)


def test_some_events_stand_for_all() -> None:
    scene = scenes.visits(scenes.sites(100), n=20_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 20, FINE[-1])
    whole, part = (couplings(density, drift, windows, n_events=n) for n in (10**9, 5_000))
    for one, other in ((whole.responsibility, part.responsibility), (whole.squared, part.squared)):
        assert other.sum() == pytest.approx(one.sum(), rel=0.05)


def test_groups_are_of_places() -> None:
    """One molecule is in one or a few, many are in all."""
    used = []
    for at in (np.zeros((1, 2)), scenes.sites(200)):
        scene = scenes.visits(at, n=2_000, n_frames=N_FRAMES)
        density, windows, drift = density_of(scene, 20)
        responsibility = couplings(density, drift, windows, n_events=10**9).responsibility
        used.append((responsibility.sum(axis=(1, 2)) > 0).mean())
    assert used[0] < 0.2
    assert used[1] > 0.9


def test_the_gradients_of_squares_add_up_to_that_of_all() -> None:
    scene = scenes.visits(scenes.sites(100), n=5_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 20)
    pairs = couplings(density, drift, windows, n_events=10**9)
    share = np.random.default_rng(0).random((20, 20))
    share += share.T
    for axis in range(2):
        parts = pairs.gradient_of_groups(share, axis)
        expected = (share * pairs.gradient[..., axis]).sum(axis=1)
        np.testing.assert_allclose(parts.sum(axis=0), expected, atol=1e-4 * np.abs(parts).max())
        np.testing.assert_allclose(parts.sum(axis=1), 0, atol=1e-4 * np.abs(parts).max())


def test_windows_that_lie_elsewhere_have_the_gradient_back() -> None:
    scene = scenes.visits(scenes.sites(50), n=8_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 20)
    wrong = drift.copy()
    wrong[windows.of_frame >= 10] += [4.0, 0.0]
    gradient = couplings(density, wrong, windows, n_events=10**9).gradient
    late, early = slice(10, None), slice(0, 10)
    assert gradient[late, early, 0].sum() > 20 * abs(gradient[late, early, 1].sum())
    assert gradient[late, early, 0].sum() > 20 * abs(gradient[late, late, 0].sum())


def test_windows_know_most_of_each_other_where_the_drift_is_right() -> None:
    scene = scenes.visits(scenes.sites(50), n=8_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 20)
    told = []
    for away in (-9.0, -4.0, 0.0, 4.0, 9.0):
        wrong = drift.copy()
        wrong[windows.of_frame >= 10] += [away, 0.0]
        told.append(couplings(density, wrong, windows, n_events=10**9).known.sum())
    assert np.argmax(told) == 2
    assert min(told) == min(told[0], told[-1])


def test_a_drift_that_is_right_is_not_contradicted() -> None:
    """Where molecules stay, and where they bleach."""
    for seed in range(10):
        at = scenes.sites(400, size=8_000, seed=seed)
        for scene in (
            scenes.visits(at, n=10_000, n_frames=N_FRAMES, seed=seed),
            scenes.bleaching(at, n=10_000, n_frames=N_FRAMES, life=100, seed=seed),
        ):
            density, windows, drift = density_of(scene, 60, FINE[-1])
            pairs = couplings(density, drift, windows, n_events=10**9)
            assert contradiction(pairs, windows, np.ones(len(windows), bool)) is None


def test_windows_near_each_other_contradict_a_slow_change() -> None:
    scene = scenes.bleaching(
        scenes.sites(400, size=8_000), n=10_000, n_frames=N_FRAMES, life=100, seed=1
    )
    density, windows, drift = density_of(scene, 60, FINE[-1])
    wrong = drift + np.linspace(0, 30, N_FRAMES)[np.unique(scene.frames)][:, None] * [0, 1]
    pairs = couplings(density, wrong, windows, n_events=10**9)
    near = contradiction(pairs, windows, np.ones(len(windows), bool))
    assert near is not None
    assert near[0, 1]
    assert not near[0, -1]


def test_few_places_contradict_nothing() -> None:
    """A few molecules may move by themselves."""
    scene = scenes.bleaching(scenes.sites(2), n=2_000, n_frames=N_FRAMES, life=300)
    density, windows, drift = density_of(scene, 60, FINE[-1])
    wrong = drift + np.linspace(0, 30, N_FRAMES)[np.unique(scene.frames)][:, None]
    pairs = couplings(density, wrong, windows, n_events=10**9)
    assert contradiction(pairs, windows, np.ones(len(windows), bool)) is None

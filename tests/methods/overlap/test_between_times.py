"""What windows know of each other: molecules that stay, that bleach, and parts that share none."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.overlap.between_times import DriftOfWindows, drift_of_windows
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.timeline import Windows
from tests import scenes
from tests.methods.overlap.test_density import density_of
from tests.scenes import Scene

N_FRAMES = 4_000


def found_in(
    scene: Scene, wrong_by: FloatArray | float = 0.0
) -> tuple[DriftOfWindows, DriftEstimate, Windows]:
    """What is found from a drift that is wrong by so much."""
    density, windows, drift = density_of(scene, 200, 1.5)
    estimate = iterate(drift + wrong_by, windows, density, rounds=3, tolerance=0.1)
    return drift_of_windows(estimate, windows, density), estimate, windows


def score(scene: Scene, found: DriftOfWindows, windows: Windows) -> FloatArray:
    error = found.level - windows.mean(scene.drift[windows.timeline.frames])
    error -= np.average(error, axis=0, weights=windows.counts)
    return np.asarray(error / found.std)


def test_where_molecules_stay_the_trend_is_what_is_known() -> None:
    found, estimate, _ = found_in(scenes.visits(scenes.sites(200), n=20_000, n_frames=N_FRAMES))
    np.testing.assert_array_equal(found.level, estimate.level)
    np.testing.assert_array_equal(found.std, estimate.std)
    assert found.connected.all()
    assert not found.others


def test_where_molecules_bleach_errors_are_as_large_as_said() -> None:
    now, before, errors = [], [], []
    for seed in range(4):
        at = scenes.sites(600, size=8_000, seed=seed)
        scene = scenes.bleaching(at, n=8_000, n_frames=N_FRAMES, life=120, seed=seed)
        wrong = scenes.random_walk(N_FRAMES, 0.1, seed=seed)
        found, estimate, windows = found_in(scene, wrong[np.unique(scene.frames)])
        assert found.connected.all()
        now.append(score(scene, found, windows))
        trend = DriftOfWindows(estimate.level, estimate.std, found.connected, [], 1.0)
        before.append(score(scene, trend, windows))
        errors.append(found.smoothing_time)
    assert 0.7 < np.sqrt(np.mean(np.concatenate(now) ** 2)) < 1.35
    assert np.sqrt(np.mean(np.concatenate(before) ** 2)) > 2
    assert np.median(errors) > 500  # a chain: the errors of many windows are alike


def two_parts(shared: int) -> Scene:
    """A hundred molecules early, a hundred late, of which some are the same."""
    at = scenes.sites(200 - shared, size=6_000)
    first = scenes.visits(at[:100], n=6_000, n_frames=N_FRAMES // 2, seed=1)
    second = scenes.visits(at[100 - shared : 200 - shared], n=5_000, n_frames=N_FRAMES // 2, seed=2)
    return Scene(
        np.concatenate([first.frames, second.frames + N_FRAMES // 2]),
        np.concatenate([first.positions, second.positions]),
        np.concatenate([first.emitter, second.emitter + 100 - shared]),
        *(at, first.precision, np.zeros((N_FRAMES, 2))),
    )


def test_parts_that_share_nothing_are_named() -> None:
    found, _, windows = found_in(two_parts(0))
    late = windows.mean_frame > N_FRAMES // 2
    away = np.abs(windows.mean_frame - N_FRAMES // 2) > 40
    assert found.connected[~late & away].all()
    assert not found.connected[late].any()
    [(first, stop)] = found.others
    assert abs(first - N_FRAMES // 2) <= 40
    assert stop >= windows.timeline.frames[-1]


def test_parts_that_share_some_are_one() -> None:
    found, _, _ = found_in(two_parts(20))
    assert found.connected.all()


def test_the_warning_names_the_frames() -> None:
    with pytest.warns(InvalidChunkWarning, match="shares no more structures") as caught:
        drift = estimate_drift(two_parts(0).moved, method="overlap")
    assert f"to {N_FRAMES} " in str(caught[0].message)
    valid = drift["valid"].values
    np.testing.assert_array_equal(valid, drift["frame_stop"].values < N_FRAMES // 2 + 40)
    assert np.isnan(drift["offset"].values[~valid]).all()

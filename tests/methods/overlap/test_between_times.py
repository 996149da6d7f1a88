"""What windows know of each other: molecules that stay, that bleach, and parts that share none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.overlap.between_times import (
    Connection,
    DriftOfWindows,
    connection,
    drift_of_windows,
    in_frames,
    slopes,
)
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate, std_about_mean
from smlm_accessor.timeline import Timeline, Windows
from tests import scenes
from tests.methods.overlap.test_density import density_of
from tests.scenes import Scene

N_FRAMES = 4_000


def seen(windows: Windows) -> BoolArray:
    """Nothing lies on nothing."""
    return np.zeros(len(windows.timeline.frames), dtype=np.bool_)


def found_in(
    scene: Scene, wrong_by: FloatArray | float = 0.0
) -> tuple[DriftOfWindows, DriftEstimate, Windows]:
    """What is found from a drift that is wrong by so much."""
    density, windows, drift = density_of(scene, 200, FINE[-1])
    estimate = iterate(drift + wrong_by, windows, density, rounds=3, tolerance=0.1)
    everywhere = Connection(np.zeros(len(windows.timeline.frames), dtype=np.int64))
    found = drift_of_windows(estimate, windows, density, everywhere, seen(windows))
    return found, estimate, windows


def score(scene: Scene, found: DriftOfWindows, windows: Windows) -> FloatArray:
    error = found.level - windows.mean(scene.drift[windows.timeline.frames])
    error -= np.average(error, axis=0, weights=windows.counts)
    return np.asarray(error / found.std)


def test_where_molecules_stay_the_trend_is_what_is_known() -> None:
    scene = scenes.visits(scenes.sites(200), n=20_000, n_frames=N_FRAMES)
    found, estimate, windows = found_in(scene)
    np.testing.assert_array_equal(found.level, estimate.level)
    np.testing.assert_array_equal(found.std, std_about_mean(estimate, windows))


def test_one_emitter_is_known_at_all_times_alike() -> None:
    """The joint drift and the trend differ, but not in what turns would still have to move."""
    scene = scenes.visits(scenes.sites(1), n=5_000, n_frames=N_FRAMES)
    found, estimate, _ = found_in(scene.drifting(scenes.smooth(N_FRAMES, extent=10.0)))
    np.testing.assert_array_equal(found.level, estimate.level)


@pytest.mark.parametrize("seed", range(3))
def test_where_few_pairs_are_seen_the_trend_is_what_is_known(seed: int) -> None:
    """Which windows know each other would be chance; the stated errors are those of the trend."""
    scene = scenes.visits(scenes.sites(100), n=500, n_frames=N_FRAMES, seed=seed)
    found, estimate, windows = found_in(scene, scenes.PRECISION / 4)
    np.testing.assert_array_equal(found.level, estimate.level)
    assert np.sqrt(np.mean(score(scene, found, windows) ** 2)) < 2


def test_of_few_molecules_that_are_seen_for_a_short_time_errors_add_up() -> None:
    """Too few pairs to solve for the drift, but enough to tell that early and late share none."""
    ratios = []
    for seed in range(6):
        at = scenes.sites(300, size=20_000, seed=seed)
        scene = scenes.bleaching(at, n=900, n_frames=N_FRAMES, life=20, seed=seed)
        course = scenes.random_walk(N_FRAMES, 0.3, seed=seed)[np.unique(scene.frames)]
        found, estimate, windows = found_in(scene, course)
        np.testing.assert_array_equal(found.level, estimate.level)
        assert (found.std >= std_about_mean(estimate, windows)).all()
        ratios.append(score(scene, found, windows))
    assert np.sqrt(np.mean(np.concatenate(ratios) ** 2)) < 1.5


def test_where_turns_have_not_come_to_rest_the_joint_drift_is_taken() -> None:
    """Turns that end early leave what changes slowly; all windows know each other."""
    scene = scenes.visits(scenes.sites(200), n=20_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 100, FINE[-1])
    slope = np.linspace(-3, 3, N_FRAMES)[windows.timeline.frames][:, None]
    estimate = iterate(drift, windows, density, rounds=3, tolerance=0.1)
    level = windows.mean(slope)[:, 0]
    trends = tuple(trend._replace(level=trend.level + level) for trend in estimate.trends)
    away = replace(estimate, drift=estimate.drift + slope, trends=trends)
    everywhere = Connection(np.zeros(len(windows.timeline.frames), dtype=np.int64))
    found = drift_of_windows(away, windows, density, everywhere, seen(windows))
    assert np.std(away.level, axis=0).min() > 1.5
    assert np.std(found.level, axis=0).max() < 0.3


def test_where_molecules_bleach_errors_are_as_large_as_said() -> None:
    now, before, errors = [], [], []
    for seed in range(4):
        at = scenes.sites(600, size=8_000, seed=seed)
        scene = scenes.bleaching(at, n=8_000, n_frames=N_FRAMES, life=120, seed=seed)
        wrong = scenes.random_walk(N_FRAMES, 0.1, seed=seed)
        found, estimate, windows = found_in(scene, wrong[np.unique(scene.frames)])
        now.append(score(scene, found, windows))
        trend = DriftOfWindows(estimate.level, estimate.std, 1.0)
        before.append(score(scene, trend, windows))
        errors.append(found.smoothing_time)
    assert 0.7 < np.sqrt(np.mean(np.concatenate(now) ** 2)) < 1.35
    assert np.sqrt(np.mean(np.concatenate(before) ** 2)) > 2
    assert np.median(errors) > 500  # a chain: the errors of many windows are alike


@pytest.mark.parametrize("layers", [2, 3])
def test_molecules_beside_do_not_hold_a_slow_drift_that_goes_by_a_layer(layers: int) -> None:
    """Late molecules lie on early ones of the next layer; windows near in time tell that."""
    apart, rng = 5 * scenes.PRECISION, np.random.default_rng(0)
    places = rng.uniform(0, 8_000, (400, 2))
    at = np.concatenate([places + np.array([k * apart, 0]) for k in range(layers)])
    course = np.linspace(-apart / 2, apart / 2, N_FRAMES)[:, None] * [1, 0]
    for seed in range(2):
        scene = scenes.bleaching(at, n=16_000, n_frames=N_FRAMES, life=100, seed=seed)
        found, estimate, windows = found_in(scene, course[np.unique(scene.frames)])
        assert np.std(estimate.level[:, 0]) > 10
        assert np.std(found.level, axis=0).max() < 3
        assert np.sqrt(np.mean(score(scene, found, windows) ** 2)) < 1.5


def test_lines_through_the_windows_of_a_line_are_the_line() -> None:
    """Also before the first window of a segment, and after its last: they may be long."""
    timeline = Timeline.of(np.arange(1_000), np.array([400]))
    drift = scenes.linear(1_000) + np.where(np.arange(1_000) < 400, 0.0, 50.0)[:, None]
    windows = timeline.evenly(7)
    found = in_frames(windows.mean(drift), slopes(drift, windows), windows)
    np.testing.assert_allclose(found, drift, atol=1e-9)


def two_parts(shared: int, jump: FloatArray | float = 0.0) -> Scene:
    """A hundred molecules early, a hundred late, of which some are the same."""
    at = scenes.sites(200 - shared, size=6_000)
    first = scenes.visits(at[:100], n=6_000, n_frames=N_FRAMES // 2, seed=1)
    second = scenes.visits(at[100 - shared : 200 - shared], n=5_000, n_frames=N_FRAMES // 2, seed=2)
    drift = np.zeros((N_FRAMES, 2))
    drift[N_FRAMES // 2 :] += jump
    return Scene(
        np.concatenate([first.frames, second.frames + N_FRAMES // 2]),
        np.concatenate([first.positions, second.positions]),
        np.concatenate([first.emitter, second.emitter + 100 - shared]),
        *(at, first.precision, drift),
    )


def connected(scene: Scene) -> tuple[Connection, Timeline]:
    density, windows, drift = density_of(scene, 200)
    return connection(drift, windows.timeline, density), windows.timeline


def test_parts_that_share_nothing_are_told_apart() -> None:
    known, timeline = connected(two_parts(0))
    late, away = timeline.frames > N_FRAMES // 2, np.abs(timeline.frames - N_FRAMES // 2) > 40
    assert (known.part[~late & away] == 0).all()
    assert (known.part[late & away] == 1).all()
    [(first, last)] = known.ranges(timeline.frames)
    assert abs(first - N_FRAMES // 2) <= 40
    assert last == timeline.frames[-1]


def test_parts_that_share_some_are_one() -> None:
    known, _ = connected(two_parts(20))
    assert (known.part == 0).all()


def test_what_is_between_parts_belongs_to_the_side_of_the_jump() -> None:
    frames = np.arange(100)
    known = Connection(np.repeat([0, -1, 1], [40, 20, 40]))
    assert np.flatnonzero(known.sides(Timeline.of(frames)))[0] == 50
    assert np.flatnonzero(known.sides(Timeline.of(frames, np.array([44]))))[0] == 44


def test_the_warning_names_the_frames() -> None:
    with pytest.warns(InvalidChunkWarning, match="shares no more structures") as caught:
        drift = estimate_drift(two_parts(0).moved, method="overlap")
    assert f"to {N_FRAMES - 1}" in str(caught[0].message)
    valid = drift["valid"].values
    np.testing.assert_array_equal(valid, drift["frame_stop"].values < N_FRAMES // 2 + 40)
    assert np.isnan(drift["offset"].values[~valid]).all()


def test_a_jump_between_parts_that_share_a_seventh_is_found() -> None:
    scene = two_parts(15, np.array([300.0, -200.0]))
    drift = estimate_drift(scene.moved, method="overlap")
    assert drift["valid"].values.all()
    late = drift["frame_start"].values >= N_FRAMES // 2
    step = -(drift["offset"].values[late].mean(axis=0) - drift["offset"].values[~late].mean(axis=0))
    np.testing.assert_allclose(step, [300, -200], atol=5)


@pytest.mark.parametrize("seed", range(2))
def test_molecules_above_each_other_tell_nothing_along_z(seed: int) -> None:
    """They share x and y; a drift that is wrong by less than half of their distance is mended."""
    at = scenes.rings(300, 15_000.0, d=3, seed=seed)
    scene = scenes.bleaching(at, n=60_000, n_frames=N_FRAMES, life=60.0, seed=seed)
    wrong = 15.0 * np.sin(np.arange(N_FRAMES) / 500)[:, None] * np.array([0.0, 0.0, 1.0])
    density, windows, drift = density_of(scene, 200, FINE[-1])
    away = iterate(drift, windows, density, rounds=3, tolerance=0.1)
    level = windows.mean(wrong[windows.timeline.frames])
    trends = tuple(t._replace(level=t.level + x) for t, x in zip(away.trends, level.T, strict=True))
    away = replace(away, drift=away.drift + wrong[windows.timeline.frames], trends=trends)
    everywhere = Connection(np.zeros(len(windows.timeline.frames), dtype=np.int64))
    found = drift_of_windows(away, windows, density, everywhere, seen(windows))
    assert np.sqrt(np.mean(score(scene, found, windows) ** 2)) < 1.5
    assert np.std(found.level[:, 2]) < 4.0


def test_windows_of_no_part_lead_no_others_astray() -> None:
    """They have nothing to go by; lines go from them to the first windows of the largest part."""
    scene = two_parts(0, jump=60.0)
    density, windows, drift = density_of(scene, 100, FINE[-1])
    frames, half = windows.timeline.frames, N_FRAMES // 2
    part = np.where(frames < half, 1, 0)
    part[(frames >= half) & (frames < half + 60)] = -1
    estimate = iterate(drift, windows, density, rounds=3, tolerance=0.1)
    slope = np.where(frames >= half, 0.003 * (frames - half), 0.0)[:, None]
    away = replace(estimate, drift=estimate.drift + slope)
    found = drift_of_windows(away, windows, density, Connection(part), seen(windows))
    late = windows.mean((part == 0).astype(np.float64)) == 1
    error = (found.level - windows.mean(scene.drift[frames]))[late]
    error -= np.median(error, axis=0)
    assert np.abs(error).max() < 4.0


def test_an_end_that_lies_on_nothing_leaves_the_rest_known() -> None:
    """Nothing tells where it belongs, and so not how far others are from a mean with it."""
    scene = two_parts(0, jump=60.0)
    density, windows, drift = density_of(scene, 100, FINE[-1])
    estimate = iterate(drift, windows, density, rounds=3, tolerance=0.1)
    nothing = windows.timeline.frames >= N_FRAMES * 3 // 4
    # One part, as it seems, since the drift goes on; events of the end count for nothing.
    lost = replace(
        density, positions=density.positions + 1e4 * nothing[density.frame][:, None] * [1, 0]
    )
    one = Connection(np.where(windows.timeline.frames < N_FRAMES // 2, -1, 0))
    found = drift_of_windows(estimate, windows, lost, one, nothing)
    known = (windows.mean(nothing.astype(np.float64)) == 0) & (windows.mean_frame > N_FRAMES // 2)
    assert found.std[known].max() < 2.0


def test_the_usual_error_is_of_windows_that_show_something() -> None:
    """Of others it is infinite, or a line goes on to them that may have any slope."""
    scene = scenes.visits(scenes.sites(200), n=20_000, n_frames=N_FRAMES)
    density, windows, drift = density_of(scene, 100, FINE[-1])
    estimate = iterate(drift, windows, density, rounds=3, tolerance=0.1)
    late = np.arange(len(windows)) > 90
    unseen = replace(
        estimate,
        variance=np.where(late[:, None], np.inf, estimate.variance),
        trends=tuple(
            t._replace(variance=np.where(late, np.inf, t.variance)) for t in estimate.trends
        ),
    )
    std = std_about_mean(unseen, windows)
    assert np.isinf(std[late]).all()
    np.testing.assert_allclose(std[~late], std_about_mean(estimate, windows)[~late], rtol=0.3)

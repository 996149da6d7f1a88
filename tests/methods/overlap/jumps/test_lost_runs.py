"""Runs of frames in which the sample was elsewhere: found, and laid where it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.lost_runs import (
    lies_on_others,
    log_odds,
    lost_runs,
    with_lost_runs,
)
from smlm_accessor.timeline import Timeline
from tests import scenes
from tests.scenes import PRECISION, Scene, parameters_of

N_FRAMES, AT = 8_000, 3_000
FAR = np.array([300.0, -200.0])


def bumped(per_frame: float, long: int, step: Any = FAR, on: float = 1.0) -> Scene:
    """A sample that drifts slowly, and is elsewhere from one frame to another."""
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=per_frame, on=on, seed=3)
    drift = scenes.smooth(N_FRAMES, extent=60.0)
    step = np.asarray(step)
    return scene.with_background(0.15).drifting(
        scenes.jumping(drift, {AT: step, AT + long: -step}) if long else drift
    )


def seen(
    scene: Scene, threads: int | None = 1
) -> tuple[Timeline, FloatArray, Density, WeightedLocalizations]:
    """What is known without the bump."""
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    drift = scenes.smooth(N_FRAMES, extent=60.0)[rows.timeline.frames]
    events = rows.events(drift, scene.precision, rows.timeline.segment)
    return rows.timeline, drift, Density.of(events, drift, scene.precision, COARSE, threads), rows


def runs_in(scene: Scene) -> tuple[Timeline, list[tuple[int, int]]]:
    """Runs that are lost, with the drift of the rest."""
    timeline, drift, density, _ = seen(scene)
    lies = lies_on_others(density, drift, np.arange(len(density.events.frame)))
    odds = log_odds(lies, float(lies.mean()), float(lies.mean()) / 4)
    return timeline, lost_runs(timeline, density.events.frame, odds)


@pytest.mark.parametrize(("per_frame", "long"), [(2.0, 30), (2.0, 200), (8.0, 30), (8.0, 400)])
def test_a_run_that_lies_on_nothing_is_found_at_its_frames(per_frame: float, long: int) -> None:
    """Also where it is so long that its own events lie on each other."""
    timeline, ((a, b),) = runs_in(bumped(per_frame, long))
    first, last = timeline.frames[[a, b - 1]]
    assert abs(first - AT) < max(10, long / 5)
    assert abs(last - AT - long + 1) < max(10, long / 5)


@pytest.mark.parametrize("per_frame", [0.5, 2.0, 8.0])
def test_without_a_bump_there_is_no_run(per_frame: float) -> None:
    for on in (1.0, 5.0):
        assert runs_in(bumped(per_frame, 0, on=on))[1] == []


@pytest.mark.parametrize("jump", [AT, AT + 300])
def test_a_jump_that_a_trend_has_bridged_is_at_its_end(jump: int) -> None:
    """No shift lays a run on others through which the drift goes from one side to the other."""
    scene = bumped(2.0, 0)
    true = scenes.jumping(scene.drift, {jump: FAR})
    scene = scene.drifting(true)
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    frames, drift = rows.timeline.frames, true[rows.timeline.frames]
    within = (frames >= AT) & (frames < AT + 300)
    ends = np.flatnonzero(within)[[0, -1]] + [-1, 1]
    for column in drift.T:
        column[within] = np.interp(frames[within], frames[ends], column[ends])
    events = rows.events(drift, scene.precision, rows.timeline.segment)
    density = Density.of(events, drift, scene.precision, COARSE, 1)
    found = with_lost_runs(rows.timeline, drift, density, rows)
    assert found is not None
    placed, moved = found
    assert len(placed.jumps) == 1
    assert abs(placed.jumps[0] - jump) <= 2
    assert np.abs(moved - true[frames])[within].mean() < 2 * PRECISION


def test_the_run_is_laid_where_the_sample_was() -> None:
    scene = bumped(2.0, 60)
    timeline, drift, density, rows = seen(scene)
    found = with_lost_runs(timeline, drift, density, rows)
    assert found is not None
    placed, moved = found
    assert np.abs(placed.jumps - [AT, AT + 60]).max() <= 2
    away = np.abs(moved - scene.drift[timeline.frames]).max(axis=1)
    inside = (timeline.frames > AT + 2) & (timeline.frames < AT + 58)
    assert away[inside].max() < 2 * PRECISION
    assert np.count_nonzero(away > 2 * PRECISION) <= 4


def test_background_for_a_while_is_not_moved() -> None:
    """It lies on nothing wherever it is put."""
    scene = bumped(2.0, 0)
    late = (scene.frames >= AT) & (scene.frames < AT + 300)
    chance = np.random.default_rng(1).uniform(0, 5_000, scene.positions.shape)
    scene = Scene(
        scene.frames,
        np.where(late[:, None], chance, scene.positions),
        *(scene.emitter, scene.sites, scene.precision, scene.drift),
    )
    timeline, drift, density, rows = seen(scene)
    assert len(runs_in(scene)[1]) == 1
    assert with_lost_runs(timeline, drift, density, rows) is None


@pytest.mark.parametrize("method", ["overlap", "aim"])
@pytest.mark.parametrize("step", [(40.0, 30.0), (300.0, -200.0)])
@pytest.mark.parametrize(("per_frame", "long", "on"), [(2.0, 40, 3.0), (8.0, 100, 1.0)])
def test_somebody_knocks_on_the_table(
    method: str, step: Any, per_frame: float, long: int, on: float
) -> None:
    scene = bumped(per_frame, long, step, on)
    found = estimate_drift(scene.moved, method=method)
    assert len(parameters_of(found)["jumps"]) == 2
    assert np.abs(np.array(parameters_of(found)["jumps"]) - [AT, AT + long]).max() <= 3
    inside = (found["frame"].values >= AT + 3) & (found["frame"].values < AT + long - 3)
    assert found["valid"].values[inside].all()
    left = scene.z_scores(found)
    assert np.sqrt(np.mean(left**2)) < 3
    assert (scene.error(found) < PRECISION).all()


@pytest.mark.parametrize("late", [5_000, 7_000])
def test_the_end_of_a_movie_after_a_far_jump_is_laid_where_it_belongs(late: int) -> None:
    """Few molecules are seen twice there, so that its events do not lie on each other."""
    whole = scenes.visits(scenes.sites(3_000, size=30_000), n=24_000, n_frames=N_FRAMES)
    kept = (whole.frames < late) | (np.arange(len(whole.frames)) % 8 == 0)
    step = np.array([600.0, -400.0])
    drift = scenes.jumping(scenes.smooth(N_FRAMES, extent=60.0), {late: step})
    scene = Scene(
        *(whole.frames[kept], whole.positions[kept], whole.emitter[kept], whole.sites),
        *(whole.precision, whole.drift),
    ).drifting(drift)
    found = with_lost_runs(*seen(scene))
    assert found is not None
    timeline, moved = found
    assert abs(timeline.jumps[-1] - late) <= 3
    after = timeline.frames > late + 3
    np.testing.assert_allclose(moved[after], drift[timeline.frames[after]], atol=2 * PRECISION)

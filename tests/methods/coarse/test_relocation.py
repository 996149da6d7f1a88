"""Relocation: levels of windows, frames of jumps, and that a steady sample is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.coarse import relocation
from smlm_accessor.methods.coarse.relocation import FrameDrift, Steps, height, place, relocated
from smlm_accessor.timeline import Timeline
from tests import scenes
from tests.scenes import Scene

N, AT = 3_000, 1_333
NOWHERE = np.empty(0, np.int64)


def blinking(jumps: dict[int, list[float]], seed: int = 0, d: int = 2) -> Scene:
    """Sites that come back, in a sample that jumps."""
    scene = scenes.blinking(scenes.sites(d=d, seed=seed), n_frames=N, per_frame=6.0, seed=seed)
    return scene.drifting(scenes.jumping(np.zeros((N, d)), jumps))


def at_rest(scene: Scene, jumps: IntArray = NOWHERE) -> FrameDrift:
    """No drift as a start."""
    timeline = Timeline.of(scene.frames, jumps)
    return FrameDrift(timeline, np.zeros((len(timeline.frames), scene.positions.shape[1])))


def found(
    scene: Scene, start: FrameDrift | None = None, lost: range = range(0)
) -> FrameDrift | None:
    """What is found of a sample that nobody lost, but for some frames."""
    start = start or at_rest(scene)
    is_lost = np.isin(start.timeline.frames, lost)
    return relocated(scene.chunked(), start, is_lost, 2 * scene.precision, threads=1)


def error(scene: Scene, drift: FrameDrift | None) -> FloatArray:
    assert drift is not None
    away = drift.drift - scene.drift[drift.timeline.frames]
    return np.asarray(np.abs(away - np.median(away, axis=0)).max(axis=0))


@pytest.mark.parametrize("jump", [[40.0, -20.0], [100.0, -50.0], [0.0, 1_500.0]])
@pytest.mark.parametrize("seed", range(2))
def test_a_jump_that_nobody_saw_is_placed_at_its_frame(jump: list[float], seed: int) -> None:
    scene = blinking({AT: jump}, seed)
    moved = found(scene)
    assert moved is not None
    assert moved.timeline.jumps.tolist() == [AT]
    assert (error(scene, moved) < scene.precision).all()


def test_a_sample_that_does_not_jump_is_left_alone() -> None:
    for drift in (scenes.linear(N, (0.0, 0.0)), scenes.linear(N, (0.05, 0.02))):
        scene = blinking({}).drifting(drift)
        assert (
            relocated(scene.chunked(), at_rest(scene), NOWHERE, scene.precision, threads=1) is None
        )


def test_images_are_compared_only_where_windows_do_not_lie_on_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(relocation, "_steps_by_images", lambda *given: asked.append(given))
    scene = blinking({})
    assert found(scene) is None
    assert not asked
    found(scene, lost=range(400))
    assert asked
    asked.clear()
    found(blinking({AT: [100.0, -50.0]}))
    assert asked


def test_what_is_known_of_the_drift_is_kept() -> None:
    scene = blinking({AT: [300.0, 0.0]})
    scene = scene.drifting(scene.drift + scenes.smooth(N))
    start = at_rest(scene)
    moved = found(scene, replace(start, drift=scenes.smooth(N)[start.timeline.frames]))
    assert moved is not None
    assert moved.timeline.jumps.tolist() == [AT]
    assert (error(scene, moved) < scene.precision).all()


def test_an_excursion_of_little_more_than_a_window() -> None:
    scene = blinking({1_240: [200.0, 0.0], 1_400: [-350.0, 100.0]})
    moved = found(scene)
    assert moved is not None
    assert moved.timeline.jumps.tolist() == [1_240, 1_400]
    assert (error(scene, moved) < scene.precision).all()


def test_frames_that_were_lost_are_found_in_the_others_as_a_whole() -> None:
    """A quarter of the sites is seen in both, in a field so large that its images show nothing."""
    at = scenes.sites(4_000, size=60_000.0)
    rng = np.random.default_rng(3)
    scene = scenes.visits(at, n=6_000, n_frames=N)
    scene = scene.kept(rng.random(len(scene.frames)) < np.where(scene.frames < 400, 0.5, 1.0))
    scene = scene.drifting(scenes.jumping(np.zeros((N, 2)), {400: [5_000.0, -2_000.0]}))
    moved = found(scene, lost=range(400))
    assert moved is not None
    assert moved.timeline.jumps.tolist() == [400]
    assert (error(scene, moved) < 2 * scene.precision).all()


def test_along_z() -> None:
    scene = blinking({AT: [0.0, 0.0, 200.0]}, d=3)
    moved = found(scene)
    assert moved is not None
    assert moved.timeline.jumps.tolist() == [AT]
    assert (error(scene, moved) < 2 * scene.precision).all()


def test_a_jump_at_a_known_frame_stays_there() -> None:
    scene = blinking({AT: [200.0, 0.0]})
    told = AT - 2  # not true: so it shows whether it is looked for
    localizations = replace(scene.chunked(), jumps=np.array([told]))
    start = at_rest(scene, np.array([told]))
    lost = np.zeros(len(start.drift), bool)
    moved = relocated(localizations, start, lost, 2 * scene.precision, threads=1)
    assert moved is not None
    assert moved.timeline.jumps.tolist() == [told]


class TestSteps:
    timeline = Timeline.of(np.arange(100))
    windows = timeline.regular(10)

    def of(self, shift: list[float], registered: list[int] | None = None) -> Steps:
        numbers = np.arange(len(shift)) if registered is None else np.array(registered)
        values = np.array(shift, dtype=float)[:, None]
        return Steps.of(self.windows, numbers, values, np.ones_like(values), np.array([4.0]))

    def test_levels_are_medians_between_steps(self) -> None:
        steps = self.of([0, 1, 0, 0, 30, 31, 31, 31, 30, 31])
        assert steps.begins.tolist() == [0, 4]
        assert steps.level[:, 0].tolist() == [0, 31]
        assert list(steps.ranges()) == [(range(2), slice(30, 50))]

    def test_what_steps_all_the_time_has_no_levels(self) -> None:
        assert self.of([0, 9, 1, 12, 3, 10, 1, 8, 2, 11]).begins.tolist() == [0]

    def test_a_step_is_compared_with_the_errors_of_its_windows(self) -> None:
        shift = np.array([[0.0], [1], [0], [30], [29], [30], [10], [40], [20], [35]])
        numbers, error = np.arange(10), np.repeat([1.0, 20.0], [6, 4])[:, None]
        steps = Steps.of(self.windows, numbers, shift, error**2, np.array([4.0]))
        assert steps.begins.tolist() == [0, 3]

    def test_a_single_window_between_belongs_to_both_steps(self) -> None:
        steps = self.of([0, 0, 0, 0, 20, 50, 50, 50, 50, 50])
        assert steps.begins.tolist() == [0, 4, 5]
        assert list(steps.ranges()) == [(range(3), slice(30, 60))]

    def test_two_steps_far_from_each_other(self) -> None:
        steps = self.of([0, 0, 0, 20, 20, 20, 50, 50, 50, 50])
        assert list(steps.ranges()) == [(range(2), slice(20, 40)), (range(1, 3), slice(50, 70))]

    def test_windows_without_a_shift_may_hold_the_jump(self) -> None:
        steps = self.of([0, 0, 0, 20, 20, 20], [0, 1, 3, 6, 7, 9])
        assert list(steps.ranges()) == [(range(2), slice(30, 70))]


def test_the_frames_of_two_jumps_are_those_of_their_levels() -> None:
    jumps = {900: [120.0, 0.0], 2_000: [-60.0, 90.0]}
    scene = blinking(jumps)
    start = at_rest(scene)
    windows = start.timeline.regular(250)
    level = np.array([[0.0, 0.0], [120.0, 0.0], [60.0, 90.0]])
    steps = Steps(windows, np.arange(len(windows)), np.array([0, 4, 8]), level)
    moved = place(scene.chunked(), start, steps, 2 * scene.precision, 1)
    assert moved is not None
    assert moved.timeline.jumps.tolist() == list(jumps)
    assert not error(scene, moved).any()


def test_a_last_window_that_is_elsewhere_by_chance_is_no_jump() -> None:
    scene = blinking({})
    start = at_rest(scene)
    windows = start.timeline.regular(250)
    level = np.array([[0.0, 0.0], [700.0, -300.0]])
    steps = Steps(windows, np.arange(len(windows)), np.array([0, len(windows) - 1]), level)
    moved = place(scene.chunked(), start, steps, 2 * scene.precision, 1)
    assert moved is None


def test_with_the_drift_that_it_has_a_sample_is_densest() -> None:
    scene = blinking({AT: [120.0, -60.0]})
    rest = at_rest(scene)
    true = replace(rest, drift=scene.drift[rest.timeline.frames])
    half = replace(rest, drift=true.drift / 2)
    cell = 2 * scene.precision
    heights = [height(scene.chunked(), drift, cell, 1) for drift in (true, rest, half)]
    assert heights[0] > max(heights[1:]) + 1_000
    shifted = replace(true, drift=true.drift + 1_000.0)
    assert height(scene.chunked(), shifted, cell, 1) == pytest.approx(heights[0], rel=0.01)

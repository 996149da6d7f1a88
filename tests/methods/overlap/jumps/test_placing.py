"""Jumps: that they are seen, in which frame they are, and that a random walk has none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.methods.overlap.jumps.placing import JumpRange, jump_ranges, place_jumps
from smlm_accessor.timeline import Windows
from tests import scenes
from tests.scenes import PRECISION, Scene

N_FRAMES, AT, STEP = 1_000, 437, (60.0, -40.0)

Estimated = tuple[WeightedLocalizations, Windows, Density, DriftEstimate]


def estimated(
    scene: Scene, start: FloatArray, told: IntArray | None = None, length: int = 10
) -> Estimated:
    """An estimate from a start that knows the course of the sample but not the frame."""
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    timeline = rows.timeline if told is None else rows.timeline.with_jumps(told)
    drift = start[timeline.frames]
    windows = timeline.regular(length)
    events = rows.events(drift, scene.precision, timeline.segment)
    density = Density.of(events, drift, scene.precision, COARSE, 1)
    return rows, windows, density, iterate(drift, windows, density, rounds=3, tolerance=0.3)


def jumping(jumps: dict[int, Any], on: float = 3.0, seed: int = 0) -> tuple[Scene, FloatArray]:
    """A scene with jumps, and a start that has each of them a little early or late."""
    still = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10, on=on, seed=seed)
    early = {at + (-6 if k % 2 == 0 else 4): step for k, (at, step) in enumerate(jumps.items())}
    line = scenes.linear(N_FRAMES)
    return still.drifting(scenes.jumping(line, jumps)), scenes.jumping(line, early)


def placed(scene: Scene, start: FloatArray) -> tuple[list[JumpRange], list[int], FloatArray]:
    """The ranges of jumps, their frames, and the error of the drift with them in it."""
    rows, windows, density, estimate = estimated(scene, start)
    ranges = jump_ranges(estimate, windows, rows.timeline)
    timeline, drift = place_jumps(ranges, estimate.drift, density, rows)
    error = drift - scene.drift[timeline.frames]
    return ranges, timeline.jumps.tolist(), np.abs(error - np.median(error, axis=0)).max(axis=1)


@pytest.mark.parametrize("on", [1.0, 5.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_jump_is_placed_at_its_frame(on: float, seed: int) -> None:
    scene, start = jumping({AT: STEP}, on, seed)
    ranges, jumps, error = placed(scene, start)
    assert len(ranges) == 1
    assert ranges[0].start <= AT < ranges[0].stop  # every frame has localizations
    np.testing.assert_allclose(
        ranges[0].after - ranges[0].before, np.tile(STEP, (len(ranges[0].after), 1)), atol=4
    )
    assert jumps == [AT]
    assert error.max() < 4


def test_the_windows_beside_a_jump_are_not_on_the_way() -> None:
    """A drift of short segments goes over a far jump in steps: windows there see nothing."""
    step, worst = np.array([700.0, -850.0]), []
    for seed in range(6):
        scene, start = jumping({AT: step}, seed=seed)
        start[AT - 12 : AT + 20] = start[AT - 30] + np.linspace(0, 1, 32)[:, None] * step
        _, jumps, error = placed(scene, start)
        assert jumps == [AT]
        worst.append(error.max())
    # Blinks are put together with a drift that is wrong there: single windows are less precise.
    assert np.median(worst) < 3
    assert max(worst) < PRECISION


@pytest.mark.parametrize("apart", [40, 80, 300])
def test_two_jumps_are_placed_at_their_frames(apart: int) -> None:
    """Also if they are near each other, so that their ranges overlap."""
    scene, start = jumping({AT: STEP, AT + apart: (-50.0, -70.0)})
    ranges, jumps, error = placed(scene, start)
    assert len(ranges) == 2
    assert jumps == [AT, AT + apart]
    assert error.max() < 2 * PRECISION  # of few windows between them; iteration goes on from there


def test_a_sample_that_leaves_and_comes_back_has_two_jumps() -> None:
    scene, start = jumping({AT: (60.0, -40.0), AT + 60: (-60.0, 40.0)})
    _, jumps, error = placed(scene, start)
    assert jumps == [AT, AT + 60]
    assert error.max() < 4


def test_between_two_jumps_the_localizations_decide_whether_it_rested() -> None:
    """Two breaks told for a single jump: the drift between them gains nothing, and is left out."""
    scene, _ = jumping({AT: STEP})
    rows, _, density, estimate = estimated(scene, scene.drift)
    true = scene.drift[rows.timeline.frames]
    before, after = true - true[AT] + true[AT - 1], true.copy()
    after[:AT] += STEP
    before[:AT] = true[:AT]
    elsewhere = before + 400.0
    first = JumpRange(AT - 60, AT + 20, before[AT - 60 : AT + 20], elsewhere[AT - 60 : AT + 20])
    second = JumpRange(AT - 20, AT + 60, elsewhere[AT - 20 : AT + 60], after[AT - 20 : AT + 60])
    timeline, _ = place_jumps([first, second], true, density, rows)
    assert timeline.jumps.tolist() == [AT]
    assert estimate.drift.shape == true.shape


@pytest.mark.parametrize(
    "drift",
    [scenes.linear(N_FRAMES), scenes.restless(N_FRAMES)]
    + [scenes.random_walk(N_FRAMES, 1.0, seed=seed) for seed in range(4)],
)
def test_without_jumps_none_is_seen(drift: Any) -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10).drifting(drift)
    rows, windows, density, estimate = estimated(scene, drift)
    assert jump_ranges(estimate, windows, rows.timeline) == []
    timeline, same = place_jumps([], estimate.drift, density, rows)
    assert timeline.jumps.tolist() == []
    np.testing.assert_array_equal(same, estimate.drift)


def test_a_jump_that_is_told_is_not_seen_again() -> None:
    scene, _ = jumping({AT: STEP})
    rows, windows, _, estimate = estimated(scene, scene.drift, np.array([AT]))
    assert jump_ranges(estimate, windows, windows.timeline) == []
    # But one that was found is looked for again.
    (found,) = jump_ranges(estimate, windows, rows.timeline)
    assert found.start <= AT < found.stop


def test_an_excursion_of_a_few_windows_is_placed_at_its_frames() -> None:
    """Its windows are fewer than those in which each jump is looked for."""
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: STEP, AT + 12: (-60.0, 40.0)})
    still = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=20, on=1.0)
    rows, windows, density, estimate = estimated(still.drifting(drift), drift, length=4)
    ranges = jump_ranges(estimate, windows, rows.timeline)
    timeline, _ = place_jumps(ranges, estimate.drift, density, rows)
    assert timeline.jumps.tolist() == [AT, AT + 12]


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_tells_the_jump_is_in_the_middle(seed: int) -> None:
    """Of the frames from 420 to 459 there is only background, none of it by other background."""
    scene, start = jumping({AT: STEP}, on=1.0, seed=seed)
    empty = (scene.frames >= 420) & (scene.frames < 460)
    rng = np.random.default_rng(seed)
    positions = scene.positions.copy()
    positions[empty] = rng.uniform(5_000, 90_000, (int(empty.sum()), 2))
    dark = replace(scene, positions=positions)
    _, jumps, _ = placed(dark, start)
    assert jumps == [440]

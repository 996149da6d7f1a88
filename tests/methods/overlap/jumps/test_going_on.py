"""Blinks that go on over a jump tell its frame, on known truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.going_on import odds_by_blinks
from smlm_accessor.methods.overlap.jumps.placing import JumpRange, place_jumps
from tests import scenes
from tests.scenes import Scene

N_FRAMES, STEP = 400, np.array([90.0, -120.0])


def seen(scene: Scene) -> tuple[WeightedLocalizations, Density]:
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    true = scene.drift[rows.timeline.frames]
    events = rows.events(true, scene.precision, rows.timeline.segment)
    return rows, Density.of(events, true, scene.precision, COARSE, 1)


def once(at: int, on: float = 6.0, per_frame: float = 3.0, seed: int = 0) -> Scene:
    """Molecules that blink once, all over the field: only blinks that go on tell the frame."""
    places = scenes.sites(4 * N_FRAMES, size=40_000, seed=seed)
    scene = scenes.blinking(places, n_frames=N_FRAMES, per_frame=per_frame, on=on, seed=seed)
    return scene.drifting(scenes.jumping(np.zeros((N_FRAMES, 2)), {at: STEP}))


def odds(scene: Scene, start: int, n: int) -> tuple[FloatArray, WeightedLocalizations]:
    rows, density = seen(scene)
    return odds_by_blinks(np.tile(STEP, (n, 1)), start, density, rows), rows


@pytest.mark.parametrize("seed", range(5))
def test_a_jump_is_where_blinks_go_over_it(seed: int) -> None:
    found, rows = odds(once(203, seed=seed), 150, 100)
    assert found.shape == (101,)
    at = int(np.searchsorted(rows.timeline.frames, 203)) - 150
    assert found.argmax() == at
    assert found[at] > 4
    assert np.median(found) < -4


@pytest.mark.parametrize("seed", range(3))
def test_blinks_of_one_frame_tell_next_to_nothing(seed: int) -> None:
    found, _ = odds(once(203, on=1.0, seed=seed), 150, 100)
    assert np.abs(found).mean() < 0.3


def test_a_frame_after_others_that_are_missing_tells_nothing() -> None:
    scene = once(203)
    kept = (scene.frames < 170) | (scene.frames > 180)
    some = {name: getattr(scene, name)[kept] for name in ("frames", "positions", "emitter")}
    found, rows = odds(replace(scene, **some), 150, 100)
    after = int(np.searchsorted(rows.timeline.frames, 181)) - 150
    assert found[after] == 0
    assert found[after - 1] < 0


@pytest.mark.parametrize("start", [0, N_FRAMES - 100])
def test_before_and_after_the_movie_it_is_as_unlikely_as_anywhere(start: int) -> None:
    found, rows = odds(once(203), start, len(seen(once(203))[0].timeline.frames[start:][:100]))
    end = 0 if start == 0 else -1
    inner = found[1:] if start == 0 else found[:-1]
    assert found[end] == np.median(inner)
    assert len(rows.timeline.frames) <= N_FRAMES


def test_a_step_of_no_length_tells_nothing() -> None:
    rows, density = seen(once(203))
    np.testing.assert_allclose(odds_by_blinks(np.zeros((100, 2)), 150, density, rows), 0)


@pytest.mark.parametrize("on", [3.0, 7.0])
def test_jumps_are_placed_to_the_frame_where_nothing_comes_back(on: float) -> None:
    """The density of other times tells nothing of where the sample is."""
    exact = 0
    for seed in range(10):
        scene = once(150 + 7 * seed, on=on, seed=seed)
        rows, density = seen(scene)
        at = int(np.searchsorted(rows.timeline.frames, 150 + 7 * seed))
        known, true = np.zeros((100, 2)), scene.drift[rows.timeline.frames]
        jump = JumpRange(at - 45, at + 55, known, known + STEP)
        timeline, _ = place_jumps([jump], true, density, rows)
        exact += timeline.jumps.tolist() == [rows.timeline.frames[at]]
    assert exact >= 9

"""The simplest course: rest, even motion and jumps are told apart, and chance makes none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.coarse.simplest import Simple, between_jumps, score, simplest
from tests import scenes
from tests.scenes import PRECISION, Scene

N, AT = 4_000, 2_800
EDGES = np.arange(0, N + 1, 50)
NONE = np.empty(0, np.int64)
SCALE = np.array([0.5 / PRECISION, 0.5 / PRECISION, 0.0])


def followed(
    scene: Scene, jumps: IntArray = NONE, noise: float = 4.0, seed: int = 0
) -> tuple[tuple[FloatArray, IntArray], Simple]:
    """What a tracker makes of a scene: the drift of each window, with an error in nm."""
    arrays = np.ascontiguousarray(scene.moved_positions), scene.frames
    motion = WindowDrift.at_rest(scene.frames, EDGES)
    true = scene.drift.reshape(len(EDGES) - 1, -1, 2).mean(axis=1)
    drift = np.zeros((len(true), 3))
    drift[:, :2] = true + np.random.default_rng(seed).normal(0, noise, true.shape)
    motion = replace(motion, drift=drift)
    return arrays, Simple(motion, jumps, score(arrays, motion, SCALE, 1))


def of(scene: Scene, jumps: IntArray = NONE, told: IntArray = NONE, **kwargs: float) -> Simple:
    arrays, course = followed(scene, jumps, **kwargs)  # type: ignore[arg-type]
    return simplest(arrays, course, EDGES, told, SCALE, 1)


def scene_with(drift: FloatArray, per_frame: float = 5.0, seed: int = 0) -> Scene:
    still = scenes.blinking(
        scenes.sites(200, seed=seed), n_frames=N, per_frame=per_frame, seed=seed
    )
    return still.drifting(drift)


@pytest.mark.parametrize("seed", range(3))
def test_rest(seed: int) -> None:
    assert not of(scene_with(np.zeros((N, 2)), seed=seed), seed=seed).motion.drift.any()


@pytest.mark.parametrize("seed", range(3))
def test_rest_with_a_jump_that_is_none(seed: int) -> None:
    found = of(scene_with(np.zeros((N, 2)), seed=seed), np.array([1_500]), seed=seed)
    assert not len(found.jumps)
    assert not found.motion.drift.any()


@pytest.mark.parametrize("seed", range(3))
def test_even_motion(seed: int) -> None:
    true = scenes.linear(N, (30.0 / N, -12.0 / N))
    found = of(scene_with(true, seed=seed), np.array([2_000]), seed=seed)
    assert not len(found.jumps)
    away = found.motion.drift[:, :2] - true.reshape(len(EDGES) - 1, -1, 2).mean(axis=1)
    assert (np.ptp(away, axis=0) < PRECISION).all()
    slope = np.diff(found.motion.drift, axis=0)[:, :2] / np.diff(found.motion.middle)[:, None]
    np.testing.assert_allclose(slope, slope[:1].repeat(len(slope), axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_rest_before_and_after_a_jump(seed: int) -> None:
    """Also when little is left after it."""
    true = scenes.jumping(np.zeros((N, 2)), {AT: [60.0, -20.0]})
    scene = scene_with(true, seed=seed)
    late = np.random.default_rng(seed).random(len(scene.frames)) < 0.1
    scene = scene.kept((scene.frames < AT) | late)
    found = of(scene, np.array([1_000, AT]), seed=seed)
    assert found.jumps.tolist() == [AT]
    step = np.unique(found.motion.drift.round(6), axis=0)
    assert len(step) == 2
    np.testing.assert_allclose(np.abs(np.diff(step, axis=0))[0, :2], [60, 20], atol=3)


def test_a_jump_that_is_told_stays() -> None:
    found = of(scene_with(np.zeros((N, 2))), NONE, np.array([1_500]))
    assert found.jumps.tolist() == [1_500]
    assert len(np.unique(found.motion.drift.round(6), axis=0)) <= 2


def test_any_course_where_none_of_these_is_right() -> None:
    true = scenes.smooth(N)
    scene = scene_with(true, per_frame=20.0)
    arrays, course = followed(scene, noise=1.0)
    assert simplest(arrays, course, EDGES, NONE, SCALE, 1) is course


def test_lattice_that_is_off_by_a_period_is_no_jump() -> None:
    """A tracker went wrong by a period of a lattice: half of the localizations lie as well."""
    x = np.arange(8) * 40.0
    lattice = np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)
    still = scenes.blinking(lattice, n_frames=N, per_frame=5.0, seed=2)
    line = scenes.linear(N, (20.0 / N, 0.0))
    scene = still.drifting(line)
    arrays, course = followed(scene, np.array([AT]))
    wrong = course.motion.drift.copy()
    wrong[AT // 50 :, 0] += 40.0
    motion = replace(course.motion, drift=wrong)
    course = Simple(motion, np.array([AT]), score(arrays, motion, SCALE, 1))
    assert not len(simplest(arrays, course, EDGES, NONE, SCALE, 1).jumps)


def test_levels_and_slope_are_those_of_least_squares() -> None:
    scene = scene_with(np.zeros((N, 2)))
    _, course = followed(scene, noise=0.0)
    time = course.motion.middle
    drift = np.zeros((len(time), 3))
    drift[:, 0] = 0.01 * time + 50.0 * (time > AT)
    drift[5] = np.nan
    motion = replace(course.motion, drift=drift)
    jump, known = np.array([AT]), np.arange(len(time)) != 5
    lines = between_jumps(motion, EDGES, jump, jump, sloping=True).drift
    np.testing.assert_allclose(lines[known], (drift - drift[0])[known], atol=1e-9)
    assert np.isnan(lines[5]).all()
    line = between_jumps(motion, EDGES, jump, NONE, sloping=True).drift
    np.testing.assert_allclose(line[known, 0], 0.01 * (time - time[0])[known], atol=1e-9)
    levels = between_jumps(motion, EDGES, jump, jump, sloping=False).drift[known]
    assert len(np.unique(levels.round(9), axis=0)) == 2
    assert not between_jumps(motion, EDGES, jump, NONE, sloping=False).drift[known].any()

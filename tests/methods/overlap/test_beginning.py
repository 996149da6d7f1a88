"""What windows of time begin with: the drift, its errors, and where nothing is told."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.overlap import beginning
from smlm_accessor.methods.overlap.beginning import Beginning, ToldBeforehand, begun_windows
from tests import scenes
from tests.scenes import PRECISION, Scene

N_FRAMES = 4_000


def begun(scene: Scene) -> Beginning:
    found = begun_windows(scene.chunked(), scene.precision, 1)
    assert found is not None
    return found


def told(start: Beginning, edges: IntArray) -> ToldBeforehand:
    return start.told_of(edges, (edges[1:] + edges[:-1]) / 2)


def bleaching(seed: int) -> Scene:
    at = scenes.sites(600, size=8_000, seed=seed)
    scene = scenes.bleaching(at, n=8_000, n_frames=N_FRAMES, life=120, seed=seed)
    return scene.drifting(scenes.linear(N_FRAMES))


def scores(scene: Scene, found: FloatArray, std: FloatArray, frames: FloatArray) -> FloatArray:
    error = found - scene.drift[np.round(frames).astype(int)]
    return np.asarray((error - error.mean(axis=0)) / std)


def test_it_is_near_the_truth_and_knows_the_jumps() -> None:
    scene = scenes.visits(scenes.sites(), n=20_000, n_frames=N_FRAMES)
    scene = scene.drifting(scenes.jumping(scenes.linear(N_FRAMES), {1_234: [240, 180]}))
    coarse = begun(scene).found
    np.testing.assert_array_equal(coarse.jumps, [1_234])
    assert coarse.valid.all()
    one = np.ones(2)
    away = scores(scene, coarse.drift, one, coarse.middle)
    assert np.sqrt(np.mean(away**2)) < 0.5 * PRECISION


@pytest.mark.parametrize("method", ["aim", "rcc"])
def test_a_part_of_the_field_tells_as_much(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the part has no localizations in some frames."""
    monkeypatch.setattr(beginning, "_ENOUGH", 3_000)
    scene = scenes.visits(scenes.sites(), n=20_000, n_frames=N_FRAMES)
    scene = scene.drifting(scenes.jumping(scenes.linear(N_FRAMES), {1_234: [240, 180]}))
    start = begun(scene)
    assert start.parts.timeline.counts.sum() <= 3_010
    (jump,) = start.found.jumps
    assert abs(jump - 1_234) < 10
    drift = estimate_drift(scene.moved, method=method)
    assert drift["valid"].all()
    assert (scene.error(drift) < PRECISION).all()
    assert np.sqrt(np.mean(scene.z_scores(drift) ** 2)) < 1.4


def test_windows_share_no_error_where_molecules_stay() -> None:
    scene = scenes.visits(scenes.sites(), n=20_000, n_frames=N_FRAMES)
    assert not begun(scene).variance.any()


def test_windows_share_the_error_of_the_chain_where_molecules_bleach() -> None:
    """The joint drift is what its errors say, and larger than chance in single windows."""
    found = []
    for seed in range(3):
        scene = bleaching(seed)
        start = begun(scene)
        assert (start.variance > 0).all()
        std = np.sqrt(start.variance)
        found.append(scores(scene, start.found.drift, std, start.found.middle))
    assert 0.6 < np.sqrt(np.mean(np.concatenate(found) ** 2)) < 1.35


def test_chosen_windows_are_as_sure_as_they_say_where_molecules_bleach() -> None:
    found = []
    for seed in range(3):
        scene = bleaching(seed)
        drift = estimate_drift(scene.moved, method="aim")
        assert drift["valid"].all()
        found.append(scene.z_scores(drift).ravel())
    assert 0.5 < np.sqrt(np.mean(np.concatenate(found) ** 2)) < 1.4


def test_windows_beside_a_jump_may_be_wrong_by_its_frame() -> None:
    """Where few localizations tell the frame, more than where many do, and nowhere else."""
    beside = {}
    for per_frame in (0.3, 3.0):
        scene = scenes.blinking(scenes.sites(60), n_frames=N_FRAMES, per_frame=per_frame, on=1)
        scene = scene.with_background(0.3)
        scene = scene.drifting(scenes.jumping(np.zeros((N_FRAMES, 2)), {2_000: [300, 150]}))
        start = begun(scene)
        (jump,) = start.found.jumps
        edges = np.array([0, 1_000, jump - 20, jump, jump + 20, 3_000, N_FRAMES])
        variance = told(start, edges).by_jumps
        assert not variance[[0, -1]].any()
        beside[per_frame] = variance[2:4].sum()
    assert beside[0.3] > 4 * beside[3.0]


def test_what_lies_on_nothing_is_told() -> None:
    scene = scenes.visits(scenes.sites(), n=20_000, n_frames=N_FRAMES)
    chance = np.random.default_rng(1).uniform(0, 5_000, scene.positions.shape)
    late = scene.frames >= 3_000
    lost = Scene(
        scene.frames,
        np.where(late[:, None], chance, scene.positions),
        *(scene.emitter, scene.sites, scene.precision, scene.drift),
    )
    edges = np.array([0, 2_000, 3_000, 3_500, N_FRAMES])
    assert told(begun(lost), edges).on_structures.tolist() == [True, True, False, False]
    assert told(begun(scene), edges).on_structures.all()


@pytest.mark.parametrize("precision", [np.full(2, PRECISION), np.array([PRECISION, np.nan])])
def test_background_is_no_beginning(precision: FloatArray) -> None:
    scene = scenes.background(n=20_000, n_frames=N_FRAMES, seed=5)
    assert begun_windows(scene.chunked(), precision, 1) is None


def test_errors_of_windows_hold_what_is_told_beforehand() -> None:
    shared = np.array([[4.0, 1.0]] * 4)
    by_jumps = np.outer([0.0, 900.0, 0.0, 0.0], [1.0, 1.0])
    told = ToldBeforehand(shared, by_jumps, np.array([True, True, True, False]))
    own = np.array([[1.0, 9.0], [1.0, 1.0], [226.0, 1.0], [1.0, 1.0]])
    variance, may_be = told.with_own(own, np.full(2, 5.0))
    np.testing.assert_array_equal(variance[:2], [[4.0, 9.0], [904.0, 901.0]])
    # Known worse than three precisions is the third one, by itself; the last lies on nothing.
    assert may_be.tolist() == [True, True, False, False]
    # Along an axis that tells nothing, nothing is asked.
    may_be = told.with_own(own, np.array([np.nan, 5.0]))[1]
    assert may_be.tolist() == [True, True, True, False]

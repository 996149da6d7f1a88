"""The finder of beads, on beads at known places."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.methods.fiducial.find import Beads, find_beads

N_FRAMES = 600
PLACES = np.array([[200.0, 300.0], [1500.0, 400.0], [900.0, 1700.0]])


class Scene:
    """Three beads that drift together, and localizations anywhere."""

    def __init__(self, seen: BoolArray | None = None, jump: float = 0.0, own: float = 0.0) -> None:
        rng = np.random.default_rng(4)
        t = np.arange(N_FRAMES)
        self.path = PLACES + np.stack([0.05 * t, 10 * np.sin(t / 90)], axis=1)[:, None]
        self.path[N_FRAMES // 2 :, :, 0] += jump
        self.path[:, 1, 1] += own * t
        seen = np.ones((N_FRAMES, 3), dtype=bool) if seen is None else seen
        frame, bead = np.nonzero(seen)
        positions = self.path[frame, bead] + rng.normal(0, 2, (len(frame), 2))
        others = rng.uniform(0, 2000, (2000, 2))
        frames = np.concatenate([frame, rng.integers(N_FRAMES, size=2000)])
        order = np.argsort(frames, kind="stable")
        self.frames: IntArray = frames[order]
        self.positions: FloatArray = np.concatenate([positions, others])[order]
        self.bead: IntArray = np.concatenate([bead, np.full(2000, -1)])[order]

    def find(
        self,
        *,
        given: FloatArray | None = None,
        radius: float | None = None,
        presence: float = 0.8,
    ) -> Beads:
        uncertainty = np.full_like(self.positions, 2.0)
        return find_beads(
            self.positions,
            self.frames,
            uncertainty,
            given=given,
            radius=radius,
            presence=presence,
        )


def assert_found(scene: Scene, found: Beads, beads: list[int]) -> None:
    """The localizations of these beads and hardly any other, each bead under one number."""
    number = np.linalg.norm(
        found.paths.start()[:, None] - PLACES[None], axis=2
    ).argmin(axis=1)  # fmt: skip
    assert sorted(number) == beads
    assert (scene.bead[found.row] == number[found.bead]).mean() > 0.995
    wanted = np.isin(scene.bead, beads).sum()
    assert len(found.row) == pytest.approx(wanted, rel=0.01)
    frame_of_bead = scene.frames[found.row] * 3 + found.bead
    assert len(np.unique(frame_of_bead)) == len(frame_of_bead)  # one in each frame


@pytest.mark.parametrize("jump", [0.0, 300.0])
def test_all_are_found(jump: float) -> None:
    scene = Scene(jump=jump)
    found = scene.find()
    assert_found(scene, found, [0, 1, 2])
    np.testing.assert_allclose(found.presence, 1, atol=0.01)
    assert found.paths.radius == 5 * 2.0
    marked = found.paths.on_path(scene.positions, scene.frames)
    assert (marked == (scene.bead >= 0)).mean() > 0.99


def test_one_that_is_lost_and_comes_back_is_one_bead() -> None:
    seen = np.ones((N_FRAMES, 3), dtype=bool)
    seen[200:300, 2] = False
    scene = Scene(seen)
    found = scene.find()
    assert_found(scene, found, [0, 1, 2])
    np.testing.assert_allclose(np.sort(found.presence), [5 / 6, 1, 1], atol=0.01)


def test_one_that_appears_late_is_a_bead_only_if_it_is_seen_often_enough() -> None:
    seen = np.ones((N_FRAMES, 3), dtype=bool)
    seen[:200, 0] = False
    scene = Scene(seen)
    assert_found(scene, scene.find(), [1, 2])
    assert_found(scene, scene.find(presence=0.6), [0, 1, 2])


def test_one_that_moves_by_itself_is_followed() -> None:
    scene = Scene(own=0.3)  # 180 in all: many times the radius
    assert_found(scene, scene.find(), [0, 1, 2])


def test_given_ones_and_a_radius() -> None:
    scene = Scene()
    found = scene.find(given=PLACES[2:] + 3, radius=15.0)
    assert_found(scene, found, [2])
    assert found.paths.radius == 15.0


def test_without_beads_or_in_few_frames_none_is_found() -> None:
    scene = Scene(np.zeros((N_FRAMES, 3), dtype=bool))
    assert len(scene.find().paths) == 0
    scene = Scene()
    few = scene.frames < 9
    scene.positions, scene.frames = scene.positions[few], scene.frames[few]
    assert len(scene.find().paths) == 0

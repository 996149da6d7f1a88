"""The coarse drift of a table in parts: windows end where parts do, and parts are joined."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.aim.parts import ending_with, joined_parts, stays_near
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.coarse.tracker import Coarse
from tests.methods.overlap.test_between_times import N_FRAMES, two_parts
from tests.scenes import Scene

JUMP = np.array([300.0, -200.0])


def coarse_of(scene: Scene, wrong_by: FloatArray, first: int = 0, n: int = 100) -> Coarse:
    """The true drift in windows from some frame on, but without the jump."""
    edges = np.linspace(first, N_FRAMES, n + 1).astype(np.int64)
    middle = (edges[:-1] + edges[1:]) / 2
    drift = scene.drift[middle.astype(int)] - np.where(middle < N_FRAMES // 2, 0, 1)[:, None] * (
        wrong_by
    )
    return Coarse(edges, drift, np.ones(n, bool), np.ones(n), np.zeros(0, int), middle)


def test_parts_that_share_a_fifth_are_joined_at_the_frame_of_the_jump() -> None:
    scene = two_parts(20, JUMP)
    found, parts = joined_parts(scene.chunked(), coarse_of(scene, JUMP), scene.precision)
    assert not parts.known.part.any()
    assert abs(int(found.jumps[0]) - N_FRAMES // 2) <= 3
    late = found.middle >= found.jumps[0]
    step = found.drift[late].mean(axis=0) - found.drift[~late].mean(axis=0)
    np.testing.assert_allclose(step, JUMP, atol=scene.precision[0])


def test_windows_end_where_parts_do() -> None:
    scene = two_parts(0, JUMP)
    found, parts = joined_parts(scene.chunked(), coarse_of(scene, JUMP, n=3), scene.precision)
    assert parts.known.part.max() == 1
    cut = ending_with(parts, found, scene.chunked())
    assert np.isin(parts.ends, cut.edges).all()
    assert np.abs(cut.edges - N_FRAMES // 2).min() <= 40


def test_a_sample_may_begin_later_than_the_table() -> None:
    """The coarse drift is that of a sample; its windows are those of all frames here."""
    scene = two_parts(20)
    found, parts = joined_parts(scene.chunked(), coarse_of(scene, 0 * JUMP, 50), scene.precision)
    assert not parts.known.part.any()
    moved = ending_with(parts, found, scene.chunked())
    assert moved is found


def test_windows_are_near_unless_one_has_moved_or_its_coarse_drift_is_not_known() -> None:
    scene = two_parts(20)
    found = coarse_of(scene, 0 * JUMP)
    motion = WindowDrift.at_rest(scene.frames, found.edges)
    motion.drift[:, :2] = found.drift + scene.precision
    assert stays_near(motion, found, scene.precision)
    motion.drift[5, 1] += 2 * scene.precision[1]
    assert not stays_near(motion, found, scene.precision)
    motion.drift[5] = np.nan
    assert stays_near(motion, found, scene.precision)
    lost = replace(found, valid=np.arange(100) != 7)
    assert not stays_near(motion, lost, scene.precision)

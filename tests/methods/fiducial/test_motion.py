"""The common motion of beads, and windows, on known truth."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.fiducial.find import BeadPaths, Beads
from smlm_accessor.methods.fiducial.motion import choose_windows, common_motion, stray
from smlm_accessor.timeline import Timeline

SIGMA = np.array([1.0, 2.0, 4.0])


def scene(
    drift: FloatArray, *, seed: int = 0, own: float = 0.0
) -> tuple[FloatArray, Beads, Timeline]:
    """Three beads with these standard deviations; the last one has its own random walk."""
    rng = np.random.default_rng(seed)
    m, d = drift.shape
    frame, bead = np.repeat(np.arange(m), 3), np.tile(np.arange(3), m)
    positions = 1000.0 * bead[:, None] + drift[frame]
    positions = positions + SIGMA[bead, None] * rng.normal(0, 1, (3 * m, d))
    positions[2::3] += np.cumsum(rng.normal(0, own, (m, d)), axis=0)
    paths = BeadPaths(np.zeros(1), np.zeros(1, int), np.zeros((1, 3, 2)), 10.0)
    return positions, Beads(np.arange(3 * m), bead, np.ones(3), paths), Timeline.of(frame)


def test_errors_are_as_large_as_they_should_be() -> None:
    z = []
    for seed in range(10):
        drift = np.cumsum(np.random.default_rng(seed).normal(0, 0.2, (400, 2)), axis=0)
        positions, beads, timeline = scene(drift, seed=seed)
        motion = common_motion(positions, beads, timeline.cut(np.arange(0, 401, 10)))
        error = motion.drift - drift.reshape(40, 10, 2).mean(axis=1)
        z.append((error - error.mean(axis=0)) / np.sqrt(motion.variance))
        assert motion.valid.all()
        assert (motion.n_beads == 3).all()
    assert np.std(z) == pytest.approx(1, abs=0.12)


def test_jitter_weights_and_strays() -> None:
    positions, beads, timeline = scene(np.zeros((4000, 2)), own=0.3)
    motion = common_motion(positions, beads, timeline.cut(np.arange(0, 4001, 40)))
    np.testing.assert_allclose(np.sqrt(motion.jitter), SIGMA[:, None] * [1, 1], rtol=0.1)
    assert motion.weight[2] < 0.01
    np.testing.assert_allclose(motion.weight[:2], [0.75, 0.25], atol=0.08)  # 0.8, 0.2 by jitter
    own = np.cumsum(np.random.default_rng(0).normal(0, 0.3, (4000, 2)), axis=0).std()
    away = stray(motion)
    assert (away[:2] < 0.5).all()
    assert away[2] > 0.3 * own
    np.testing.assert_allclose(np.diff(motion.place[:2, 0]), 1000, atol=0.2)


def test_windows_in_which_beads_are_hardly_seen_do_not_count() -> None:
    positions, beads, timeline = scene(np.zeros((200, 2)))
    frame = np.repeat(np.arange(200), 3)
    kept = (frame < 100) | (frame >= 120) | (frame % 4 == 0)
    seen = beads._replace(row=beads.row[kept], bead=beads.bead[kept])
    motion = common_motion(positions, seen, timeline.cut(np.arange(0, 201, 20)))
    assert motion.valid.tolist() == [k != 5 for k in range(10)]
    assert np.isnan(motion.drift[5]).all()


@pytest.mark.parametrize(("step", "low", "high"), [(0.02, 30, 300), (0.2, 4, 30), (3.0, 1, 2)])
def test_windows_are_short_where_the_drift_is_fast(step: float, low: int, high: int) -> None:
    """The best length is about 2 jitters over the step of a walk: 90, 9, and 1 frames."""
    drift = np.cumsum(np.random.default_rng(3).normal(0, step, (4000, 2)), axis=0)
    positions, beads, timeline = scene(drift)
    windows, jumps = choose_windows(positions, beads, timeline)
    assert low <= np.median(np.diff(windows.edges)) <= high
    assert len(jumps) == 0


@pytest.mark.parametrize("frame", [731, 1500])
def test_a_jump_is_placed_to_the_frame(frame: int) -> None:
    drift = np.cumsum(np.random.default_rng(5).normal(0, 0.05, (2000, 2)), axis=0)
    drift[frame:] += [25.0, -10.0]
    positions, beads, timeline = scene(drift)
    windows, jumps = choose_windows(positions, beads, timeline)
    assert jumps.tolist() == [frame]
    assert frame in windows.edges

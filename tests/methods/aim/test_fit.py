"""Windows fitted into a known image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.aim.fit import (
    MovingChunks,
    curve,
    is_settled,
    started,
    verified,
)
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.coarse.tracker import Coarse
from tests import scenes
from tests.methods.aim.windows import fitted
from tests.scenes import PRECISION

N_FRAMES = 1_000


def coarse_of(edges: FloatArray, drift: FloatArray, jumps: FloatArray | None = None) -> Coarse:
    middle, k = (edges[:-1] + edges[1:] - 1) / 2, len(edges) - 1
    at = np.empty(0, int) if jumps is None else jumps
    return Coarse(edges, drift, np.isfinite(drift).all(axis=1), np.ones(k), at, middle)


@pytest.mark.parametrize("d", [2, 3])
def test_a_window_is_fitted_into_a_known_image(d: int) -> None:
    scene = scenes.visits(scenes.sites(d=d), n=10_000, n_frames=N_FRAMES)
    fit, motion = fitted(scene)
    wrong = motion.drift.copy()
    away = np.array([0.5, -0.4, 0.3 * scenes.AXIAL])[:d] * PRECISION
    wrong[7, :d] += away
    moved = replace(motion, drift=wrong)
    for _ in range(3):
        moved, variance = fit.refit(moved)
    error = moved.drift[7, :d] - moved.drift[np.arange(20) != 7, :d].mean(axis=0)
    assert (np.abs(error) < 5 * np.sqrt(variance[7, :d])).all()
    assert (np.abs(error) < 0.3 * np.abs(away)).all()
    # 500 localizations: the precision over their root, and a little more for the kernel.
    np.testing.assert_allclose(np.sqrt(variance[7, :d]), scene.precision / np.sqrt(500), rtol=0.5)


def test_fits_scatter_by_their_variance() -> None:
    scores = []
    for seed in range(20):
        scene = scenes.visits(scenes.sites(300), n=6_000, n_frames=N_FRAMES, seed=seed)
        fit, motion = fitted(scene)
        moved, variance = fit.refit(motion)
        step = (moved.drift - motion.drift)[:, :2]
        scores.append((step - step.mean(axis=0)) / np.sqrt(variance[:, :2]))
    assert 0.85 < np.std(scores) < 1.15


def test_a_coarse_start_is_interpolated_between_jumps_only() -> None:
    edges = np.arange(0, 101, 10)
    drift = np.outer(np.arange(10.0), [1, -2])
    drift[6:] += 100
    coarse = coarse_of(edges, drift, np.array([60]))
    rest = WindowDrift.at_rest(np.arange(100), np.arange(0, 101, 5))
    motion = started(rest, coarse)
    step = np.where(rest.middle >= 60, 100, 0)
    expected = (rest.middle - 4.5)[:, None] / 10 * [1, -2] + step[:, None]
    np.testing.assert_allclose(motion.drift[:, :2], expected)
    np.testing.assert_allclose(motion.slope, np.tile([0.1, -0.2, 0], (20, 1)), atol=1e-12)
    unknown = started(rest, replace(coarse, valid=np.arange(10) != 3))
    assert np.isnan(unknown.drift[6:8]).all()
    assert unknown.known.sum() == 18


def test_a_curve_is_zero_in_a_segment_without_windows() -> None:
    value, slope = curve(np.arange(10), np.array([1.0, 3.0]), np.ones((2, 2)), np.array([5]))
    np.testing.assert_array_equal(value[:5, :2], 1)
    assert not value[5:].any()
    assert not slope.any()


def test_chunks_of_the_user_move_as_a_whole() -> None:
    """Within a chunk, the sample goes 200 nm and jumps; afterwards nothing is left of that."""
    drift = scenes.jumping(scenes.smooth(N_FRAMES, extent=400), {333: [90, -50]})
    scene = scenes.visits(scenes.sites(), n=10_000, n_frames=N_FRAMES).drifting(drift)
    chunks = scene.chunked(2)
    edges = np.union1d(np.arange(0, N_FRAMES + 1, 10), 333)
    rest = WindowDrift.at_rest(scene.frames, edges)
    true = np.zeros((len(rest.middle), 3))
    true[:, :2] = drift[np.round(rest.middle).astype(int)]
    moving = MovingChunks.of(chunks, replace(rest, drift=true), np.array([333]))
    still, motion = moving.still, moving.motion
    chunk = np.repeat(np.arange(2), chunks.counts)
    left = still.positions - motion.drift[chunk, :2] - scene.positions
    assert np.abs(left).max() < 5
    mean = [drift[scene.frames[chunk == k]].mean(axis=0) for k in range(2)]
    np.testing.assert_allclose(motion.drift[:, :2], mean, atol=0.5)


def test_chunks_that_lie_on_nothing_are_not_known() -> None:
    scene = scenes.visits(scenes.sites(), n=8_000, n_frames=N_FRAMES)
    elsewhere = scene.positions + np.where(scene.frames >= 950, 1_234.0, 0.0)[:, None]
    fit, motion = fitted(replace(scene, positions=elsewhere))
    found, quality = verified(fit, motion)
    assert found.known.tolist() == [True] * 19 + [False]
    assert quality[:19].min() > 2 * quality[19]
    # A few cells away they are found.
    near = scene.positions + np.where(scene.frames >= 950, 4 * PRECISION, 0.0)[:, None]
    found, _ = verified(*fitted(replace(scene, positions=near)))
    np.testing.assert_allclose(found.drift[19, :2] - found.drift[3, :2], 4 * PRECISION, atol=10)


def test_windows_are_settled_once_they_move_little_against_each_other() -> None:
    rest = WindowDrift.at_rest(np.arange(100), np.arange(0, 101, 10))
    together = replace(rest, drift=rest.drift + 5.0)
    apart = replace(rest, drift=np.outer(np.arange(10.0), np.ones(3)))
    still = np.full(2, 1.0)
    assert is_settled(together, rest, still)
    assert not is_settled(apart, rest, still)
    assert is_settled(apart, rest, np.array([np.nan, 100.0]))

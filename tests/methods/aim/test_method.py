"""Adaptive intersection maximization: what it chooses, and inputs that are hard."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.aim.method import aim
from smlm_accessor.methods.coarse.throughout import coarse
from tests import scenes
from tests.scenes import PRECISION, Scene, parameters_of


def blinks(at: FloatArray | None = None, *, n_frames: int = 6_000, **seen: Any) -> Scene:
    """Blinking sites that drift slowly; 200 of them and six localizations a frame by default."""
    at = scenes.sites() if at is None else at
    scene = scenes.blinking(at, n_frames=n_frames, **{"per_frame": 6.0, **seen})
    return scene.drifting(scenes.smooth(n_frames, at.shape[1]))


def error_of(scene: Scene, **options: Any) -> tuple[FloatArray, xr.Dataset]:
    """Error of the corrected table per axis, and what was estimated."""
    found = estimate_drift(scene.moved, method="aim", **options)
    return scene.error(found), found


@pytest.mark.parametrize("d", [2, 3])
def test_drift_is_followed_with_no_parameters(d: int) -> None:
    error, found = error_of(blinks(scenes.sites(d=d)))
    assert (error < np.array([0.15, 0.15, 0.3])[:d] * PRECISION).all()
    assert found["valid"].all()
    record = parameters_of(found)
    assert record["frames_per_chunk"] < 1_000
    np.testing.assert_allclose(record["precision"][:2], PRECISION, rtol=0.1)


def test_a_restless_sample_gets_shorter_segments_than_a_resting_one() -> None:
    scene = blinks()
    error, found = error_of(scene.drifting(scenes.restless(6_000)))
    _, resting = error_of(scene.drifting(0 * scene.drift))
    assert (error < 0.4 * PRECISION).all()
    shorter, longer = (parameters_of(one)["frames_per_chunk"] for one in (found, resting))
    assert 4 * shorter < longer


def test_the_error_is_what_offset_std_says() -> None:
    scores = []
    for seed in range(3):
        scene = blinks(scenes.sites(seed=seed), n_frames=3_000, seed=seed)
        scene = scene.drifting(scenes.linear(3_000))
        found = estimate_drift(scene.moved, method="aim", frames_per_chunk=60)
        scores.append(scene.z_scores(found))
    assert 0.8 < np.std(scores) < 1.25


# Hard inputs.


@pytest.mark.parametrize(
    ("scene", "most"),
    [
        pytest.param(lambda: blinks(scenes.sites(100), per_frame=3), 0.3, id="sparse"),
        pytest.param(lambda: blinks(scenes.lattice(), n_frames=8_000, precision=3), 0.2, id="grid"),
        pytest.param(
            lambda: blinks(np.zeros((1, 2)), n_frames=8_000, per_frame=0.5, on=2),
            0.5,
            id="one emitter",
        ),
        pytest.param(
            lambda: blinks(scenes.sites(60), n_frames=8_000, per_frame=8, on=300),
            0.3,
            id="long blinks",
        ),
        pytest.param(lambda: blinks().with_background(0.25), 0.2, id="a quarter background"),
    ],
)
def test_it_is_followed_in_hard_scenes(scene: Callable[[], Scene], most: float) -> None:
    error, _ = error_of(scene())
    assert (error < most * PRECISION).all()


def test_the_stage_jumps_in_one_frame() -> None:
    drift = scenes.jumping(scenes.smooth(6_000, extent=50), {2_345: [240, 180]})
    error, found = error_of(blinks().drifting(drift))
    assert (error < 0.4 * PRECISION).all()
    assert 2_345 in found["frame_start"]


def test_frames_are_missing() -> None:
    scene = blinks(n_frames=9_000, per_frame=5)
    error, _ = error_of(scene.kept((scene.frames < 2_000) | (scene.frames >= 7_000)))
    assert (error < 0.2 * PRECISION).all()


def test_drift_of_many_times_the_spacing() -> None:
    scene = blinks(n_frames=10_000).drifting(scenes.smooth(10_000, extent=5_000))
    error, _ = error_of(scene)
    assert (error < 0.4 * PRECISION).all()


@pytest.mark.parametrize("uncertainty", [None, 10.0])
def test_background_is_no_evidence(uncertainty: float | None) -> None:
    table = scenes.background(n=20_000, n_frames=4_000, seed=5).still
    if uncertainty is not None:
        table["uncertainty"] = uncertainty
    with pytest.warns(InvalidChunkWarning, match="does not stand out"):
        found = estimate_drift(table, method="aim")
    assert not found["valid"].any()
    assert np.isnan(found["offset"]).all()


def test_float32_far_from_the_origin() -> None:
    scene = blinks(n_frames=4_000)
    far = scene.moved.astype({"x": np.float64})
    far[scene.axes] = (scene.moved_positions + 1e6).astype(np.float32)
    found = estimate_drift(far, method="aim")
    assert (scene.error(found) < 0.2 * PRECISION).all()


@pytest.mark.parametrize("d", [2, 3])
def test_a_field_of_a_millimetre(d: int) -> None:
    error, _ = error_of(blinks(scenes.sites(400, size=1e6, d=d), n_frames=4_000))
    assert (error[:2] < 0.2 * PRECISION).all()
    assert (error < 0.4 * PRECISION).all()


# Options, and the coarse start that others use.


def test_the_result_does_not_depend_on_the_number_of_threads() -> None:
    localizations = blinks(n_frames=3_000).chunked()
    one, three = aim(localizations, threads=1), aim(localizations, threads=3)
    np.testing.assert_array_equal(one.offset, three.offset)
    np.testing.assert_array_equal(one.offset_std, three.offset_std)


def test_options_are_used() -> None:
    found = aim(blinks(n_frames=3_000).chunked(), intersect_distance=12.0)
    assert found.chosen["intersect_distance"] == pytest.approx(12.0)


def test_the_coarse_start_is_within_the_precision_everywhere() -> None:
    scene = blinks()
    scene = scene.drifting(scenes.jumping(scene.drift, {2_345: [240, 180]}))
    found = coarse(scene.chunked(), np.full(2, PRECISION))
    assert found.valid.all()
    np.testing.assert_array_equal(found.jumps, [2_345])
    assert found.edges[0] == 0
    assert found.edges[-1] == scene.frames[-1] + 1
    away = found.drift - scene.drift[np.round(found.middle).astype(int)]
    assert np.abs(away - away.mean(axis=0)).max() < PRECISION


def test_the_coarse_start_says_where_nothing_is_known() -> None:
    localizations = scenes.background(n=3_000, n_frames=900, seed=7).chunked()
    for precision in (np.full(2, 10.0), np.full(2, np.nan)):
        found = coarse(localizations, precision)
        assert not found.valid.any()
        assert np.isnan(found.drift).all()


def test_nothing_is_warned_of_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error_of(blinks(n_frames=2_000))


@pytest.mark.parametrize("n_chunks", [6, 20, 60])
def test_chunks_of_the_user_are_as_sure_as_they_say(n_chunks: int) -> None:
    """Also where the sample goes many precisions within each."""
    scene = blinks(n_frames=3_000)
    found = estimate_drift(scene.moved, method="aim", n_chunks=n_chunks)
    assert found["valid"].all()
    scores = scene.z_scores(found)
    assert 0.4 < np.sqrt(np.mean(scores**2)) < 1.4

"""Adaptive intersection maximization: what it chooses, and inputs that are hard."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.correct import correct
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.aim.method import aim
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.throughout import coarse

SIGMA = 5.0


def blinks(
    sites: FloatArray,
    *,
    n_frames: int,
    per_frame: float,
    on: float = 3.0,
    sigma: float = SIGMA,
    seed: int = 0,
) -> tuple[IntArray, FloatArray]:
    """Localizations of molecules at the sites: frames, increasing, and positions."""
    rng = np.random.default_rng(seed)
    n = int(n_frames * per_frame / on)
    start = rng.integers(-int(3 * on), n_frames, n)
    length = rng.geometric(1 / on, n)
    frames = np.repeat(start, length) + np.concatenate([np.arange(m) for m in length])
    at = np.repeat(rng.integers(len(sites), size=n), length)
    inside = (frames >= 0) & (frames < n_frames)
    frames, at = frames[inside], at[inside]
    order = np.argsort(frames, kind="stable")
    d = sites.shape[1]
    error = rng.normal(0, sigma, (len(at), d)) * [1, 1, 2.4][:d]
    return frames[order], sites[at[order]] + error


def field(n: int = 200, size: float = 5_000.0, d: int = 2, seed: int = 1) -> FloatArray:
    extent = np.array([size, size, 400.0])[:d]
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (n, d)) * extent


def slow(n_frames: int, d: int = 2, extent: float = 200.0) -> FloatArray:
    """Drift in each frame."""
    t = np.arange(n_frames)[:, None] / n_frames
    return np.asarray(extent * (t + 0.2 * np.sin(2 * np.pi * (1.3 * t + np.arange(d) / 3))))


def table_of(frames: IntArray, positions: FloatArray) -> pd.DataFrame:
    return pd.DataFrame({"frame": frames, **dict(zip("xyz", positions.T, strict=False))})


def points_of(frames: IntArray, positions: FloatArray) -> ChunkedLocalizations:
    d = positions.shape[1]
    bounds = np.array([0, len(frames)])
    return ChunkedLocalizations(positions, frames, bounds, ("x", "y", "z")[:d])


def error_of(
    frames: IntArray, positions: FloatArray, drift: FloatArray, **options: Any
) -> tuple[FloatArray, xr.Dataset]:
    """Error of the corrected table per axis, and what was estimated."""
    still, moved = table_of(frames, positions), table_of(frames, positions + drift[frames])
    found = estimate_drift(moved, method="aim", **options)
    axes = list(found["component"].values)
    away = (correct(moved, found)[axes] - still[axes]).to_numpy()
    return np.asarray(away.std(axis=0)), found


def chosen(found: xr.Dataset) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(found.attrs["parameters"])
    return result


@pytest.mark.parametrize("d", [2, 3])
def test_drift_is_followed_with_no_parameters(d: int) -> None:
    frames, positions = blinks(field(d=d), n_frames=6_000, per_frame=6)
    error, found = error_of(frames, positions, slow(6_000, d))
    assert (error < np.array([0.15, 0.15, 0.3])[:d] * SIGMA).all()
    assert found["valid"].all()
    record = chosen(found)
    assert record["frames_per_segment"] < 1_000
    np.testing.assert_allclose(record["precision"][:2], SIGMA, rtol=0.1)


def test_a_restless_sample_gets_shorter_segments_than_a_resting_one() -> None:
    frames, positions = blinks(field(), n_frames=6_000, per_frame=6)
    t = np.arange(6_000)[:, None]
    restless = 20 * np.sin(t / 40 + np.array([0, 1]))
    error, found = error_of(frames, positions, restless)
    _, resting = error_of(frames, positions, 0 * restless)
    assert (error < 0.4 * SIGMA).all()
    assert 4 * chosen(found)["frames_per_segment"] < chosen(resting)["frames_per_segment"]


def test_the_error_is_what_offset_std_says() -> None:
    normalized = []
    for seed in range(3):
        frames, positions = blinks(field(seed=seed), n_frames=3_000, per_frame=6, seed=seed)
        drift = 0.02 * np.arange(3_000)[:, None] * np.array([1.0, -0.5])
        moved = table_of(frames, positions + drift[frames])
        found = estimate_drift(moved, method="aim", frames_per_chunk=60)
        expected = -0.02 * found["frame"].values[:, None] * np.array([1.0, -0.5])
        away = found["offset"].values - expected
        normalized.append((away - away.mean(axis=0)) / found["offset_std"].values)
    assert 0.8 < np.std(normalized) < 1.25


# Hard inputs.


def test_three_localizations_per_frame() -> None:
    frames, positions = blinks(field(100), n_frames=6_000, per_frame=3)
    error, _ = error_of(frames, positions, slow(6_000))
    assert (error < 0.3 * SIGMA).all()


def test_the_stage_jumps_in_one_frame() -> None:
    frames, positions = blinks(field(), n_frames=6_000, per_frame=6)
    drift = slow(6_000, extent=50)
    drift[2_345:] += [240, 180]
    error, found = error_of(frames, positions, drift)
    assert (error < 0.4 * SIGMA).all()
    assert 2_345 in found["frame_start"]


def test_frames_are_missing() -> None:
    frames, positions = blinks(field(), n_frames=9_000, per_frame=5)
    keep = (frames < 2_000) | (frames >= 7_000)
    error, _ = error_of(frames[keep], positions[keep], slow(9_000))
    assert (error < 0.2 * SIGMA).all()


def test_drift_of_many_times_the_spacing() -> None:
    frames, positions = blinks(field(), n_frames=10_000, per_frame=6)
    error, _ = error_of(frames, positions, slow(10_000, extent=5_000))
    assert (error < 0.4 * SIGMA).all()


def test_one_emitter() -> None:
    frames, positions = blinks(np.zeros((1, 2)), n_frames=8_000, per_frame=0.5, on=2)
    error, _ = error_of(frames, positions, slow(8_000))
    assert (error < 0.5 * SIGMA).all()


@pytest.mark.parametrize("uncertainty", [None, 10.0])
def test_background_is_no_evidence(uncertainty: float | None) -> None:
    rng = np.random.default_rng(5)
    frames = np.sort(rng.integers(0, 4_000, 20_000))
    table = table_of(frames, rng.uniform(0, 10_000, (20_000, 2)))
    if uncertainty is not None:
        table["uncertainty"] = uncertainty
    with pytest.warns(InvalidChunkWarning, match="does not stand out"):
        found = estimate_drift(table, method="aim")
    assert not found["valid"].any()
    assert np.isnan(found["offset"]).all()


def test_a_quarter_is_background() -> None:
    frames, positions = blinks(field(), n_frames=6_000, per_frame=6)
    rng = np.random.default_rng(6)
    noise = rng.random(len(frames)) < 0.25
    positions[noise] = rng.uniform(-2_500, 2_500, (noise.sum(), 2))
    error, _ = error_of(frames, positions, slow(6_000))
    assert (error < 0.2 * SIGMA).all()


def test_a_lattice_is_followed_by_continuity() -> None:
    row = 20.0 * np.arange(20)
    sites = np.stack(np.meshgrid(row, row), axis=-1).reshape(-1, 2)
    frames, positions = blinks(sites, n_frames=8_000, per_frame=7, sigma=3)
    error, _ = error_of(frames, positions, slow(8_000))
    assert (error < 1.0).all()


def test_molecules_stay_on_for_hundreds_of_frames() -> None:
    frames, positions = blinks(field(60), n_frames=8_000, per_frame=8, on=300)
    error, _ = error_of(frames, positions, slow(8_000))
    assert (error < 0.3 * SIGMA).all()


def test_float32_far_from_the_origin() -> None:
    frames, positions = blinks(field(), n_frames=4_000, per_frame=6)
    far = (positions + 1e6).astype(np.float32)
    drift = slow(4_000)
    table = table_of(frames, (far + drift[frames]).astype(np.float32))
    found = estimate_drift(table, method="aim")
    away = correct(table, found)[["x", "y"]].to_numpy(float) - positions
    assert (away.std(axis=0) < 0.2 * SIGMA).all()


@pytest.mark.parametrize("d", [2, 3])
def test_a_field_of_a_millimetre(d: int) -> None:
    frames, positions = blinks(field(400, size=1e6, d=d), n_frames=4_000, per_frame=6)
    error, _ = error_of(frames, positions, slow(4_000, d))
    assert (error[:2] < 0.2 * SIGMA).all()
    assert (error < 0.4 * SIGMA).all()


# Options, and the coarse start that others use.


def test_the_result_does_not_depend_on_the_number_of_threads() -> None:
    frames, positions = blinks(field(), n_frames=3_000, per_frame=6)
    points = points_of(frames, positions + slow(3_000)[frames])
    one, three = aim(points, threads=1), aim(points, threads=3)
    np.testing.assert_array_equal(one.offset, three.offset)
    np.testing.assert_array_equal(one.offset_std, three.offset_std)


def test_options_are_used() -> None:
    frames, positions = blinks(field(), n_frames=3_000, per_frame=6)
    points = points_of(frames, positions + slow(3_000)[frames])
    found = aim(points, frames_per_segment=50, intersect_distance=12.0)
    assert found.edges is not None
    np.testing.assert_array_equal(found.edges, np.arange(0, 3_001, 50))
    assert found.chosen["intersect_distance"] == pytest.approx(12.0)


def test_the_coarse_start_is_within_the_precision_everywhere() -> None:
    frames, positions = blinks(field(), n_frames=6_000, per_frame=6)
    drift = slow(6_000)
    drift[2_345:] += [240, 180]
    found = coarse(points_of(frames, positions + drift[frames]), np.full(2, SIGMA))
    assert found.valid.all()
    np.testing.assert_array_equal(found.jumps, [2_345])
    assert found.edges[0] == 0
    assert found.edges[-1] == frames[-1] + 1
    away = found.drift - drift[np.round(found.middle).astype(int)]
    assert np.abs(away - away.mean(axis=0)).max() < SIGMA


def test_the_coarse_start_says_where_nothing_is_known() -> None:
    rng = np.random.default_rng(7)
    points = points_of(np.sort(rng.integers(0, 900, 3_000)), rng.uniform(0, 1e4, (3_000, 2)))
    for precision in (np.full(2, 10.0), np.full(2, np.nan)):
        found = coarse(points, precision)
        assert not found.valid.any()
        assert np.isnan(found.drift).all()


def test_nothing_is_warned_of_where_all_is_well() -> None:
    frames, positions = blinks(field(), n_frames=2_000, per_frame=6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error_of(frames, positions, slow(2_000))

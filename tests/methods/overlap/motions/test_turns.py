"""Turning and growing: found to what the table tells, with true errors, and not where none is."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor  # noqa: F401 - registers .smlm
from smlm_accessor._typing import FloatArray
from smlm_accessor.drift.poses import of_matrices, to_matrices
from smlm_accessor.errors import OptionError, SmlmWarning
from smlm_accessor.kernels.geometry.generators import GROUPS, generators, undoing
from smlm_accessor.methods.overlap.motions import turns
from smlm_accessor.table.attributes import parameters

N_FRAMES, PRECISION = 5_000, 10.0
FRAMES = np.arange(N_FRAMES)
TIME = FRAMES / N_FRAMES


def table_of(matrices: FloatArray, seed: int = 1, *, field: float, n: int) -> pd.DataFrame:
    """Return sites that come back, moved by the inverse of a matrix for each frame, and a drift."""
    rng = np.random.default_rng(seed)
    d = matrices.shape[1]
    extent = np.array([field, field, 600.0])[:d]
    sites = rng.uniform(-0.5, 0.5, (n // 60, d)) * extent
    frame = np.sort(rng.integers(0, N_FRAMES, n))
    at = np.linalg.solve(matrices[frame], sites[rng.integers(len(sites), size=n)][..., None])[
        ..., 0
    ]
    drift = np.stack([100 * np.sin(3 * TIME), 80 * TIME, 20 * TIME][:d], axis=1)
    noise = rng.normal(0, PRECISION * np.array([1, 1, 2])[:d], at.shape)
    return pd.DataFrame(
        {"frame": frame, **dict(zip("xyz"[:d], (at + drift[frame] + noise).T, strict=True))}
    )


@cache
def turning(seed: int) -> pd.DataFrame:
    """A field of 20 um; rotation to and fro by a milliradian, and growth by a thousandth."""
    matrices = to_matrices(1e-3 * np.sin(2 * np.pi * TIME)[:, None], 1e-3 * TIME)
    return table_of(matrices, seed, field=20_000.0, n=20_000)


@cache
def turning_drift(seed: int) -> xr.Dataset:
    return turning(seed).smlm.drift(transformation="similarity")


def off(found: FloatArray, true: FloatArray) -> float:
    """Return the root mean square difference, a constant left out."""
    return float(np.std(found - true))


def test_rotation_and_scale_are_found_with_true_errors() -> None:
    ratios = []
    for seed in (1, 2, 3):
        pose = turning_drift(seed).smlm.pose()
        time = pose.frame.values / N_FRAMES
        rotation = off(pose.rotation.values, 1e-3 * np.sin(2 * np.pi * time))
        scale = off(pose.log_scale.values, 1e-3 * time)
        assert rotation < 75e-6
        assert scale < 75e-6
        ratios += [
            rotation / np.sqrt(np.mean(pose.rotation_std.values**2)),
            scale / np.sqrt(np.mean(pose.log_scale_std.values**2)),
        ]
    assert 0.6 < np.sqrt(np.mean(np.square(ratios))) < 1.4  # of six


def test_growth_by_a_hundredth_is_found() -> None:
    """At the edges of the field that are four precisions."""
    table = table_of(to_matrices(0 * TIME[:, None], 0.01 * TIME), field=9_000.0, n=20_000)
    pose = table.smlm.drift(transformation="similarity").smlm.pose()
    assert off(pose.log_scale.values, 0.01 * pose.frame.values / N_FRAMES) < 150e-6
    assert off(pose.rotation.values, 0 * pose.frame.values) < 150e-6


def test_positions_are_corrected() -> None:
    table = turning(1)
    still = table_of(np.broadcast_to(np.eye(2), (N_FRAMES, 2, 2)), 1, field=20_000.0, n=20_000)
    drift = np.stack([100 * np.sin(3 * TIME), 80 * TIME], axis=1)[table.frame]
    true = still[["x", "y"]].to_numpy() - drift
    by = {}
    drifts = {"shift": table.smlm.drift(), "similarity": turning_drift(1)}
    for transformation, estimate in drifts.items():
        fixed = table.smlm.correct(estimate)
        left = fixed[["x", "y"]].to_numpy() - true
        # How the sample lies as a whole is not known: the best linear map is left out.
        known = np.column_stack([true, np.ones(len(true))])
        by[transformation] = (left - known @ np.linalg.lstsq(known, left)[0]).std()
    assert by["similarity"] < 1.0 < 3.0 < by["shift"]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ((0, 0, 0, 0), "shift"),
        ((1e-3, 0, 0, 0), "rigid"),
        ((0, 1e-3, 0, 0), "similarity"),
        ((0, 0, 1e-3, 0), "affine"),
    ],
)
def test_the_data_ask_for_what_there_is(rates: tuple[float, ...], expected: str) -> None:
    each = np.concatenate([generators(g, 2) for g in ("rotation", "scale", "shear")])
    matrices = undoing(np.outer(TIME, rates), each)
    table = table_of(matrices, field=20_000.0, n=20_000)
    drift = table.smlm.drift(transformation="auto")
    assert parameters(drift)["transformation"] == expected
    chances = parameters(drift)["transformation_chance"]
    assert {"rotation", "scale", "shear"} < set(chances)
    if expected == "shift":
        alike = table.smlm.drift()
        np.testing.assert_array_equal(drift.offset.values, alike.offset.values)
    left = alike if expected == "shift" else table.smlm.drift()
    assert left.smlm.field_map(table).attrs["transformation"] == expected
    assert drift.smlm.field_map(table).attrs["transformation"] == "shift"
    if expected == "rigid":  # it says the same
        assert left.smlm.assess(table).transformation == expected


def test_in_three_dimensions() -> None:
    """It turns about z, grows, and tilts about x: by 200 nm at the edges along z."""
    rotation = np.stack([0.02 * TIME, 0 * TIME, 1e-3 * TIME], axis=1)
    table = table_of(to_matrices(rotation, 1e-3 * TIME), field=20_000.0, n=20_000)
    pose = table.smlm.drift(transformation="similarity").smlm.pose()
    time = pose.frame.values / N_FRAMES
    assert off(pose.rotation.values[:, 2], 1e-3 * time) < 75e-6
    assert off(pose.rotation.values[:, 0], 0.02 * time) < 200e-6
    assert off(pose.rotation.values[:, 1], 0 * time) < 200e-6
    assert off(pose.log_scale.values, 1e-3 * time) < 75e-6
    assert np.isfinite(pose.rotation_std.values).all()


def test_jumps_are_those_of_the_shift() -> None:
    table = turning(1)
    jumped = table.assign(x=table.x + np.where(table.frame >= 2_345, 300.0, 0.0))
    drift = jumped.smlm.drift(transformation="similarity")
    assert parameters(drift)["jumps"] == [2_345]
    pose = drift.smlm.pose()
    time = pose.frame.values / N_FRAMES
    assert off(pose.rotation.values, 1e-3 * np.sin(2 * np.pi * time)) < 75e-6


def test_chunks_that_are_given() -> None:
    pose = turning(1).smlm.drift(transformation="similarity", n_chunks=20).smlm.pose()
    time = pose.frame.values / N_FRAMES
    assert len(time) == 20
    assert off(pose.log_scale.values, 1e-3 * time) < 75e-6


def test_models_of_the_pose() -> None:
    drift = turning_drift(1)
    model = drift.smlm.fit(rotation="spline", scale="linear")
    rotation, log_scale = of_matrices(model.at_frames(FRAMES).matrix)
    assert off(rotation[:, 0], 1e-3 * np.sin(2 * np.pi * TIME)) < 75e-6
    assert off(log_scale, 1e-3 * TIME) < 75e-6
    slopes = []
    for seed in (1, 2, 3):
        fitted = turning_drift(seed).smlm.fit(scale="linear").log_scale.result.params["slope"]
        slopes.append((fitted.value - 1e-3 / N_FRAMES) / fitted.stderr)
    assert 0.2 < np.sqrt(np.mean(np.square(slopes))) < 2.5


def test_what_is_no_transformation() -> None:
    with pytest.raises(OptionError, match=r"transformation='turn'.*'similarity'"):
        turning(1).smlm.drift(transformation="turn")


def test_a_structure_in_one_block_asks_for_nothing() -> None:
    """All in one corner but for a few localizations far away: no half of the field can tell."""
    rng = np.random.default_rng(1)
    table = table_of(np.broadcast_to(np.eye(2), (N_FRAMES, 2, 2)), field=500.0, n=3_000)
    far = pd.DataFrame({"frame": rng.integers(0, N_FRAMES, 5), "x": 4e4, "y": 3e4})
    whole = pd.concat([table, far], ignore_index=True)
    drift = whole.smlm.drift(transformation="auto")
    assert parameters(drift)["transformation"] == "shift"
    assert drift.smlm.assess(whole).transformation == "shift"


def far(size: float) -> pd.DataFrame:
    """Return a field that turns to and fro by so much."""
    matrices = to_matrices(size * np.sin(2 * np.pi * TIME)[:, None], 0 * TIME)
    return table_of(matrices, field=20_000.0, n=10_000)


def test_a_far_rotation_is_followed() -> None:
    """By 200 nm at the corners, which are 20 precisions."""
    drift = far(0.015).smlm.drift(transformation="auto")
    assert parameters(drift)["transformation"] == "rigid"
    pose = drift.smlm.pose()
    rotation = off(pose.rotation.values, 0.015 * np.sin(2 * np.pi * pose.frame.values / N_FRAMES))
    assert rotation < 100e-6
    assert rotation < 2 * np.sqrt(np.mean(pose.rotation_std.values**2))


def test_one_that_is_not_followed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_left", lambda *_: dict.fromkeys(GROUPS.values(), 0.0))
    with pytest.warns(SmlmWarning, match="by more than could be followed"):
        turning(1).smlm.drift(transformation="rigid", n_chunks=5)

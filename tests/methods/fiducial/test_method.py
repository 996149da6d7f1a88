"""Fiducial markers: what the contract does not ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor  # noqa: F401
from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import InvalidChunkWarning, SmlmWarning

N_FRAMES = 2000
PLACES = np.array([[1000.0, 1200.0, 50.0], [4000.0, 700.0, 80.0], [2500.0, 3800.0, 20.0]])
SHARED = Path(__file__).parents[4] / "shared" / "data"


def movie(
    seed: int = 0,
    *,
    d: int = 2,
    beads: int = 3,
    presence: float = 0.95,
    jitter: tuple[float, ...] = (2.0, 4.0, 3.0),
    jump: float = 0.0,
    own: float = 0.0,
    lost: int = N_FRAMES,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Beads that drift together, and localizations anywhere; with and without drift.

    ``own`` is the step of the second bead's own random walk; the first is lost at frame ``lost``.
    """
    rng = np.random.default_rng(seed)
    t = np.arange(N_FRAMES)[:, None] / N_FRAMES
    drift = 100 * np.hstack([t, np.sin(5 * t), t**2])[:, :d]
    drift = drift + np.cumsum(rng.normal(0, 0.1, (N_FRAMES, d)), axis=0)
    drift[N_FRAMES // 2 :, 0] += jump
    frames = [rng.integers(N_FRAMES, size=4000)]
    still = [rng.uniform(0, 5000, (4000, d))]
    for bead in range(beads):
        shown = np.flatnonzero(rng.random(N_FRAMES) < presence)
        shown = shown[shown < (lost if bead == 0 else N_FRAMES)]
        place = PLACES[bead, :d] + rng.normal(0, jitter[bead], (len(shown), d))
        if bead == 1:
            place += np.cumsum(rng.normal(0, own, (N_FRAMES, d)), axis=0)[shown]
        frames.append(shown)
        still.append(place)
    frame, positions = np.concatenate(frames), np.concatenate(still)
    return table(frame, positions + drift[frame]), table(frame, positions)


def table(frame: Any, positions: FloatArray) -> pd.DataFrame:
    return pd.DataFrame({"frame": frame, **dict(zip("xyz", positions.T, strict=False))})


def rmse(moved: pd.DataFrame, truth: pd.DataFrame, drift: xr.Dataset) -> FloatArray:
    return np.asarray(moved.smlm.correct(drift).smlm.rmse(truth).to_numpy(), dtype=float)


def chosen(drift: xr.Dataset) -> dict[str, Any]:
    return dict(json.loads(drift.attrs["parameters"]))


@pytest.mark.parametrize("d", [2, 3])
def test_beads_are_found_and_weighted(d: int) -> None:
    moved, truth = movie(d=d)
    drift = moved.smlm.drift(method="fiducial")
    assert drift["valid"].all()
    assert (rmse(moved, truth, drift) < 0.6).all()
    found = chosen(drift)
    order = np.argsort(np.array(found["beads"])[:, 0])  # by x: beads 0, 2, 1
    np.testing.assert_allclose(np.array(found["beads"])[order], PLACES[[0, 2, 1], :d], atol=8)
    np.testing.assert_allclose(np.array(found["presences"]), 0.95, atol=0.03)
    weights = np.array(found["weights"])[order]
    expected = 1 / np.array([2.0, 3.0, 4.0]) ** 2
    np.testing.assert_allclose(weights, expected / expected.sum(), atol=0.1)


def test_normalised_errors_are_of_unit_size() -> None:
    errors = []
    for seed in range(8):
        moved, truth = movie(seed)
        drift = moved.smlm.drift(method="fiducial", n_chunks=50)
        moved, truth = moved.sort_values("frame"), truth.sort_values("frame")
        by_frame = (moved - truth).groupby(moved["frame"])[["x", "y"]].first()
        chunk = np.searchsorted(drift["frame_start"], by_frame.index, side="right") - 1
        error = drift["offset"].values + by_frame.groupby(chunk).mean().to_numpy()
        errors.append((error - error.mean(axis=0)) / drift["offset_std"].values)
    assert 0.8 < np.std(errors) < 1.25


def test_a_bead_that_moves_by_itself_hardly_counts() -> None:
    moved, _ = movie(own=0.3, jitter=(2.0, 2.0, 2.0))
    with pytest.warns(SmlmWarning, match="1 of 3 beads move by themselves"):
        drift = moved.smlm.drift(method="fiducial")
    found = chosen(drift)
    walker = np.abs(np.array(found["beads"])[:, 0] - PLACES[1, 0]) < 200
    assert np.array(found["weights"])[walker].sum() < 0.1


def test_a_bead_that_is_lost_makes_no_step() -> None:
    moved, truth = movie(lost=1700)
    drift = moved.smlm.drift(method="fiducial")
    assert len(chosen(drift)["beads"]) == 3
    assert (rmse(moved, truth, drift) < 0.6).all()


@pytest.mark.parametrize("beads", [1, 3])
def test_a_stage_that_jumps(beads: int) -> None:
    moved, truth = movie(beads=beads, jump=300.0)
    drift = moved.smlm.drift(method="fiducial")
    assert N_FRAMES // 2 in drift["frame_start"]
    assert (rmse(moved, truth, drift) < 0.9).all()


def test_frames_without_beads_are_bridged() -> None:
    moved, truth = movie()
    beads = np.arange(len(moved)) >= 4000
    shown = ~(beads & moved["frame"].between(900, 1099).to_numpy())
    moved, truth = moved[shown], truth[shown]
    with pytest.warns(InvalidChunkWarning, match="No bead is seen there"):
        drift = moved.smlm.drift(method="fiducial", frames_per_chunk=50)
    assert drift["valid"].values.tolist() == [not 18 <= k < 22 for k in range(40)]


def test_no_beads_is_said() -> None:
    moved, _ = movie(beads=0)
    with pytest.warns(InvalidChunkWarning, match="No beads were found.*fiducials="):
        drift = moved.smlm.drift(method="fiducial")
    assert not drift["valid"].any()


def test_given_beads_are_used_and_no_others() -> None:
    moved, truth = movie()
    drift = moved.smlm.drift(method="fiducial", fiducials=PLACES[:1, :2] + 3)
    assert len(chosen(drift)["beads"]) == 1
    assert (rmse(moved, truth, drift) < 0.8).all()


def test_given_beads_may_be_seen_less_often() -> None:
    moved, truth = movie(presence=0.7)
    with pytest.warns(InvalidChunkWarning, match="No beads"):
        moved.smlm.drift(method="fiducial")
    for options in ({"fiducials": PLACES[:, :2], "radius": 30.0}, {"presence": 0.6}):
        drift = moved.smlm.drift(method="fiducial", **options)
        assert (rmse(moved, truth, drift) < 0.7).all()


@pytest.mark.skipif(not (SHARED / "gold_fiducials.parquet").exists(), reason="no shared data")
def test_two_gold_beads() -> None:
    """Both are found, and agree with each other and with the drift their source fitted."""
    beads = pd.read_parquet(SHARED / "gold_fiducials.parquet")[["frame", "x", "y"]]
    drift = beads.smlm.drift(method="fiducial")
    assert len(chosen(drift)["beads"]) == 2
    theirs = pd.read_parquet(SHARED / "gold_fiducials_drift.parquet")
    moved = theirs.set_index("frame")[["dx", "dy"]].reindex(drift["frame"].values, method="nearest")
    error = drift["offset"].values + moved.to_numpy()
    assert (error.std(axis=0) < 3).all()  # of a drift of 54 and 133

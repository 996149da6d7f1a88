"""What `overlap` promises beyond the contract: the error of a smoother that knows the truth."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.correct import correct
from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods.api import Registered
from smlm_accessor.methods.overlap import method
from smlm_accessor.methods.overlap.first_drift import FirstDrift, with_jumps
from smlm_accessor.metrics import rmse
from tests import scenes
from tests.scenes import parameters_of

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))


@cache
def case(name: str, **changes: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A case of the benchmarks: drifted table and truth."""
    table, truth = import_module("cases").make(name, seed=1, **changes)
    return table, truth


@cache
def drift_of(name: str) -> xr.Dataset:
    return estimate_drift(case(name)[0], method="overlap")


def error(name: str) -> FloatArray:
    table, truth = case(name)
    values: FloatArray = rmse(correct(table, drift_of(name)), truth).values
    return values


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("A", 0.06),
        ("B", 0.53),
        ("D", 0.24),
        ("d", 0.40),
        ("sparse", 0.60),
        ("jump", 0.35),
        ("gap", 0.35),
        ("far", 0.35),
        ("one", 1.1),
        ("noisy", 0.35),
        ("lattice", 0.2),
        ("long", 0.25),
        ("float32", 0.35),
        ("wide", 0.24),
    ],
)
def test_no_parameters_are_needed(name: str, most: float) -> None:
    assert (error(name) < most).all()
    assert drift_of(name)["valid"].all()


def test_three_dimensions() -> None:
    assert (error("E") < [0.24, 0.24, 0.38]).all()


def test_pure_background_is_no_evidence_of_drift() -> None:
    table, _ = case("background")
    with pytest.warns(
        InvalidChunkWarning, match=r"no evidence of any drift.*column of frames or times"
    ) as caught:
        drift = estimate_drift(table, method="overlap")
    assert len(caught) == 1
    assert not drift["valid"].any()
    assert np.isnan(drift["offset"]).all()


def found_with_chance(
    scene: scenes.Scene, chance: float, monkeypatch: pytest.MonkeyPatch
) -> Registered:
    """What is found if the coarse drift, which is the true one, is chance so probably."""

    def open_to_doubt(*arguments: Any) -> FirstDrift:
        first = with_jumps(arguments[0], arguments[1], true, arguments[1].timeline, *arguments[2:])
        return first._replace(estimate=replace(first.estimate, chance=np.full(2, chance)))

    true = scene.drift[np.unique(scene.frames)]
    monkeypatch.setattr(method, "first_drift", open_to_doubt)
    return method.overlap(scene.chunked(), precision=scene.precision)


@pytest.mark.parametrize(("chance", "known"), [(1e-9, True), (0.02, True), (0.2, False)])
def test_a_drift_that_may_be_chance_is_judged_when_it_is_refined(
    chance: float, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scenes.visits(scenes.sites(200), n=10_000, n_frames=2_000)
    scene = scene.drifting(scenes.smooth(2_000))
    assert found_with_chance(scene, chance, monkeypatch).valid.any() == known


def test_refining_makes_no_evidence_of_background(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        scene = scenes.background(n=8_000, n_frames=2_000, seed=seed)
        assert not found_with_chance(scene, 0.02, monkeypatch).valid.any()


def test_the_jump_is_where_it_was() -> None:
    table, truth = case("jump")
    by_frame = (table["x"] - truth["x"]).groupby(table["frame"]).mean()
    at = by_frame.index[np.abs(np.diff(by_frame, prepend=by_frame.iloc[0])) > 100]
    assert parameters_of(drift_of("jump"))["jumps"] == at.tolist()
    assert parameters_of(drift_of("float32"))["jumps"] == []


def test_the_choices_are_on_record() -> None:
    chosen = parameters_of(drift_of("D"))
    np.testing.assert_allclose(chosen["precision"], 5, rtol=0.1)
    assert chosen["frames_per_chunk"] == np.median(
        drift_of("D")["frame_stop"] - drift_of("D")["frame_start"]
    )
    np.testing.assert_allclose(chosen["walk_per_frame"], 0.05**2, rtol=0.3)
    assert 4 < chosen["blink_frames"] < 30


def test_errors_are_as_large_as_said() -> None:
    errors = []
    for seed in range(8):
        table, truth = import_module("cases").make("d", seed=100 + seed)
        drift = estimate_drift(table, method="overlap", origin="mean")
        chunk = np.searchsorted(drift["frame_stop"], table["frame"], side="right")
        moved = (table - truth)[["x", "y"]].groupby(chunk).mean().to_numpy()
        left = drift["offset"].values + moved
        left -= left.mean(axis=0)
        errors.append(left / drift["offset_std"].values)
    assert 0.8 < np.concatenate(errors).std() < 1.25


def test_given_chunks_are_kept() -> None:
    table, truth = case("d")
    drift = estimate_drift(table, method="overlap", frames_per_chunk=100)
    np.testing.assert_array_equal(drift["frame_start"], np.arange(0, 6000, 100))
    assert (rmse(correct(table, drift), truth).values < 1).all()


def test_uncertainties_are_used() -> None:
    """Half of the localizations are ten times worse, and say so."""
    table, truth = case("d")
    rng = np.random.default_rng(1)
    bad = rng.random(len(table)) < 0.5
    worse = table.copy()
    for axis in ("x", "y"):
        worse[axis] += np.where(bad, rng.normal(0, 50, len(table)), 0)
    known = worse.assign(uncertainty=np.where(bad, 50.0, 5.0))
    error = {}
    for name, each in (("known", known), ("unknown", worse)):
        drift = estimate_drift(each, method="overlap")
        moved = correct(each, drift)[["x", "y"]] - each[["x", "y"]]
        left = moved + table[["x", "y"]] - truth[["x", "y"]]
        error[name] = float(left.std().max())
    assert error["known"] < 0.6
    assert error["known"] < error["unknown"] + 0.02


def test_an_uncertainty_of_zero_is_none() -> None:
    table, _ = case("d")
    zero = np.where(np.arange(len(table)) % 100 == 0, 0.0, 5.0)
    drift = estimate_drift(table.assign(uncertainty=zero), method="overlap")
    other = np.where(zero == 0, np.nan, 5.0)
    same = estimate_drift(table.assign(uncertainty=other), method="overlap")
    np.testing.assert_array_equal(drift["offset"], same["offset"])


def test_a_precision_can_be_given() -> None:
    table, truth = case("d")
    drift = estimate_drift(table, method="overlap", precision=6.0)
    assert parameters_of(drift)["precision"] == [6.0, 6.0]
    assert (rmse(correct(table, drift), truth).values < 0.4).all()


def test_molecules_seen_once_far_from_each_other_give_nothing() -> None:
    table = scenes.background(n=4000, n_frames=4000, size=1e5, seed=2).still
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        drift = estimate_drift(table, method="overlap")
    assert np.isnan(drift["offset"]).all()


@pytest.mark.parametrize("flat", ["x", "y"])
def test_a_flat_lateral_axis_is_left_out(flat: str) -> None:
    """Without a warning of numpy; where one axis is left, there is no evidence and that is said."""
    frames = np.repeat(np.arange(800), 10)
    rng = np.random.default_rng(3)
    sites = rng.uniform(-900, 900, (40, 3))[rng.integers(40, size=len(frames))]
    moved = np.outer(frames, [0.05, -0.03, 0.02])
    positions = sites + rng.normal(0, 5, sites.shape) + moved
    table = pd.DataFrame({"frame": frames, **dict(zip("xyz", positions.T, strict=True)), flat: 5.0})
    drift = estimate_drift(table, method="overlap", n_chunks=8)
    assert drift["valid"].all()
    expected = -np.outer(drift["frame"] - drift["frame"][0], [0.05, -0.03, 0.02])
    expected[:, "xyz".index(flat)] = 0.0
    np.testing.assert_allclose(drift["offset"] - drift["offset"][0], expected, rtol=0, atol=1.0)
    with pytest.warns(InvalidChunkWarning):
        line = estimate_drift(table.drop(columns="z"), method="overlap", n_chunks=8)
    assert not line["valid"].any()


def test_two_real_beads_that_pause() -> None:
    """Where hardly anything moves for long, digits of the variance are lost."""
    data = Path(__file__).parents[3].parent / "shared" / "data"
    path = data / "gold_fiducials.parquet"
    if not path.is_file():
        pytest.skip("this table is not here")
    drift = estimate_drift(pd.read_parquet(path), method="overlap")
    published = pd.read_parquet(data / "gold_fiducials_drift.parquet")
    assert drift["valid"].all()
    assert (drift["offset_std"] > 0).all()
    found = [np.interp(published["frame"], drift["frame"], -x) for x in drift["offset"].values.T]
    error = np.stack(found, axis=1) - published[["dx", "dy"]]
    assert (error.std() < 2).all()


def left_of_world(seed: int, number: int, valid: float = 1.0) -> dict[str, float]:
    """What a correction leaves of the drift of a random world, in nm; so much of it is valid."""
    worlds = import_module("random_worlds")
    seen = worlds.simulate(worlds.draw(seed, number))
    drift = estimate_drift(seen.table, method="overlap")
    assert drift["valid"].values.mean() >= valid
    fixed = correct(seen.table, drift, outside="hold")
    left: dict[str, float] = import_module("worlds").errors(seen, fixed)
    return left


def test_a_few_molecules_that_bleach_do_not_lead_away() -> None:
    """Five at a time: turns of the joint drift made each other's couplings smaller."""
    assert max(left_of_world(11, 18).values()) < 5


def test_a_membrane_that_goes_far_is_found_and_one_at_rest_stays() -> None:
    """Both lie close everywhere: waves that fit some events may not fit others."""
    assert max(left_of_world(7, 34).values()) < 0.5
    # In its last sixth, one localization in a hundred is of the sample.
    with pytest.warns(InvalidChunkWarning):
        assert max(left_of_world(1, 73, valid=0.8).values()) < 0.5

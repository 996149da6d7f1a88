"""Redundant cross-correlation: what the contract does not ask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import InvalidChunkWarning, OptionError
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.window_shifts import WindowShifts
from smlm_accessor.methods.rcc import method
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.method import rcc
from smlm_accessor.timeline import Windows
from tests import scenes

N_FRAMES = 3000


def rings(
    seed: int = 0,
    *,
    n: int = 15_000,
    d: int = 2,
    extent: float = 100.0,
    walk: float = 0.05,
    precision: float = 5.0,
    background: float = 0.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rings of eight sites that drift along a curve with a random walk; with and without drift."""
    rng = np.random.default_rng(seed)
    angle = np.arange(8) * np.pi / 4
    ring = 50 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)[:, :d]
    centers = rng.uniform(0, 5000, (30, d)) * [1, 1, 0.05][:d]
    sites = (centers[:, None] + ring).reshape(-1, d)
    still = sites[rng.integers(len(sites), size=n)] + rng.normal(0, precision, (n, d))
    away = rng.random(n) < background
    still[away, :2] = rng.uniform(0, 5000, (away.sum(), 2))
    frame = np.sort(rng.integers(N_FRAMES, size=n))
    t = np.arange(N_FRAMES)[:, None] / N_FRAMES
    curve = extent * np.hstack([t, 0.5 * np.sin(5 * t), 0.3 * t**2])[:, :d]
    curve = curve + np.cumsum(rng.normal(0, walk, (N_FRAMES, d)), axis=0)
    return table(frame, still + curve[frame]), table(frame, still)


def table(frame: Any, positions: FloatArray) -> pd.DataFrame:
    return pd.DataFrame({"frame": frame, **dict(zip("xyz", positions.T, strict=False))})


def rmse(moved: pd.DataFrame, truth: pd.DataFrame, drift: xr.Dataset) -> FloatArray:
    return np.asarray(moved.smlm.correct(drift).smlm.rmse(truth).to_numpy(), dtype=float)


def normalised_errors(moved: pd.DataFrame, truth: pd.DataFrame, drift: xr.Dataset) -> FloatArray:
    """Errors of the mean drift of chunks over offset_std, but for the free constant."""
    axes = list(drift["component"].values)
    chunk = np.searchsorted(drift["frame_start"], moved["frame"], side="right") - 1
    true = (moved[axes] - truth[axes]).groupby(chunk).mean().to_numpy()
    std = drift["offset_std"].values
    error = drift["offset"].values + true
    error = error - (error / std**2).sum(axis=0) / (1 / std**2).sum(axis=0)
    return np.asarray(error / std)


def test_no_parameters_are_needed() -> None:
    moved, truth = rings()
    drift = moved.smlm.drift(method="rcc")
    assert drift["valid"].all()
    assert drift.sizes["chunk"] > 20
    assert (rmse(moved, truth, drift) < 0.7).all()  # 35 and 20 without correction


def test_three_dimensions_without_parameters() -> None:
    moved, truth = rings(d=3)
    assert (rmse(moved, truth, moved.smlm.drift(method="rcc")) < 1.2).all()


@pytest.mark.parametrize("rule", [{}, {"n_chunks": 25}, {"n_chunks": 8}])
def test_normalised_errors_are_of_unit_size(rule: dict[str, int]) -> None:
    errors = []
    for seed in range(8):
        moved, truth = rings(seed)
        drift = moved.smlm.drift(method="rcc", **rule)
        assert drift["valid"].all()
        errors.append(normalised_errors(moved, truth, drift).ravel())
    assert 0.8 < np.std(np.concatenate(errors)) < 1.25


def test_segments_are_shorter_where_the_sample_moves_faster() -> None:
    slow, fast = (
        rings(walk=walk)[0].smlm.drift(method="rcc").sizes["chunk"] for walk in (0.0, 0.4)
    )
    assert 2 * slow < fast


def test_a_stage_that_jumps() -> None:
    moved, truth = rings(extent=10.0)
    moved.loc[moved["frame"] >= 1234, "x"] += 300
    moved.loc[moved["frame"] >= 1234, "y"] -= 200
    drift = moved.smlm.drift(method="rcc")
    assert 1234 in drift["frame_start"]
    assert (rmse(moved, truth, drift) < 0.8).all()


@pytest.mark.parametrize("long", [60, 400])
def test_an_excursion_is_found_to_the_frame(long: int) -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=8_000, per_frame=4, on=2)
    there = scenes.jumping(np.zeros((8_000, 2)), {3_210: [42, -28], 3_210 + long: [-42, 28]})
    scene = scene.drifting(scenes.smooth(8_000) + there)
    drift = scene.moved.smlm.drift(method="rcc")
    assert np.abs(scenes.parameters_of(drift)["jumps"] - np.array([3_210, 3_210 + long])).max() <= 2
    assert drift["valid"].all()
    assert np.sqrt(np.mean(scene.z_scores(drift) ** 2)) < 1.4
    assert (scene.error(drift) < 2).all()


def test_windows_beside_a_jump_may_be_wrong_by_its_frame() -> None:
    """Few localizations tell the frame of the jump."""
    found = []
    for seed in range(6):
        scene = scenes.blinking(scenes.sites(60), n_frames=6_000, per_frame=0.4, on=1, seed=seed)
        scene = scene.with_background(0.3, seed=seed)
        scene = scene.drifting(scenes.jumping(np.zeros((6_000, 2)), {2_000: [300, 150]}))
        drift = scene.moved.smlm.drift(method="rcc")
        (jump,) = scenes.parameters_of(drift)["jumps"]
        beside = np.isin(drift["frame_start"], [jump]) | np.isin(drift["frame_stop"], [jump])
        std = drift["offset_std"].values
        assert (std[beside].max(axis=0) >= np.median(std, axis=0)).all()
        found.append(scene.z_scores(drift)[beside])
    assert np.sqrt(np.mean(np.concatenate(found) ** 2)) < 2


@pytest.mark.parametrize("name", ["bin_size", "max_shift"])
def test_options_of_the_search_for_chunks_need_chunks(name: str) -> None:
    moved, _ = rings(n=3_000)
    with pytest.raises(OptionError, match=f"{name}=200.0 .*frames_per_chunk.*leave it out"):
        moved.smlm.drift(method="rcc", **{name: 200.0})
    assert moved.smlm.drift(method="rcc", n_chunks=4, **{name: 200.0})["valid"].any()


def test_a_gap() -> None:
    moved, truth = rings()
    shown = (moved["frame"] < 1000) | (moved["frame"] >= 1900)
    moved, truth = moved[shown], truth[shown]
    drift = moved.smlm.drift(method="rcc")
    assert 1900 in drift["frame_start"]
    assert (rmse(moved, truth, drift) < 0.7).all()


def test_a_quarter_of_background() -> None:
    moved, truth = rings(background=0.25)
    assert (rmse(moved, truth, moved.smlm.drift(method="rcc")) < 0.8).all()


def test_drift_as_large_as_half_the_field() -> None:
    moved, truth = rings(extent=2500.0)
    assert (rmse(moved, truth, moved.smlm.drift(method="rcc")) < 2.0).all()


def test_nothing_but_background_is_said() -> None:
    rng = np.random.default_rng(0)
    noise = table(np.sort(rng.integers(N_FRAMES, size=20_000)), rng.uniform(0, 5000, (20_000, 2)))
    with pytest.warns(InvalidChunkWarning, match="nothing to tell drift from"):
        drift = noise.smlm.drift(method="rcc")
    assert not drift["valid"].any()
    assert np.isnan(drift["offset"]).all()


def test_many_chunks_are_not_searched_one_by_one() -> None:
    moved, truth = rings()
    drift = moved.smlm.drift(method="rcc", n_chunks=150)
    assert drift["valid"].mean() > 0.95
    assert (rmse(moved, truth, drift) < 0.9).all()


def test_chunks_that_move_far_within_themselves() -> None:
    """Six chunks move by 50 each, ten times the precision."""
    moved, truth = rings(extent=300.0)
    drift = moved.smlm.drift(method="rcc", n_chunks=6)
    errors = normalised_errors(moved, truth, drift) * drift["offset_std"].values
    assert np.abs(errors).max() < 0.6


def test_what_is_chosen_is_recorded() -> None:
    moved, _ = rings()
    x = moved[["x", "y"]].to_numpy() - 2500
    points = ChunkedLocalizations(x, moved["frame"].to_numpy(), np.array([0, len(x)]), ("x", "y"))
    found = rcc(points)
    assert found.edges is not None
    assert found.edges[0] == moved["frame"].min()
    assert found.edges[-1] == moved["frame"].max() + 1
    assert found.chosen["n_chunks"] == len(found.edges) - 1
    assert 5 < found.chosen["smoothing"] < 30
    assert found.chosen["pairs_dropped"] < 0.05


def test_a_smoothing_that_is_given_is_taken() -> None:
    moved, truth = rings()
    drift = moved.smlm.drift(method="rcc", n_chunks=20, smoothing=20.0)
    assert (normalised_errors(moved, truth, drift) * drift["offset_std"].values).std() < 1.0


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_long_blinks_are_not_taken_for_structure(seed: int) -> None:
    """Two long blinks, one in each window, look like the same molecule."""
    still = smlm_accessor.simulate_npc(
        n_structures=60,
        region=((0, 6000), (0, 6000)),
        n_frames=4000,
        localizations_per_frame=5,
        mean_on_frames=12,
        precision=8,
        seed=seed,
    )
    moved = still.smlm.simulate_drift(velocity=(0.01, -0.005))
    drift = moved.smlm.drift(method="rcc")
    assert drift["valid"].all()
    assert moved.smlm.correct(drift).smlm.rmse(still).max() < 1.5


@pytest.mark.parametrize("n_chunks", [5, 20, 33])
def test_chunks_that_are_given_are_refused_as_chunks(
    n_chunks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search may end with windows of its own; where they show nothing, no chunk is valid."""

    def nothing(aligner: Aligner, search: Any) -> tuple[Windows, WindowShifts]:
        none = np.zeros((8, 2))
        shifts = WindowShifts(none, none, np.zeros(8, dtype=bool), smoothing=np.ones(2))
        return aligner.all.timeline.evenly(8), shifts

    monkeypatch.setattr(method, "search_windows", nothing)
    found = rcc(scenes.background(n=3000, n_frames=2000).chunked(n_chunks))
    assert found.offset.shape == (n_chunks, 2)
    assert np.isnan(found.offset).all()
    assert not found.valid.any()

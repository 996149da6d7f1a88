"""A drift that is known beforehand, with its errors, on tables whose drift is known."""

from __future__ import annotations

import warnings
from functools import cache

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.drift import build
from smlm_accessor.errors import OptionError, SmlmWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.io import read_drift
from smlm_accessor.kernels.time_series.trend import trend_with_rates
from smlm_accessor.models import fit
from smlm_accessor.table.columns import set_columns
from tests import scenes

N, WALK = 4000, 0.25
STD, EVERY = 4.0, 20  # of the log


@cache
def curve(seed: int = 1) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(0, WALK, (N, 2)), axis=0)


@cache
def few(seed: int = 1, per_frame: float = 0.16) -> scenes.Scene:
    """Some 600 localizations of 60 sites."""
    scene = scenes.blinking(scenes.sites(60), n_frames=N, per_frame=per_frame, seed=seed)
    return scene.drifting(curve(seed))


@cache
def many() -> scenes.Scene:
    return scenes.blinking(scenes.sites(150), n_frames=N, per_frame=3, seed=3).drifting(curve(3))


@cache
def of_many() -> xr.Dataset:
    return estimate_drift(many().moved)


def log(drift: np.ndarray, std: float = STD, every: int = EVERY, seed: int = 1) -> xr.Dataset:
    """The drift at some frames, with errors, and a constant more."""
    rows = np.arange(0, N, every)
    noise = np.random.default_rng(seed).normal(0, std, (len(rows), 2))
    values = drift[rows] + noise + [900, -400]
    return build(
        offset=-values, components="xy", frame=rows, frame_start=rows, frame_stop=rows + every,
        offset_std=np.full(values.shape, std), attrs={"length_unit": "nm", "method": "log"},
    )  # fmt: skip


def away(found: xr.Dataset, scene: scenes.Scene, frames: np.ndarray | None = None) -> np.ndarray:
    """Errors of the drift in all frames, or some; their mean over all is off."""
    at = np.arange(N)
    found = found.isel(chunk=found["valid"].values)
    columns = [np.interp(at, found["frame"], -x) for x in found["offset"].values.T]
    errors = np.stack(columns, axis=1) - scene.drift
    errors -= errors.mean(axis=0)
    return errors if frames is None else errors[frames]


def bound(scene: scenes.Scene, *, prior: bool, rows: bool) -> float:
    """Error of a smoother that knows the rate of the drift, and where the sites are."""
    information = np.zeros(N)
    information[::EVERY] += prior / STD**2
    information += rows * np.bincount(scene.frames, minlength=N) / scenes.PRECISION**2
    with np.errstate(divide="ignore"):
        found, _ = trend_with_rates(
            np.arange(N) + 0.0, information, 1 / information, (WALK**2, 0, 0)
        )
    return float(np.sqrt(np.mean(found.variance)))


@pytest.fixture(scope="module")
def found_with_prior() -> list[tuple[xr.Dataset, scenes.Scene]]:
    """Of three tables."""
    seeds = range(1, 4)
    return [(estimate_drift(few(s).moved, prior=log(curve(s), seed=s)), few(s)) for s in seeds]


def test_few_localizations_and_a_noisy_log_are_as_good_as_both_can_be(
    found_with_prior: list[tuple[xr.Dataset, scenes.Scene]],
) -> None:
    """Within a tenth of the combined bound, and no worse than 1.1 times the better one."""
    error = np.sqrt(np.mean([away(*one) ** 2 for one in found_with_prior]))
    scene = found_with_prior[0][1]
    both, log_alone = bound(scene, prior=True, rows=True), bound(scene, prior=True, rows=False)
    rows_alone = bound(scene, prior=False, rows=True)
    assert both < 0.9 * min(log_alone, rows_alone)
    assert error < 1.1 * both


def test_errors_are_what_offset_std_says(
    found_with_prior: list[tuple[xr.Dataset, scenes.Scene]],
) -> None:
    z = [np.sqrt(np.mean(scene.z_scores(found) ** 2)) for found, scene in found_with_prior]
    assert 0.8 < np.sqrt(np.mean(np.square(z))) < 1.25


def test_a_stretch_without_localizations_follows_the_prior() -> None:
    """For 2,000 frames; without it nothing would be known there."""
    inside = np.arange(1000, 3000)
    scene = few(2, 0.3).kept(~np.isin(few(2, 0.3).frames, inside))
    found = estimate_drift(scene.moved, prior=log(curve(2), 2.0, 10))
    there = np.isin(found["frame"].values.astype(int), inside)
    assert there.sum() > 50
    assert found["valid"].all()
    assert (found["n_localizations"].values[there] == 0).mean() > 0.9
    errors, std = away(found, scene, inside), found["offset_std"].values[there]
    assert np.sqrt(np.mean(errors**2)) < 1.3 * np.sqrt(np.mean(std**2))
    assert np.sqrt(np.mean(errors**2)) < 1.2
    by_chunk = estimate_drift(scene.moved, prior=log(curve(2), 2.0, 10), frames_per_chunk=100)
    assert by_chunk["valid"].all()
    assert np.sqrt(np.mean(away(by_chunk, scene, inside) ** 2)) < 1.5


@pytest.mark.parametrize("wrong", ["another", "too sure"])
def test_a_wrong_prior_is_named_and_spoils_nothing(wrong: str) -> None:
    scene = many()
    alone = np.sqrt(np.mean(away(of_many(), scene) ** 2))
    prior = log(curve(9 if wrong == "another" else 3))
    if wrong == "too sure":
        prior = prior.assign(offset_std=prior["offset_std"] / 4)
    with pytest.warns(SmlmWarning, match="contradict each other along x and y: they differ by"):
        found = estimate_drift(scene.moved, prior=prior)
    assert np.sqrt(np.mean(away(found, scene) ** 2)) < 1.05 * alone
    factor = scenes.parameters_of(found)["prior_std_factor"]
    assert all(one > 3 for one in factor)


def test_a_right_prior_of_a_good_table_is_not_doubted() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimate_drift(many().moved, prior=log(curve(3)))
    assert scenes.parameters_of(found)["prior_std_factor"] == [1.0, 1.0]
    assert scenes.parameters_of(found)["prior"] == "log"


def test_without_any_evidence_the_prior_comes_back_and_says_so() -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "frame": np.arange(0, N, 4),
            **dict(zip("xy", rng.uniform(0, 5e3, (2, N // 4)), strict=True)),
        }
    )
    with pytest.warns(SmlmWarning, match="no evidence of any drift: what comes back is the prior"):
        found = estimate_drift(table, prior=log(curve()))
    scene = few().drifting(curve())
    errors = away(found, scene)
    assert np.sqrt(np.mean(errors**2)) < 1.2 * bound(scene, prior=True, rows=False)
    with pytest.warns(SmlmWarning, match="what comes back"):
        by_chunk = estimate_drift(table, prior=log(curve()), n_chunks=20)
    assert by_chunk["valid"].all()


def test_dask_seconds_models_and_half_of_the_axes() -> None:
    """All give what frames in nm give."""
    table, prior = few().moved, log(curve())
    expected = estimate_drift(table, prior=prior)
    um = prior.assign(offset=prior["offset"] / 1e3, offset_std=prior["offset_std"] / 1e3)
    model = fit(um.assign_attrs(length_unit="um"), offset="linear")
    found = estimate_drift(
        dd.from_pandas(set_columns(table, unit="nm"), npartitions=2), prior=model
    )
    np.testing.assert_allclose(found["offset"], expected["offset"], atol=1e-6)
    seconds = prior.drop_vars(["frame", "frame_start", "frame_stop"]).assign_coords(
        time=("chunk", prior["frame"].values * 0.05),
        time_start=("chunk", prior["frame_start"].values * 0.05),
        time_stop=("chunk", prior["frame_stop"].values * 0.05),
    )
    seconds.attrs["time_unit"] = "s"
    found = estimate_drift(set_columns(table, frame_duration=0.05), prior=seconds)
    np.testing.assert_allclose(found["offset"], expected["offset"], atol=0.05)
    x_only = prior.assign(offset_std=prior["offset_std"].where(prior["component"] == "x"))
    found = estimate_drift(table, prior=x_only)
    alone = estimate_drift(table)
    errors, without = away(found, few()).std(axis=0), away(alone, few()).std(axis=0)
    assert errors[0] < 0.9 * without[0]
    assert errors[1] < 1.1 * without[1]


def test_a_drift_that_was_smoothed_does_not_count_too_much() -> None:
    """That of another table, whose errors are alike over many chunks; it is smoothed twice."""
    other = scenes.blinking(scenes.sites(60, seed=9), n_frames=N, per_frame=0.5, seed=8)
    other, scene = other.drifting(curve(4)), few(4, 0.2)
    prior = estimate_drift(other.moved)
    found = estimate_drift(scene.moved, prior=prior)
    assert scenes.parameters_of(found)["prior"] == "overlap"
    by_prior = np.sqrt(np.mean(away(prior, other) ** 2))
    assert np.sqrt(np.mean(away(found, scene) ** 2)) < 1.2 * by_prior
    assert 0.8 < np.sqrt(np.mean(scene.z_scores(found) ** 2)) < 1.35


def test_a_log_with_a_given_error() -> None:
    values = pd.DataFrame({"frame": range(9), "dx": np.arange(9.0), "dy": 0.0})
    found = read_drift(values, offset_std=2.0)
    assert found["offset_std"].sel(component="x").values.tolist() == [2.0] * 9
    assert np.isnan(found["offset_std"].sel(component="y")).all()
    with pytest.raises(OptionError, match="offset_std"):
        read_drift(values, offset_std=-1.0)


def test_errors_say_what_to_do() -> None:
    table, prior = few().moved, log(curve())
    with pytest.raises(OptionError, match=r"'rcc' does not weigh a prior; use method='overlap'"):
        estimate_drift(table, method="rcc", prior=prior)
    with pytest.raises(OptionError, match=r"read_drift\(path, offset_std=5\)"):
        estimate_drift(table, prior=prior.assign(offset_std=prior["offset_std"] * np.nan))
    later = prior.assign_coords({n: prior[n] + 9e6 for n in ("frame", "frame_start", "frame_stop")})
    with pytest.raises(OptionError, match="prior knows the frames 9000000"):
        estimate_drift(table, prior=later)

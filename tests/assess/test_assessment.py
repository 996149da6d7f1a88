"""The verdict: right where the truth is known, and never about what the table does not show."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.assess import Assessment, assess
from smlm_accessor.assess.assessment import judge
from smlm_accessor.assess.overlap import Change
from smlm_accessor.errors import (
    AlreadyCorrectedWarning,
    DriftError,
    OptionError,
    OutsideEstimateWarning,
    SmlmWarning,
    TableError,
)
from tests import scenes

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT / "benchmarks"))


@cache
def benchmark() -> ModuleType:
    return import_module("verdict")


@cache
def drifting(seed: int = 1) -> tuple[pd.DataFrame, xr.Dataset]:
    """Small pores that drift, and the estimate."""
    module = benchmark()
    still = module.still("noisy pores", seed)
    table = module.moved(still, module.motion(still, seed))
    return table, table.smlm.drift(method="overlap")


@cache
def found(seed: int = 1) -> Assessment:
    table, drift = drifting(seed)
    return assess(table, drift)


# Right where the truth is known.


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("kind", ["no drift", "wrong drift"])
def test_the_verdict_is_right(kind: str, seed: int) -> None:
    assert benchmark().one(kind, "noisy pores", seed).verdict == benchmark().RIGHT[kind]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdict_is_right_of_a_drift_and_of_its_opposite(seed: int) -> None:
    table, drift = drifting(seed)
    assert found(seed).verdict == benchmark().RIGHT["drift"]
    assert assess(table, drift.smlm.inverse()).verdict == benchmark().RIGHT["opposite drift"]


@pytest.mark.parametrize("kind", ["no drift", "drift"])
@pytest.mark.parametrize("sample", ["clusters", "filaments"])
def test_other_samples(sample: str, kind: str) -> None:
    assert benchmark().one(kind, sample, 1).verdict == benchmark().RIGHT[kind]


@pytest.mark.parametrize("method", ["overlap", "icp"])
def test_background_is_no_evidence(method: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)
        result = benchmark().one("background", "background", 1, method)
    assert result.verdict == "no evidence"


def test_a_wrong_drift_of_background_is_no_evidence() -> None:
    scores = [
        benchmark().one("wrong drift of background", "background", seed).score for seed in (1, 2)
    ]
    assert np.abs(scores).max() < 3
    assert np.abs(np.mean(scores)) < 3 / np.sqrt(2)


def test_three_dimensions() -> None:
    result = benchmark().one("drift", "pores in 3D", 1)
    assert result.verdict == "improved"
    assert list(result.halves_apart) == ["x", "y", "z"]
    assert max(result.halves_apart.values()) < 3


def test_the_measures_are_what_they_say() -> None:
    result = found()
    assert result.verdict == "improved"
    assert result.gain > 0.3
    assert result.held_out_gain == pytest.approx(result.gain, rel=0.5)
    assert max(result.halves_apart.values()) < 3
    assert max(result.halves_off.values()) < max(result.halves_apart.values())
    assert result.frc_after < 0.8 * result.frc_before
    assert result.nena_before == pytest.approx(5, rel=0.1)
    assert result.nena_after == pytest.approx(5, rel=0.1)
    assert result.precision == pytest.approx(5, rel=0.1)
    assert result.n_localizations == len(drifting()[0])
    assert 0 < result.n_blinks < result.n_localizations


def test_the_resolution_is_where_the_curves_cross_one_seventh() -> None:
    result = found()
    assert result.frc is not None
    for curve, length in (
        (result.frc.before, result.frc_before),
        (result.frc.after, result.frc_after),
    ):
        at = np.interp(1 / length, result.frc.frequency, curve)
        assert at == pytest.approx(1 / 7, rel=1e-6)
        assert (curve[result.frc.frequency < 0.99 / length] > 1 / 7).all()


def test_an_estimate_that_follows_noise_is_not_called_an_improvement() -> None:
    """It lets the localizations overlap better that it was made from, but no others."""
    table = benchmark().still("clusters", 1)
    drift = table.smlm.drift(method="icp", n_chunks=100, target="all")
    assert assess(table, drift).verdict != "improved"


# What is given.


def test_nothing_depends_on_the_order_of_rows_and_nothing_is_changed() -> None:
    table, drift = drifting()
    shuffled = table.sample(frac=1, random_state=1)
    copies = shuffled.copy(deep=True), drift.copy(deep=True)
    again = assess(shuffled, drift)
    pd.testing.assert_frame_equal(shuffled, copies[0])
    xr.testing.assert_identical(drift, copies[1])
    first = dataclasses.asdict(found())
    for name, value in dataclasses.asdict(again).items():
        if isinstance(value, float):
            assert value == pytest.approx(first[name], rel=1e-4), name
    assert again.verdict == found().verdict


def test_the_verb_and_models() -> None:
    table = drifting()[0]
    drift = table.smlm.drift(method="cc", n_chunks=10)
    model = drift.smlm.fit(offset="spline")
    result = drift.smlm.assess(table, model=model)
    assert result.verdict == "improved"
    assert result == assess(table, model)
    assert drift.smlm.assess(table) == assess(table, drift) != result
    with pytest.raises(DriftError, match="model is continuous"):
        drift.smlm.assess(table, model=model, by="chunk")


def test_rotation_is_assessed_too() -> None:
    table = benchmark().still("clusters", 1)
    turned = table.smlm.simulate_drift(rotation=2e-5)
    drift = turned.smlm.drift(method="icp", n_chunks=10, with_rotation=True)
    assert drift.smlm.assess(turned).verdict == "improved"


def test_units() -> None:
    table = drifting()[0]
    in_nm = smlm_accessor.set_columns(table, unit="nm")
    in_um = smlm_accessor.set_columns(table.assign(x=table.x / 1e3, y=table.y / 1e3), unit="um")
    of_nm = in_nm.smlm.drift(method="overlap")
    first, second = assess(in_nm, of_nm), assess(in_um, of_nm)
    assert first.score == pytest.approx(found().score, rel=1e-3)
    assert second.score == pytest.approx(found().score, rel=1e-3)
    assert first.frc_after == pytest.approx(1e3 * second.frc_after, rel=1e-3)
    assert first.length_unit == "nm"
    assert " nm" in str(first)
    assert " um" in str(second)


def test_rows_without_position_do_not_count() -> None:
    table, drift = drifting()
    lost = pd.concat([table, table.head(50).assign(x=np.nan)], ignore_index=True)
    assert str(assess(lost, drift)) == str(found())


def test_frames_outside_the_estimate() -> None:
    table, drift = drifting()
    later = table.assign(frame=table.frame + 50)
    with pytest.warns(OutsideEstimateWarning):
        assess(later, drift)
    left_out = assess(later, drift, outside="nan")
    assert left_out.n_blinks < found().n_blinks
    with pytest.raises(OptionError):
        assess(later, drift, outside="error")
    never = assess(table.assign(frame=table.frame + 10**6), drift, outside="nan")
    assert never.verdict == "no evidence"
    assert "in the frames" in never.reason


def test_a_table_that_was_corrected_before() -> None:
    table, drift = drifting()
    with pytest.warns(AlreadyCorrectedWarning, match="meant for"):
        result = assess(table.smlm.correct(drift), drift)
    assert result.verdict == "worse"


# What cannot be judged.


def shift(n_frames: int, offset: Any = ((0, 0), (5, 5))) -> xr.Dataset:
    half = n_frames // 2
    return smlm_accessor.drift.build(
        offset=offset,
        components="xy",
        frame=[0, half],
        frame_start=[0, half],
        frame_stop=[half, n_frames],
    )


@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_few_rows(n: int) -> None:
    rng = np.random.default_rng(n)
    table = pd.DataFrame({"frame": np.arange(n), "x": rng.normal(size=n), "y": rng.normal(size=n)})
    result = assess(table, shift(n))
    assert result.verdict == "no evidence"
    assert result.reason in str(result)


@pytest.mark.parametrize("n", [2, 20])
def test_few_rows_with_uncertainty(n: int) -> None:
    table = pd.DataFrame({"frame": np.arange(n), "x": np.zeros(n), "y": 1.0, "uncertainty": 5.0})
    assert assess(table, shift(n)).verdict == "no evidence"


def test_no_valid_chunk() -> None:
    result = assess(drifting()[0], shift(10, np.full((2, 2), np.nan)))
    assert str(result) == "no evidence (no chunk of this drift is valid)"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pd.DataFrame({"frame": [], "x": [], "y": []}), "no rows"),
        (pd.DataFrame({"frame": [0, 1], "x": [np.nan] * 2, "y": [np.nan] * 2}), "coordinates"),
        (pd.DataFrame({"frame": [3, 3], "x": [0.0, 1.0], "y": [0.0, 1.0]}), "in frame 3"),
        (pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}), "frame numbers"),
    ],
)
def test_a_table_that_shows_nothing(table: pd.DataFrame, words: str) -> None:
    with pytest.raises(TableError, match=words):
        assess(table, shift(10))


def test_what_is_no_drift() -> None:
    table, _ = drifting()
    with pytest.raises(DriftError, match="not a float"):
        assess(table, 3.0)  # type: ignore[arg-type]
    with pytest.raises(DriftError, match="does not hold drift"):
        xr.Dataset().smlm.assess(table)


# Its parts.


@pytest.mark.parametrize(
    ("direct", "log_odds", "held", "verdict"),
    [
        ((4.0, 0.1), 0.0, (4.0, 0.1), "improved"),
        ((4.0, 0.1), 6.0, (2.9, 0.1), "no evidence"),
        ((4.0, 0.1), 7.0, (2.9, 0.1), "improved"),
        ((4.0, 0.1), -9.0, None, "no evidence"),
        ((4.0, 0.1), 7.0, None, "improved"),
        ((2.9, 0.1), 0.0, (4.0, 0.1), "no evidence"),
        ((-4.0, -0.1), 0.0, None, "worse"),
        ((-4.0, -0.01), 0.0, None, "no evidence"),  # significant, but too small to matter
    ],
)
def test_the_rule(
    direct: tuple[float, float], log_odds: float, held: tuple[float, float] | None, verdict: str
) -> None:
    def made(score: float, gain: float) -> Change:
        made = Change(score, 1.0, 1e9, score / np.log1p(gain))
        assert made.score == pytest.approx(score)
        assert made.gain == pytest.approx(gain)
        return made

    found = judge(made(*direct), log_odds, None if held is None else made(*held))
    assert found[0] == verdict


def test_a_jump_within_a_chunk_names_the_remedy() -> None:
    """Lines between chunks smear the localizations beside the jump."""
    scene = scenes.visits(scenes.sites(60, 3000), n=12_000, n_frames=4000, precision=5)
    scene = scene.drifting(scenes.jumping(np.zeros((4000, 2)), {1840: [400, -300]}))
    verdict = scene.moved.smlm.drift(method="cc", n_chunks=5).smlm.assess(scene.moved)
    assert verdict.verdict == "worse"
    assert "within 1 of 5 chunks the sample moves: more chunks" in verdict.reason
    verdict = scene.moved.smlm.drift(method="overlap").smlm.assess(scene.moved)
    assert verdict.verdict == "improved"
    assert verdict.reason.endswith("than chance could bring")


def test_the_line() -> None:
    assert str(found()) == repr(found())
    assert "\n" not in str(found())
    assert str(found()).startswith("improved: overlap ")
    nothing = Assessment("no evidence", "why", gain=-1e-6, score=-0.2)
    assert str(nothing) == "no evidence (why): overlap +0.0% (-0.2 sigma)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        nothing.verdict = "improved"  # type: ignore[misc]


def test_a_table_of_dask() -> None:
    import dask.dataframe as dd

    table, drift = drifting()
    lazy = dd.from_pandas(table, npartitions=3)
    found, expected = drift.smlm.assess(lazy), drift.smlm.assess(table)
    assert found.verdict == expected.verdict == "improved"
    assert found.gain == pytest.approx(expected.gain, rel=1e-6)


# A real table, which is not corrected.


@pytest.mark.skipif(not DATA.is_dir(), reason="the real tables are not here")
def test_a_real_table() -> None:
    """Another, in 3D: tests/plot/test_check.py."""
    path = DATA / "egfr_cells.parquet"
    if not path.is_file():
        pytest.skip("this table is not here")
    table = smlm_accessor.set_columns(pd.read_parquet(path), unit="nm")
    assert table.smlm.drift(method="overlap").smlm.assess(table).verdict == "improved"

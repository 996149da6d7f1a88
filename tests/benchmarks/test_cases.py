from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smlm_accessor  # noqa: F401 - registers .smlm

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIMULATED = [
    "A",
    "B",
    "C",
    "D",
    "E",
    "F",
    "d",
    "sparse",
    "jump",
    "gap",
    "far",
    "one",
    "background",
    "noisy",
    "lattice",
    "long",
    "float32",
    "wide",
]
SMALLER: dict[str, dict[str, Any]] = {
    "A": {"cluster_mu": 100},
    "C": {"n_frames": 500},
}


@pytest.fixture(scope="module")
def cases() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return import_module("cases")


@pytest.fixture(scope="module")
def oracle(cases: ModuleType) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return import_module("oracle")


def drift_by_frame(table: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    axes = [axis for axis in "xyz" if axis in table]
    drift = (table[axes].astype(float) - truth[axes]).groupby(table["frame"])
    assert (drift.max() - drift.min()).to_numpy().max() < 1e-6
    return drift.mean()


def test_all_cases_are_tested(cases: ModuleType) -> None:
    assert set(cases.CASES) == {*SIMULATED, "origami1", "origami2"}


@pytest.mark.parametrize("name", SIMULATED)
def test_tables_can_be_used(cases: ModuleType, name: str) -> None:
    table, truth = cases.make(name, seed=2, **SMALLER.get(name, {}))
    assert list(table) == list(truth) == ["frame", "x", "y", *(["z"] if name == "E" else [])]
    assert len(table) == len(truth) > 100
    assert (table["frame"] == truth["frame"]).all()
    assert table["frame"].is_monotonic_increasing
    assert (table.smlm.rmse(truth) > 0.5).all()
    assert not table.attrs


@pytest.mark.parametrize("name", ["B", "D", "F", "background"])
def test_a_seed_gives_one_table(cases: ModuleType, name: str) -> None:
    first, again, other = (cases.make(name, seed=seed)[0] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.head(50).equals(other.head(50))


@pytest.mark.parametrize(
    ("name", "n", "frames"),
    [
        ("B", 400_000, 20_000),
        ("D", 480_000, 40_000),
        ("E", 480_000, 40_000),
        ("F", 150_000, 50_000),
    ],
)
def test_size_is_what_the_benchmark_says(cases: ModuleType, name: str, n: int, frames: int) -> None:
    table, _ = cases.make(name)
    assert len(table) == pytest.approx(n, rel=0.05)
    assert table["frame"].max() + 1 == pytest.approx(frames, rel=0.01)


def test_drift_belongs_to_the_frame(cases: ModuleType) -> None:
    drift = drift_by_frame(*cases.make("E"))
    assert np.ptp(drift.to_numpy(), axis=0) == pytest.approx([300, 300, 200], rel=0.2)


def test_walk_has_the_steps_it_says(cases: ModuleType) -> None:
    drift = drift_by_frame(*cases.make("F", localizations_per_frame=20, extent=0.0))
    steps = drift.diff().iloc[1:].to_numpy() / np.sqrt(np.diff(drift.index))[:, None]
    assert steps.std() == pytest.approx(0.1, rel=0.02)


def test_jump_and_gap_are_there(cases: ModuleType) -> None:
    steps = np.linalg.norm(drift_by_frame(*cases.make("jump")).diff().iloc[1:], axis=1)
    assert steps.max() == pytest.approx(300, abs=5)
    assert np.sort(steps)[-2] < 5
    table, _ = cases.make("gap")
    assert np.diff(table["frame"]).max() == pytest.approx(5_000, abs=10)


def test_float32_is_far_out(cases: ModuleType) -> None:
    table, _ = cases.make("float32")
    assert table["x"].dtype == np.float32
    assert table["x"].min() > 0.9e6


def test_what_is_not_known_is_said(cases: ModuleType) -> None:
    with pytest.raises(ValueError, match="choose one of A, B"):
        cases.make("Z")
    with pytest.raises(ValueError, match=r"no parameter colour.*n_pores"):
        cases.make("D", colour="red")


def test_missing_real_data_is_said(
    cases: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMLM_SHARED_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="set SMLM_SHARED_DATA"):
        cases.make("origami1")


@pytest.mark.parametrize("name", ["origami1", "origami2"])
def test_real_data_drift_along_a_gold_bead(cases: ModuleType, name: str) -> None:
    try:
        table, truth = cases.make(name)
    except FileNotFoundError:
        pytest.skip("the real tables are not here")
    assert list(table) == list(truth)
    assert (table["z"] == truth["z"]).all()
    error = table.smlm.rmse(truth)
    assert (error[["x", "y"]] > 10).all()


def test_oracle_of_a_line_is_that_of_a_fit(cases: ModuleType, oracle: ModuleType) -> None:
    case = cases.simulate("F", n_frames=4_000, walk=0.0, extent=100.0, background=0.0)
    found = oracle.bound(case)
    # The slope is all there is to know, and a mean is removed.
    expected = 10 / np.sqrt(len(case.table))
    assert list(found.rmse.values()) == pytest.approx([expected] * 2, rel=0.5)


def test_oracle_of_a_walk_is_that_of_a_smoother(cases: ModuleType, oracle: ModuleType) -> None:
    case = cases.simulate("D")
    found = oracle.bound(case)
    # Steady state of a random walk of step q seen with the variance r: sqrt(q r) / 2.
    in_frame = len(case.table) / 40_000
    expected = np.sqrt(0.05 * 5 / np.sqrt(in_frame) / 2)
    assert list(found.rmse.values()) == pytest.approx([expected] * 2, rel=0.08)

"""A drifted table in a folder of its own, and the command line."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.cli import main

ROOT = Path(__file__).parents[2]
VELOCITY = (0.02, 0.01)
XY = ["position_x", "position_y"]


@pytest.fixture(scope="session")
def truth() -> pd.DataFrame:
    return smlm_accessor.simulate_thomas(cluster_mu=150, region=((0, 700), (0, 700)), seed=1)


@pytest.fixture(scope="session")
def drifted(truth: pd.DataFrame) -> pd.DataFrame:
    return truth.smlm.simulate_drift(velocity=VELOCITY)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def source(drifted: pd.DataFrame) -> Path:
    drifted.to_csv("in.csv", index=False)
    return Path("in.csv")


def run(line: str) -> int:
    return main(shlex.split(line))


def names() -> set[str]:
    """All files here, hidden ones too."""
    return set(os.listdir())


def assert_corrected(table: pd.DataFrame, truth: pd.DataFrame) -> None:
    before = truth.smlm.simulate_drift(velocity=VELOCITY).smlm.rmse(truth)
    assert before.min() > 2
    assert (table.smlm.rmse(truth) < before / 4).all()


def assert_refused(
    line: str, words: list[str], captured: Callable[[], tuple[str, str]], files_before: set[str]
) -> None:
    status = run(line)
    out, err = captured()
    assert status == 2, err
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("smlm: error: ")
    for word in words:
        assert word in lines[0]
    assert out == ""
    assert names() == files_before

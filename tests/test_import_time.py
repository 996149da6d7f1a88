"""Importing the package must not import what is only needed later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATER = ("scipy", "numba", "lmfit", "matplotlib", "skimage", "tqdm", "dask", "scipy.optimize")


def loaded_by(statement: str) -> set[str]:
    """Which of `LATER` a fresh interpreter has loaded after the statement."""
    code = f"{statement}\nimport sys\nprint(*[n for n in {LATER!r} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert loaded_by("import smlm_accessor") == set()


def test_a_summary_loads_nothing_heavy() -> None:
    table = "pd.DataFrame({'x': [1.0, 2.0], 'y': [3.0, 4.0], 'frame': [0, 1]})"
    assert loaded_by(f"import pandas as pd, smlm_accessor\nrepr({table}.smlm)") == set()


def test_drift_of_numpy_loads_no_dask() -> None:
    setup = "from smlm_accessor.drift import build\nfrom smlm_accessor.drift.composition import *"
    built = "build(offset=[[0, 0]], components='xy', frame=[4], frame_start=[0], frame_stop=[9])"
    assert loaded_by(f"{setup}\nwith_origin({built}, 'first_frame')") == set()


def test_estimates_load_only_what_they_call() -> None:
    assert loaded_by("import smlm_accessor.estimation.runner") == {"scipy", "numba"}


@pytest.mark.parametrize("name", ["scipy", "tqdm"])
def test_the_probe_sees_what_is_loaded(name: str) -> None:
    assert name in loaded_by(f"import {name}")

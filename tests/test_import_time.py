"""Importing the package must not import what is only needed later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LATER = ("scipy", "numba", "lmfit", "matplotlib", "skimage", "tqdm")


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


@pytest.mark.parametrize("name", ["scipy", "tqdm"])
def test_the_probe_sees_what_is_loaded(name: str) -> None:
    assert name in loaded_by(f"import {name}")

"""Large text is parsed in runs of lines: the same as in one go, whatever runs hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.io.containers import large_text
from smlm_accessor.io.containers.dialect import find_dialect
from smlm_accessor.io.containers.large_text import all_numbers

NAMES = ["frame", "x", "y"]


@pytest.fixture(autouse=True)
def _small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_text, "_LARGE", 0)
    monkeypatch.setattr(large_text, "_RUN", 64)


def parsed(text: str, folder: Path) -> pd.DataFrame | None:
    path = folder / "a.csv"
    path.write_bytes(text.encode())
    dialect = find_dialect(text)
    assert dialect is not None
    return all_numbers(path, text.encode(), dialect, NAMES)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_runs_follow_each_other(end: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"frame": np.arange(500), "x": rng.normal(size=500), "y": rng.random(500)})
    found = parsed(table.to_csv(index=False, lineterminator=end), tmp_path)
    pd.testing.assert_frame_equal(found, table)
    found.loc[0, "x"] = 1.0  # it can be changed
    assert found["x"].iloc[0] == 1


def test_a_column_is_whole_if_all_its_runs_are(tmp_path: Path) -> None:
    large = 2**60 + 1  # not a float
    rows = [f"{large + k},{k},{k + 0.5 if k == 90 else k}" for k in range(100)]
    found = parsed("\n".join(["frame,x,y", *rows, ""]), tmp_path)
    assert found is not None
    assert [str(dtype) for dtype in found.dtypes] == ["int64", "int64", "float64"]
    np.testing.assert_array_equal(found["frame"], large + np.arange(100))
    np.testing.assert_array_equal(found["y"], np.where(np.arange(100) == 90, 90.5, range(100)))


def test_empty_lines_do_not_count(tmp_path: Path) -> None:
    rows = [f"{k},{k}.5,{-k}" + "\n" * (1 + 80 * (k % 30 == 7)) for k in range(100)]
    found = parsed("frame,x,y\n" + "".join(rows), tmp_path)
    assert found is not None
    np.testing.assert_array_equal(found["frame"], range(100))
    np.testing.assert_array_equal(found["x"], np.arange(100) + 0.5)
    np.testing.assert_array_equal(found["y"], -np.arange(100))


@pytest.mark.parametrize("odd", ["1,2,a\n", "1,,3\n", "1,2,3,4\n", "1,2\n", "1,2,3", '1,2,"\n3"\n'])
def test_anything_else_is_left_to_the_other_parser(odd: str, tmp_path: Path) -> None:
    lines = "1,2.5,3.25\n" * 100
    assert parsed(f"frame,x,y\n{lines}", tmp_path) is not None
    assert parsed(f"frame,x,y\n{lines}{odd}", tmp_path) is None
    if odd.endswith("\n"):
        assert parsed(f"frame,x,y\n{lines}{odd}{lines}", tmp_path) is None

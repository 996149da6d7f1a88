"""Tables larger than memory: folders that are read lazily, and complete if they are there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor import FileError, OptionError, TableError
from smlm_accessor.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
    return pd.DataFrame(locs.smlm.simulate_drift(velocity=(0.05, 0.02)).to_dict("series"))


@pytest.fixture(params=["parquet", "csv", "tsv"])
def folder(request: pytest.FixtureRequest, table: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    fill(path, table, request.param)
    return path


def fill(path: Path, table: pd.DataFrame, kind: str, n: int = 5) -> None:
    for i, rows in enumerate(np.array_split(np.arange(len(table)), n)):
        part = table.iloc[rows]
        if kind == "parquet":
            part.to_parquet(path / f"p{i}.parquet")
        else:
            part.to_csv(path / f"p{i}.{kind}", index=False, sep="," if kind == "csv" else "\t")
    (path / ".hidden.parquet").write_text("no table")
    (path / "notes.md").write_text("no table")


def test_a_folder_is_one_table(folder: Path, table: pd.DataFrame) -> None:
    ddf = smlm_accessor.read(folder, unit="nm")
    assert isinstance(ddf, dd.DataFrame)
    assert ddf.smlm.columns.length_unit == "nm"
    read = ddf.compute().reset_index(drop=True)
    expected = smlm_accessor.set_columns(table.reset_index(drop=True), unit="nm")
    pd.testing.assert_frame_equal(read, expected, check_exact=False, rtol=1e-14)


def test_whole_numbers_in_some_part_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("frame,x,y\n0,1,2\n1,3,4\n")
    (tmp_path / "b.csv").write_text("frame,x,y\n2,1.5,2\n3,3,4.25\n")
    assert smlm_accessor.read(tmp_path).compute()["x"].tolist() == [1, 3, 1.5, 3]


def test_written_and_read_again(table: pd.DataFrame, tmp_path: Path) -> None:
    ddf = dd.from_pandas(table, npartitions=3)
    ddf.smlm.write(tmp_path / "deeper" / "out")
    assert sorted(path.name for path in (tmp_path / "deeper").iterdir()) == ["out"]
    again = smlm_accessor.read(tmp_path / "deeper" / "out")
    assert again.npartitions == 3
    pd.testing.assert_frame_equal(again.compute(), table)


def test_what_is_there_is_not_replaced_without_a_word(table: pd.DataFrame, tmp_path: Path) -> None:
    ddf = dd.from_pandas(table, npartitions=2)
    out = tmp_path / "out"
    ddf.smlm.write(out)
    with pytest.raises(FileError, match="is not empty"):
        ddf.smlm.write(out)
    ddf.partitions[0].smlm.write(out, overwrite=True)
    assert len(list(out.iterdir())) == 1
    (out / "thesis.docx").write_text("precious")
    with pytest.raises(FileError, match=r"thesis\.docx"):
        ddf.smlm.write(out, overwrite=True)
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(FileError, match="is a file"):
        ddf.smlm.write(file, overwrite=True)
    with pytest.raises(OptionError, match="Parquet only"):
        ddf.smlm.write(tmp_path / "x", format="picasso")


def test_folders_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="without tables"):
        smlm_accessor.read(tmp_path)
    (tmp_path / "a.csv").write_text("frame,x,y\n0,1,2\n")
    (tmp_path / "b.parquet").write_bytes(b"")
    (tmp_path / "c.hdf5").write_bytes(b"")
    with pytest.raises(FileError, match=r"several kinds \(.csv, .hdf5, .parquet\)"):
        smlm_accessor.read(tmp_path)
    (tmp_path / "c.hdf5").unlink()
    (tmp_path / "b.parquet").rename(tmp_path / "b.csv")
    with pytest.raises(FileError, match=r"b\.csv is empty"):
        smlm_accessor.read(tmp_path)
    (tmp_path / "b.csv").write_text("name\nno localizations\n")
    (tmp_path / "a.csv").unlink()
    with pytest.raises((FileError, TableError), match="no columns known"):
        smlm_accessor.read(tmp_path)


# The command line.


def corrected(table: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return pd.DataFrame(table.smlm.correct(**options).to_dict("series"))


def test_correct_a_folder(
    folder: Path, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder.with_name("out")
    assert main(["correct", str(folder), str(out), "--method", "cc", "--n-chunks", "5"]) == 0
    text = capsys.readouterr().out
    assert f"{len(table):,}" in text
    assert str(out) in text
    fixed = pd.read_parquet(out).reset_index(drop=True)
    expected = corrected(table, method="cc", n_chunks=5).reset_index(drop=True)
    pd.testing.assert_frame_equal(fixed, expected, rtol=1e-12)
    saved = out.with_name("out_drift.nc")
    assert saved.exists()
    assert out.with_name("out_drift.png").exists()
    again = folder.with_name("again")
    assert main(["correct", str(folder), str(again), "--drift", str(saved), "--quiet"]) == 0
    pd.testing.assert_frame_equal(pd.read_parquet(again), pd.read_parquet(out))
    names = {"in", "out", "out_drift.nc", "out_drift.png", "again"}
    assert {path.name for path in folder.parent.iterdir()} == names


def test_a_model_and_columns(table: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    names = {"frame": "t", "position_x": "a", "position_y": "b"}
    fill(folder, table.rename(columns=names), "parquet")
    line = [
        "correct",
        str(folder),
        str(tmp_path / "out"),
        "--quiet",
        "--columns",
        "x=a,y=b,frame=t",
    ]
    assert main([*line, "--method", "cc", "--fit", "linear", "--unit", "nm"]) == 0
    drift = table.smlm.drift(method="cc").smlm.fit(offset="linear")
    fixed = pd.read_parquet(tmp_path / "out")
    np.testing.assert_allclose(fixed["a"], table.smlm.correct(drift)["position_x"], rtol=1e-12)


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("in/out", "write into IN"),
        ("out.parquet", "extension of a file"),
        ("nowhere/out", "does not exist"),
        (".", "write into IN"),
        ("full", "is not empty"),
    ],
)
def test_bad_calls(
    out: str, words: str, table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in", table, "parquet")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.parquet").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    assert main(["correct", str(tmp_path / "in"), str(tmp_path / out)]) == 2
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_scheduler_is_for_folders(table: pd.DataFrame, tmp_path: Path) -> None:
    table.to_csv(tmp_path / "in.csv", index=False)
    line = ["correct", str(tmp_path / "in.csv"), str(tmp_path / "out.csv")]
    assert main([*line, "--scheduler", "tcp://127.0.0.1:1"]) == 2


def test_a_file_that_cannot_be_read_is_named(
    table: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in", table, "parquet")
    broken = tmp_path / "in" / "p3.parquet"
    broken.write_bytes(broken.read_bytes()[:2000])
    assert main(["correct", str(tmp_path / "in"), str(tmp_path / "out"), "--method", "cc"]) == 2
    assert "p3.parquet" in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_killed_half_way_and_run_again(table: pd.DataFrame, tmp_path: Path) -> None:
    """What is left does not look finished, and the next run completes it."""
    (tmp_path / "in").mkdir()
    large = pd.concat([table] * 12, ignore_index=True)
    large["frame"] += np.repeat(np.arange(12), len(table)) * (table["frame"].max() + 1)
    fill(tmp_path / "in", large, "parquet", n=40)
    line = ["correct", str(tmp_path / "in"), str(tmp_path / "out"), "--method", "cc", "--quiet"]
    line.append("--force")  # nothing is judged
    process = subprocess.Popen(
        [sys.executable, "-m", "smlm_accessor", *line],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    until = time.monotonic() + 60
    parts = tmp_path / "out.incomplete"
    while len(list(parts.glob("*.parquet"))) < 3 and time.monotonic() < until:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    left = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert left == {"in", "out.incomplete"}
    assert main(line) == 0
    assert not parts.exists()
    fixed = pd.read_parquet(tmp_path / "out")
    pd.testing.assert_frame_equal(fixed, corrected(large, method="cc"), rtol=1e-12)

"""What the command line refuses, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.correct import outputs
from tests.cli.conftest import ROOT, assert_corrected, assert_refused, names, run


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"smlm_accessor {smlm_accessor.__version__}\n"
    for command in ("", "correct", "tutorial"):
        assert run(f"{command} --help") == 0
        text = capsys.readouterr().out
        assert text.startswith("usage: smlm")
        assert not command or "example" in text


def test_as_a_process(source: Path, truth: pd.DataFrame) -> None:
    command = [sys.executable, "-m", "smlm_accessor", "correct", "in.csv", "out.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "tkagg"}
    environment["PYTHONWARNINGS"] = "ignore"
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert_corrected(pd.read_csv("out.csv"), truth)
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 2
    assert again.stderr.startswith("smlm: error: out.csv exists")
    assert again.stderr.count("\n") == 1
    assert again.stdout == ""


@pytest.mark.parametrize("line", ["tutorial --cluster-mu 20 --chunk-size 100", "correct --help"])
def test_nobody_reads_to_the_end(line: str) -> None:
    """As with ``| head -1``: no word about it on stderr."""
    command = f"{sys.executable} -m smlm_accessor {line}; echo $? > status"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | true"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert Path("status").read_text() in ("141\n", "0\n")  # 0: argparse has seen to it


# What it refuses: exit status 2, one line that says what to do, nothing written.


def text_in_column(table: pd.DataFrame) -> None:
    table["position_x"] = table["position_x"].astype(object)
    table.loc[5, "position_x"] = "oops"
    table.to_csv("bad.csv", index=False)


def no_frames(table: pd.DataFrame) -> None:
    table.drop(columns="frame").to_csv("bad.csv", index=False)


def two_problems(table: pd.DataFrame) -> None:
    table["frame"] += 0.5
    text_in_column(table)


def one_frame(table: pd.DataFrame) -> None:
    table.assign(frame=3).to_csv("bad.csv", index=False)


BAD_FILES: dict[str, tuple[Callable[[pd.DataFrame], object] | str | bytes, list[str]]] = {
    "empty": ("", ["bad.csv is empty"]),
    "blank lines": ("\n\n", ["empty lines"]),
    "header only": ("frame,x,y\n", ["bad.csv", "no rows"]),
    "no positions": ("a,b,c\n1,2,3\n", ["'a', 'b', 'c'", "--columns x=...,y=...,frame=..."]),
    "two kinds of positions": (
        "x [nm],y [nm],xnm,ynm,frame\n1,2,3,4,5\n",
        ["x [nm]", "xnm", "--columns x=...,y=..."],
    ),
    "no names": ("1;2;3\n2;3;4\n", ["holds numbers, 1 | 2 | 3", "--names frame,x,y"]),
    "ragged": ("frame,x,y\n1,2,3\n1,2,3,4\n", ["bad.csv cannot be read", "4"]),
    "binary": (bytes(range(256)), ["bad.csv"]),
    "text in a column": (text_in_column, ["'position_x'", "'oops'", "not a number"]),
    "no frames": (no_frames, ["frame numbers", "--columns frame=..."]),
    "two problems": (two_problems, ["'oops'", "; ", "whole number"]),
    "one frame": (one_frame, ["frame 3"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(case: str, drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    content, words = BAD_FILES[case]
    if callable(content):
        content(drifted.copy())
    else:
        Path("bad.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    assert_refused("correct bad.csv out.csv", words, capsys.readouterr, {"bad.csv"})


def test_a_broken_parquet_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.parquet").write_bytes(b"PAR1 and then nothing of use PAR1")
    line = "correct bad.parquet out.parquet"
    assert_refused(line, ["bad.parquet", "Parquet"], capsys.readouterr, {"bad.parquet"})


BAD_CALLS: dict[str, list[str]] = {
    "": ["COMMAND", "--help"],
    "shift in.csv out.csv": ["'shift'", "tutorial", "correct"],
    "drift in.csv": ["-o"],
    "correct in.csv": ["OUT"],
    "correct missing.csv out.csv": ["missing.csv does not exist"],
    "correct . out.csv": ["not a file"],
    "correct in.xlsx out.csv": ["in.xlsx does not exist"],
    "correct in.csv out.xlsx": ["out.xlsx", ".csv", ".parquet", ".hdf5"],
    "correct in.csv nowhere/out.csv": ["folder nowhere", "make it"],
    "correct in.csv in.csv --overwrite": ["in.csv", "another name"],
    "correct in.csv ../{here}/in.csv --overwrite": ["another name"],
    "correct in.csv taken.csv": ["taken.csv exists", "--overwrite"],
    "correct in.csv beside.csv": ["beside_drift.nc exists", "--overwrite"],
    "correct in.csv folder.csv --overwrite": ["folder.csv is a folder"],
    "correct in.csv out.csv --report taken.csv": ["taken.csv exists", "--report", "--overwrite"],
    "correct in.csv out.csv --report out.csv --overwrite": ["--report out.csv", "another name"],
    "correct in.csv out.csv --report ./in.csv --overwrite": ["in.csv", "another name"],
    "correct in.csv out.csv --report nowhere/a.html": ["folder nowhere", "make it"],
    "correct in.csv out.csv --report folder.csv --overwrite": ["folder.csv is a folder"],
    "correct in.csv out.csv --method magic": ["'magic'", "icp", "cc"],
    "correct in.csv out.csv --target last": ["'last'", "previous"],
    "correct in.csv out.csv --chunk-size 0": ["--chunk-size", "'0'", "at least 1"],
    "correct in.csv out.csv --chunk-size many": ["--chunk-size", "'many'"],
    "correct in.csv out.csv --chunk-size 10 --n-chunks 3": ["--n-chunks", "--chunk-size"],
    "correct in.csv out.csv --chunk-size 10000000": ["single", "--n-chunks 10"],
    "correct in.csv out.csv --n-chunks 10000000": ["at most --n-chunks"],
    "correct in.csv out.csv --option speed=3": ["'speed'", "precision"],
    "correct in.csv out.csv --option max_distance": ["NAME=VALUE"],
    "correct in.csv out.csv --method icp --option max_distance=far": [
        "max_distance='far'",
        "a positive length",
    ],
    "correct in.csv out.csv --method icp --option max_distance=-1": ["max_distance=-1"],
    "correct in.csv out.csv --method icp --option max_iterations=0": ["max_iterations=0"],
    "correct in.csv out.csv --option chunk_size=9": ["--chunk-size"],
    "correct in.csv out.csv --fit wiggle": ["'wiggle'", "spline"],
    "correct in.csv out.csv --fit linear,linear,linear": ["3 models", "x, y"],
    "correct in.csv out.csv --fit linear --by chunk": ["--by", "--fit"],
    "correct in.csv out.csv --by magic": ["'magic'", "cubic"],
    "correct in.csv out.csv --columns x": ["'x'", "FIELD=NAME"],
    "correct in.csv out.csv --columns x=nope": ["'nope'", "'position_x'"],
    "correct in.csv out.csv --unit furlong": ["'furlong'", "nm"],
    "correct in.csv out.csv --pixel-size -3": ["--pixel-size -3", "positive"],
    "correct in.csv out.csv --pixel-size wide": ["--pixel-size", "'wide'"],
    "correct in.csv out.csv --drift missing.nc": ["missing.nc does not exist"],
    "correct in.csv out.csv --drift in.csv": [
        "in.csv has a frame twice",
        "a table of localizations?",
    ],
    "correct in.csv out.csv --drift other.nc": ["does not hold drift", "'offset'"],
    "correct in.csv out.csv --drift other.nc --method icp": ["--method", "--drift"],
    "tutorial --seeds 0": ["--seeds", "'0'"],
    "tutorial --out in.csv": ["in.csv", "--out"],
}


@pytest.mark.parametrize("line", BAD_CALLS)
def test_bad_calls(
    line: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("taken.csv", "beside_drift.nc"):
        Path(name).write_text("precious")
    Path("folder.csv").mkdir()
    xr.Dataset({"a": 1}).to_netcdf("other.nc")
    words = BAD_CALLS[line]
    line = line.replace("{here}", tmp_path.name) + " --quiet" * line.startswith("correct in")
    assert_refused(line, words, capsys.readouterr, names())
    assert Path("taken.csv").read_text() == Path("beside_drift.nc").read_text() == "precious"


def test_chunks_of_which_none_can_be_registered(
    drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    drifted.iloc[::600].to_csv("few.csv", index=False)
    assert run("correct few.csv out.csv --quiet --chunk-size 1") == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "larger chunks" in said[0]
    assert names() == {"few.csv"}
    assert run("correct few.csv out.csv --quiet") == 2  # a single chunk, as the method finds
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "0 of 1 chunks" in said[0]
    assert "no evidence of any drift" in said[0]
    assert "larger chunks" not in said[0]


@pytest.mark.parametrize(
    ("error", "status"), [(OSError(28, "No space left on device"), 2), (KeyboardInterrupt(), 130)]
)
@pytest.mark.parametrize("function", ["write_parts", "write_netcdf"])
def test_stopped_half_way_leaves_nothing(
    function: str,
    error: BaseException,
    status: int,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = getattr(outputs, function)

    def half(*arguments: Any) -> None:
        write(*arguments)
        assert any(name.endswith(".part") for name in names())
        raise error

    monkeypatch.setattr(outputs, function, half)
    Path("out.csv").write_text("old")
    assert run("correct in.csv out.csv --method cc --n-chunks 5 --quiet --overwrite") == status
    assert capsys.readouterr().err.count("\n") == 1
    assert names() == {"in.csv", "out.csv"}
    assert Path("out.csv").read_text() == "old"


def test_a_killed_run_leaves_no_name_that_looks_finished(source: Path) -> None:
    code = (
        "import os, sys\n"
        "from smlm_accessor.cli import main\n"
        "from smlm_accessor.correct import outputs\n"
        "write = outputs.write_netcdf\n"
        "outputs.write_netcdf = lambda *a: (write(*a), os._exit(9))\n"
        "main(['correct', 'in.csv', 'out.csv', '--method', 'cc', '--n-chunks', '5', '--quiet'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == 9
    left = names() - {"in.csv"}
    assert left
    assert all(name.startswith(".") and name.endswith(".part") for name in left)


def test_our_own_fault_is_one_line_too(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(outputs, "write_parts", broken)
    assert run("correct in.csv out.csv --method cc --n-chunks 5 --quiet") == 1
    err = capsys.readouterr().err
    assert err.startswith("smlm: error: unexpected ZeroDivisionError: oh; no;")
    assert err.count("\n") == 1
    assert run("correct in.csv out.csv --method cc --n-chunks 5 --quiet --traceback") == 1
    assert "Traceback" in capsys.readouterr().err
    assert names() == {"in.csv"}

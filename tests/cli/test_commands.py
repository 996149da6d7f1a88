"""Each command as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
import smlm_command
from smlm_accessor.cli import parser
from tests.cli.conftest import ROOT, XY, assert_refused, names, run

FAST = "--method cc --n-chunks 5"


def wrong_drift(table: pd.DataFrame, path: str) -> None:
    drift = table.smlm.drift(method="cc", n_chunks=5)
    drift.assign(offset=-2 * drift["offset"]).to_netcdf(path)


def test_the_help_that_comes_at_once_is_true() -> None:
    commands = {name: one.summary for name, one in parser._COMMANDS.items()}
    assert commands == smlm_command.COMMANDS
    code = "import sys, smlm_command; smlm_command.main(); assert 'pandas' not in sys.modules"
    command = [sys.executable, "-c", code, "--help"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == smlm_command.HELP


def test_every_command_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in smlm_command.COMMANDS:
        assert run(f"{name} --help") == 0
        text = capsys.readouterr().out
        assert text.startswith(f"usage: smlm {name}")
        without_table = name in ("tutorial", "warm-up")
        assert all(without_table or f"--{of}" in text for of in ("format", "names", "columns"))


def test_as_a_process(source: Path) -> None:
    command = [sys.executable, "-m", "smlm_command", "info", "in.csv", "missing.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "'position_x', unit not known" in done.stdout
    assert "cannot be used: missing.csv does not exist" in done.stdout
    assert done.stderr == ""


# info


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame(
        {
            "frame": [0, 1, 2, 2, 9],
            "x [nm]": [1.0, 2.0, np.nan, 4.0, -3.0],
            "y [nm]": [0.0, 1.0, 2.0, 3.0, 4.0],
            "z [nm]": [np.nan, 1.0, 2.0, 3.0, 4.0],
            "intensity [photon]": 5.0,
        }
    )
    pd.concat([table, table.iloc[-1:]]).to_csv("odd.csv", index=False)
    assert run("info odd.csv") == 0
    out = capsys.readouterr().out
    for line in (
        "odd.csv\n",
        "localizations  6\n",
        "x              'x [nm]', nm\n",
        "frame          'frame'\n",
        "other columns  intensity [photon]\n",
        "range of x     -3 to 4 nm\n",
        "frames         0 to 9, 4 of them with localizations\n",
        "1 rows have no x; these are left out\n",
        "1 rows have no z; they count for x and y\n",
        "1 rows stand twice",
    ):
        assert line in out
    assert "unit" not in out.split("odd  ")[1]


def test_info_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("no_names.csv").write_text("1,2.5,3.5\n2,3.5,4.5\n")
    assert run("info no_names.csv") == 2
    out = capsys.readouterr().out
    assert "--names frame,x,y" in out
    assert run("info no_names.csv --names frame,x,y --unit nm") == 0
    out = capsys.readouterr().out
    assert "localizations  2\n" in out
    assert "odd            nothing\n" in out
    Path("other.csv").write_text("a,b,c\n1,2,3\n")
    assert run("info other.csv") == 2
    out = capsys.readouterr().out
    assert "columns        a, b, c\n" in out
    assert "--columns x=...,y=...,frame=..." in out


# drift, assess, report


def test_drift_then_correct(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"drift in.csv -o drift.nc {FAST}") == 0
    out = capsys.readouterr().out
    assert "chunks         5, 5 registered\n" in out
    assert "jumps          none\n" in out
    assert names() == {"in.csv", "drift.nc"}
    assert run(f"correct in.csv one.csv --quiet {FAST}") == 0
    assert run("correct in.csv two.csv --quiet --drift drift.nc") == 0
    assert Path("one.csv").read_bytes() == Path("two.csv").read_bytes()
    capsys.readouterr()
    assert run("info drift.nc") == 0
    out = capsys.readouterr().out
    assert "drift, for --drift\n" in out
    assert "method         cc\n" in out


@pytest.mark.parametrize("name", ["drift.txt", "drift.csv"])
def test_drift_as_text(
    name: str, source: Path, drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"drift in.csv -o {name} --unit nm --pixel-size 100 --quiet {FAST}") == 0
    drift = smlm_accessor.read_drift(name, pixel_size=100)
    if name.endswith(".txt"):
        assert_refused(
            "drift in.csv -o other.txt --unit nm",
            ["--pixel-size 130"],
            capsys.readouterr,
            {"in.csv", name},
        )
    of_chunks = drifted.smlm.drift(method="cc", n_chunks=5).smlm.drift()
    largest = [one.max("chunk") - one.min("chunk") for one in (of_chunks, drift.smlm.drift())]
    assert largest[1].values == pytest.approx(largest[0].values, rel=0.3)
    assert len(drift["chunk"]) >= drifted["frame"].max() - drifted["frame"].min() + 1


def test_assess(source: Path, drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"drift in.csv -o good.nc --quiet {FAST}") == 0
    assert run("assess in.csv --drift good.nc --quiet") == 0
    assert capsys.readouterr().out.startswith("improved: overlap ")
    wrong_drift(drifted, "wrong.nc")
    assert run("assess in.csv --drift wrong.nc") == 3
    assert capsys.readouterr().out.startswith("worse: overlap ")


def test_report(source: Path, drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"report in.csv -o page.html {FAST}") == 0
    assert "verdict        improved" in capsys.readouterr().out
    assert "Drift correction of in.csv" in Path("page.html").read_text("utf-8")
    words = ["page.html exists", "--overwrite"]
    assert_refused(
        f"report in.csv -o page.html {FAST}", words, capsys.readouterr, {"in.csv", "page.html"}
    )


# A verdict counts.


def test_worse_is_not_written_unless_forced(
    source: Path, drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong_drift(drifted, "wrong.nc")
    for quiet in ("", " --quiet"):
        assert run(f"correct in.csv out.csv --drift wrong.nc{quiet}") == 3
        out, err = capsys.readouterr()
        assert ("verdict        worse" in out) is not bool(quiet)
        assert "not written" in err
        assert "--force" in err
        assert err.count("\n") == 1
        assert names() == {"in.csv", "wrong.nc"}
    assert run("correct in.csv out.csv --drift wrong.nc --quiet --report page.html") == 3
    assert names() == {"in.csv", "wrong.nc", "page.html"}
    assert run("correct in.csv out.csv --drift wrong.nc --quiet --force") == 0
    assert "out.csv" in names()


def test_no_evidence_is_written_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(0, 1000, (500, 2)), columns=["x [nm]", "y [nm]"])
    table.assign(frame=np.arange(500)).to_csv("noise.csv", index=False)
    pd.DataFrame({"frame": [0, 499], "dx": [0, 1e-3], "dy": [0, 1e-3]}).to_csv("d.csv", index=False)
    assert run("correct noise.csv out.csv --drift d.csv") == 0
    assert "verdict        no evidence" in capsys.readouterr().out
    assert "out.csv" in names()


# align, join, convert


def test_align(
    drifted: pd.DataFrame, truth: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(1)
    reference = truth.copy()
    moving = truth.copy()
    for table in (reference, moving):
        table[XY] += rng.normal(0, 1, (len(table), 2))
    moving[XY] += np.array([120.0, -80.0])
    moving.to_csv("moving.csv", index=False)
    reference.to_parquet("reference.parquet")
    assert run("align moving.csv reference.parquet -o aligned.csv --unit nm") == 0
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("moved in x"))
    assert float(line.split()[3]) == pytest.approx(-120, abs=1)
    off = (pd.read_csv("aligned.csv")[XY] - truth[XY]).mean()
    np.testing.assert_allclose(off, 0, atol=1)


def test_align_many(truth: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    moved = {"a": (0.0, 0.0), "b": (30.0, -20.0), "c": (-15.0, 10.0)}
    for name, by in moved.items():
        table = truth.copy()
        table[XY] += rng.normal(0, 1, (len(table), 2)) + np.array(by)
        table.to_csv(f"{name}.csv", index=False)
    line = "align a.csv b.csv c.csv --unit nm --reference a.csv"
    assert run(f"{line} --out aligned") == 0
    out = capsys.readouterr().out
    assert float(out.split("b.csv: x ")[1].split()[0]) == pytest.approx(-30, abs=1)
    assert {path.name for path in Path("aligned").iterdir()} == {
        *(f"{n}.csv" for n in moved),
        "shifts.nc",
    }
    for name in moved:
        off = (pd.read_csv(f"aligned/{name}.csv")[XY] - truth[XY]).mean()
        np.testing.assert_allclose(off, 0, atol=1)
    shifts = xr.load_dataset("aligned/shifts.nc")
    assert shifts["table"].values.tolist() == ["a.csv", "b.csv", "c.csv"]
    back = pd.read_csv("b.csv").smlm.correct(shifts.sel(table="b.csv"))
    np.testing.assert_allclose(back[XY], pd.read_csv("aligned/b.csv")[XY])
    before = set(Path("aligned").iterdir())
    for wrong, words in (
        (f"{line} --out aligned", ["shifts.nc exists"]),
        ("align a.csv b.csv", ["--out FOLDER"]),
        (f"{line} -o x.csv", ["--reference is for many tables"]),
        ("align a.csv b.csv --out other --with-rotation", ["--with-rotation is for two tables"]),
        ("align a.csv b.csv --out other --reference d.csv", ["none of the files"]),
    ):
        assert run(wrong) == 2
        err = capsys.readouterr().err
        assert all(word in err for word in words)
    assert set(Path("aligned").iterdir()) == before


def test_join(drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    drifted.to_csv("a.csv", index=False)
    drifted.to_csv("b.csv", index=False)
    assert run("join a.csv b.csv -o both.parquet") == 0
    assert "a: " in capsys.readouterr().out
    both = pd.read_parquet("both.parquet")
    assert both["file"].value_counts().to_dict() == {"a": len(drifted), "b": len(drifted)}
    assert both["frame"].is_monotonic_increasing or both["frame"].max() > drifted["frame"].max()
    assert_refused("join a.csv -o c.csv", ["two files"], capsys.readouterr, names())


def test_convert(drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.dat").write_text("1;2,5;3,5\n2;3,5;4,5\n")
    assert run("convert plain.dat out.csv --names frame,x,y --unit nm") == 0
    assert pd.read_csv("out.csv").to_numpy().tolist() == [[1, 2.5, 3.5], [2, 3.5, 4.5]]
    assert run("convert out.csv storm.csv --to thunderstorm --unit nm --quiet") == 0
    assert "x [nm]" in Path("storm.csv").read_text().splitlines()[0]
    capsys.readouterr()
    here = names()
    for line, words in {
        "convert out.csv storm.csv": ["storm.csv exists", "--overwrite"],
        "convert out.csv out.csv --overwrite": ["would replace"],
        "convert out.csv picture.xyz": ["picture.xyz"],
        "convert missing.csv a.csv": ["missing.csv does not exist"],
        "convert out.csv a.hdf5": ["a.hdf5"],
    }.items():
        assert_refused(line, words, capsys.readouterr, here)

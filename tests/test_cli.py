"""The command line: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.cli import files, main, messages

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
VELOCITY = (0.02, 0.01)
XY = ["position_x", "position_y"]


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return smlm_accessor.simulate_thomas(cluster_mu=150, region=((0, 700), (0, 700)), seed=1)


@pytest.fixture(scope="module")
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


# What it writes.


def test_files_one_after_the_other(
    drifted: pd.DataFrame, truth: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    half = int(drifted["frame"].median())
    moved = drifted.smlm.simulate_drift(step=[(half, (150, -80))])
    late = moved["frame"] >= half
    moved.assign(frame=moved["frame"] - half * late).sort_values(
        "frame", key=lambda f: f + 1_000_000 * late, kind="stable"
    ).to_csv("again.csv", index=False)
    assert run("correct again.csv out.csv --method aim") != 0
    assert "Frame numbers begin again" in capsys.readouterr().err
    moved.assign(run=np.where(late, "b", "a")).to_csv("in.csv", index=False)
    assert run("correct in.csv out.csv --method cc --n-chunks 6 --segments run --quiet") == 0
    assert_corrected(pd.read_csv("out.csv"), truth)
    assert run(f"correct in.csv two.csv --method cc --n-chunks 6 --segments {half}") == 0
    assert f"jumps          1, at frame {half}\n" in capsys.readouterr().out
    pd.testing.assert_frame_equal(pd.read_csv("two.csv"), pd.read_csv("out.csv"))


def test_csv_is_corrected(source: Path, drifted: pd.DataFrame, truth: pd.DataFrame) -> None:
    given = source.read_bytes()
    assert run("correct in.csv out.csv --n-chunks 5") == 0
    assert names() == {"in.csv", "out.csv", "out_drift.nc", "out_drift.png"}
    assert source.read_bytes() == given
    fixed = pd.read_csv("out.csv")
    assert list(fixed.columns) == list(drifted.columns)
    assert_corrected(fixed, truth)
    pd.testing.assert_frame_equal(fixed.drop(columns=XY), drifted.drop(columns=XY))
    expected = drifted.smlm.correct(drifted.smlm.drift(n_chunks=5))
    np.testing.assert_array_equal(fixed[XY], expected[XY])


def test_csv_keeps_all_other_text(source: Path) -> None:
    table = pd.read_csv(source).head(1500)
    table.insert(0, "", np.arange(len(table)) + 7)  # as pandas writes an index
    table["photons"] = pd.array([None, 3] * 750, dtype="Int64")
    table["note"] = ["a, b", 'say "x"', "µ"] * 500
    table["precise"] = np.random.default_rng(0).normal(size=len(table))
    table.insert(3, "note again", table["note"])
    table.columns = ["note" if name == "note again" else name for name in table.columns]
    table.to_csv("odd.tsv", sep="\t", index=False)
    assert run("correct odd.tsv out.tsv --n-chunks 3 --quiet") == 0

    def rows(path: str) -> list[list[str]]:
        with open(path, newline="", encoding="utf-8") as text:
            return list(csv.reader(text, delimiter="\t"))

    before, after = rows("odd.tsv"), rows("out.tsv")
    assert after[0] == before[0]
    assert before[0].count("note") == 2
    kept = [i for i, name in enumerate(before[0]) if name not in XY]
    assert [[row[i] for i in kept] for row in after] == [[row[i] for i in kept] for row in before]


def test_parquet_keeps_dtypes_index_and_attrs(drifted: pd.DataFrame, truth: pd.DataFrame) -> None:
    table = drifted.astype({"position_x": "float32", "cluster_label": "Int16"})
    table["kind"] = pd.Categorical(np.where(table.index % 2, "a", "b"))
    table.index = pd.Index(np.arange(len(table))[::-1], name="id")
    table.to_parquet("in.parquet")
    assert run("correct in.parquet out.parquet --quiet") == 0
    fixed = pd.read_parquet("out.parquet")
    assert fixed.dtypes.to_dict() == table.dtypes.to_dict()
    pd.testing.assert_index_equal(fixed.index, table.index)
    pd.testing.assert_frame_equal(fixed.drop(columns=XY), table.drop(columns=XY), check_flags=False)
    assert_corrected(fixed.reset_index(drop=True), truth)
    steps = [entry["step"] for entry in fixed.attrs["smlm_history"]]
    assert steps == ["simulate_thomas", "simulate_drift", "correct"]


def test_parquet_of_other_programs_keeps_whole_numbers_with_gaps(drifted: pd.DataFrame) -> None:
    import pyarrow
    import pyarrow.parquet

    columns = {name: drifted[name].to_numpy() for name in [*XY, "frame"]}
    columns["photons"] = pyarrow.array([None, 3] * (len(drifted) // 2) + [1] * (len(drifted) % 2))
    given = pyarrow.table(columns)
    pyarrow.parquet.write_table(given, "in.parquet")
    assert run("correct in.parquet out.parquet --quiet") == 0
    fixed = pyarrow.parquet.read_table("out.parquet")
    assert fixed.schema.remove_metadata() == given.schema
    assert fixed["photons"] == given["photons"]


@pytest.mark.parametrize(("given", "wanted"), [("csv", "parquet"), ("parquet", "csv")])
def test_formats_may_differ(
    given: str, wanted: str, drifted: pd.DataFrame, truth: pd.DataFrame
) -> None:
    if given == "csv":
        drifted.to_csv("in.csv", index=False)
    else:
        drifted.to_parquet("in.parquet")
    assert run(f"correct in.{given} out.{wanted} --quiet") == 0
    fixed = pd.read_csv("out.csv") if wanted == "csv" else pd.read_parquet("out.parquet")
    assert fixed.dtypes.to_dict() == drifted.dtypes.to_dict()
    assert_corrected(fixed, truth)


def test_drift_is_saved_and_corrects_another_table(source: Path) -> None:
    assert run("correct in.csv out.csv --n-chunks 5 --quiet") == 0
    drift = xr.load_dataset("out_drift.nc")
    drift.smlm.check()
    assert drift.attrs["method"] == "icp"
    assert json.loads(drift.attrs["parameters"])["n_chunks"] == 5
    assert run("correct in.csv again.csv --drift out_drift.nc --quiet") == 0
    assert Path("again.csv").read_bytes() == Path("out.csv").read_bytes()
    assert not {"again_drift.nc", "again_drift.png"} & names()


@pytest.mark.parametrize("flags", ["--fit linear", "--fit spline,linear", "--by chunk"])
def test_flags_of_the_correction(flags: str, source: Path, drifted: pd.DataFrame) -> None:
    assert run(f"correct in.csv out.csv --n-chunks 5 --quiet {flags}") == 0
    drift = drifted.smlm.drift(n_chunks=5)
    if "--fit" in flags:
        models = flags.split()[1].split(",")
        expected = drifted.smlm.correct(drift.smlm.fit(offset=models if models[1:] else models[0]))
    else:
        expected = drifted.smlm.correct(drift, by="chunk")
    np.testing.assert_array_equal(pd.read_csv("out.csv")[XY], expected[XY])


@pytest.mark.parametrize(
    ("flags", "keywords"),
    [
        ("--method cc --frames-per-chunk 300", {"method": "cc", "frames_per_chunk": 300}),
        ("--chunk-size 1_000 --target previous", {"chunk_size": 1000, "target": "previous"}),
        ("--option max_distance=40 --option with_rotation=true --n-chunks 4",
         {"max_distance": 40, "with_rotation": True, "n_chunks": 4}),
        ("--origin mean", {"origin": "mean"}),
    ],
)  # fmt: skip
def test_flags_of_the_estimate(
    flags: str, keywords: dict[str, Any], source: Path, drifted: pd.DataFrame
) -> None:
    assert run(f"correct in.csv out.csv --quiet {flags}") == 0
    saved, expected = xr.load_dataset("out_drift.nc"), drifted.smlm.drift(**keywords)
    xr.testing.assert_allclose(saved, expected, rtol=1e-9, atol=1e-9)
    assert saved.attrs == expected.attrs


def test_columns_units_and_pixels(drifted: pd.DataFrame) -> None:
    table = drifted.rename(columns={"position_x": "a,b", "position_y": "c", "frame": "t"})
    table[["a,b", "c"]] /= 130
    table.to_csv("in.csv", index=False)
    flags = "--columns x=a,b,y=c --columns frame=t --unit px --pixel-size 130"
    assert run(f"correct in.csv out.csv --quiet {flags}") == 0
    drift = xr.load_dataset("out_drift.nc")
    assert drift.attrs["length_unit"] == "nm"
    fixed = pd.read_csv("out.csv")
    moved = 130 * (fixed - table)[["a,b", "c"]]
    largest = drift.smlm.drift().values.max(axis=0)
    np.testing.assert_allclose(-moved.min(), largest, rtol=0.2)
    assert largest[0] > 20


def test_three_dimensions() -> None:
    locs = smlm_accessor.simulate_thomas(
        region=((0, 500), (0, 500), (0, 300)), parent_intensity=1e-6, cluster_mu=50, seed=2
    )
    moved = locs.smlm.simulate_drift(velocity=(0.02, 0.01, -0.02))
    moved.to_parquet("in.parquet")
    assert run("correct in.parquet out.parquet --n-chunks 5 --quiet") == 0
    after = pd.read_parquet("out.parquet").smlm.rmse(locs)
    assert list(after.index) == ["x", "y", "z"]
    assert (after < moved.smlm.rmse(locs) / 3).all()


def test_a_page_to_look_at(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("correct in.csv out.csv --n-chunks 5 --report page.html") == 0
    assert names() == {"in.csv", "out.csv", "out_drift.nc", "out_drift.png", "page.html"}
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.startswith("verdict"))
    page = Path("page.html").read_text("utf-8")
    assert line.removeprefix("verdict").strip() in html.unescape(page)
    assert "Drift correction of in.csv" in page
    assert re.search(r"^wrote +page.html +a page to look at$", out, re.M)


def test_a_page_of_a_given_drift_and_a_folder(source: Path, drifted: pd.DataFrame) -> None:
    Path("parts").mkdir()
    half = len(drifted) // 2
    drifted.iloc[:half].to_csv("parts/1.csv", index=False)
    drifted.iloc[half:].to_csv("parts/2.csv", index=False)
    assert run("correct parts fixed --n-chunks 5 --quiet --report folder.html") == 0
    assert "overlap" in Path("folder.html").read_text("utf-8")
    assert run("correct parts fixed --quiet --report folder.html") == 2
    assert run("correct in.csv out.csv --drift fixed_drift.nc --quiet --report page.html") == 0
    assert "out_drift.nc" not in names()
    assert f"{len(drifted):,}" in Path("page.html").read_text("utf-8")


def test_overwrite_replaces(source: Path) -> None:
    Path("out.csv").write_text("old")
    assert run("correct in.csv out.csv --quiet --overwrite") == 0
    assert len(pd.read_csv("out.csv")) == len(pd.read_csv(source))


def test_figure_is_a_picture_of_the_drift(source: Path) -> None:
    from matplotlib.image import imread

    assert run("correct in.csv a.csv --n-chunks 5 --quiet") == 0
    assert run("correct in.csv b.csv --n-chunks 5 --quiet --fit linear") == 0
    a, b = imread("a_drift.png"), imread("b_drift.png")
    assert min(a.shape[:2]) > 400
    assert a.std() > 0.02
    assert a.shape == b.shape
    assert (a != b).any()  # another curve is drawn


@pytest.mark.parametrize("suffix", [".hdf5", ".h5", ".mat", ".smlm"])
def test_formats_of_other_programs(suffix: str, drifted: pd.DataFrame, truth: pd.DataFrame) -> None:
    table = smlm_accessor.set_columns(drifted, unit="nm", pixel_size=100)
    table.smlm.write(f"in{suffix}")
    assert run(f"correct in{suffix} out{suffix} --n-chunks 5 --quiet") == 0
    fixed = smlm_accessor.read(f"out{suffix}")
    assert_corrected(fixed, smlm_accessor.set_columns(truth, unit="nm"))
    assert fixed.attrs["smlm_history"][-1]["step"] == "correct"
    assert {path for path in names() if path.endswith(".yaml")} == (
        {"in.yaml", "out.yaml"} if suffix == ".hdf5" else set()
    )


def test_what_is_beside_a_table_is_not_replaced(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.yaml").write_text("precious")
    words = ["out.yaml exists", "--overwrite"]
    line = "correct in.csv out.hdf5 --unit nm --pixel-size 100"
    assert_refused(line, words, capsys.readouterr, {"in.csv", "out.yaml"})
    assert Path("out.yaml").read_text() == "precious"


def test_drift_as_text(source: Path, drifted: pd.DataFrame) -> None:
    drift = drifted.smlm.drift(n_chunks=5)
    smlm_accessor.io.write_drift(drift, "drift.csv", unit="nm")
    smlm_accessor.io.write_drift(drift, "drift.txt", unit="nm", pixel_size=100)
    for name in ("drift.csv", "drift.txt"):
        line = f"correct in.csv {name}.csv --unit nm --pixel-size 100 --drift {name} --quiet"
        assert run(line) == 0
        fixed = pd.read_csv(f"{name}.csv")
        np.testing.assert_allclose(fixed[XY], drifted.smlm.correct(drift)[XY], atol=1e-9)


# What it says.


def test_summary_and_progress_bar(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("correct in.csv out.csv --n-chunks 5") == 0
    out, err = capsys.readouterr()
    table = pd.read_csv(source)
    assert f"localizations  {len(table):,}\n" in out
    assert f"frames         0 to {table['frame'].max()}\n" in out
    assert "chunks         5\n" in out
    assert "\nverdict        improved: overlap " in out
    for name in ("out.csv", "out_drift.nc", "out_drift.png"):
        assert name in out
    line = next(line for line in out.splitlines() if line.startswith("drift"))
    x = float(line.split("x ")[1].split(",")[0])
    assert x == pytest.approx(0.02 * table["frame"].max(), rel=0.15)
    assert "100%" in err


def test_quiet_says_nothing(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("correct in.csv out.csv --quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_warning_is_one_line_in_words_of_the_command_line(
    source: Path, drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("correct in.csv out.csv --quiet") == 0
    later = drifted.assign(frame=drifted["frame"] + 500)
    later.to_csv("later.csv", index=False)
    assert run("correct later.csv fixed.csv --drift out_drift.nc --quiet") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("smlm_accessor: warning: ")
    assert "--outside linear" in lines[0]
    assert run("correct later.csv two.csv --drift out_drift.nc --quiet --outside linear") == 0
    assert capsys.readouterr().err == ""


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"smlm_accessor {smlm_accessor.__version__}\n"
    for command in ("", "correct", "tutorial"):
        assert run(f"{command} --help") == 0
        text = capsys.readouterr().out
        assert text.startswith("usage: python -m smlm_accessor")
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
    assert again.stderr.startswith("smlm_accessor: error: out.csv exists")
    assert again.stderr.count("\n") == 1
    assert again.stdout == ""


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
    "semicolons": ("frame;x;y\n1;2;3\n", ["no commas", "'frame;x;y'"]),
    "header in quotes": ('"frame,""x"",""y"""\n1,2,3\n', ["has 1 names", "second 3"]),
    "ragged": ("frame,x,y\n1,2,3\n1,2,3,4\n", ["bad.csv cannot be read", "4"]),
    "not UTF-8": ("frame,x [µm],y [µm]\n1,2,3\n".encode("latin-1"), ["UTF-8"]),
    "binary": (bytes(range(256)), ["bad.csv"]),
    "text in a column": (text_in_column, ["'position_x'", "'oops'", "not a number"]),
    "no frames": (no_frames, ["frame numbers", "--columns frame=..."]),
    "two problems": (two_problems, ["'oops'", "; ", "whole number"]),
    "one frame": (one_frame, ["frame 3"]),
}


def assert_refused(
    line: str, words: list[str], captured: Callable[[], tuple[str, str]], files_before: set[str]
) -> None:
    status = run(line)
    out, err = captured()
    assert status == 2, err
    lines = err.splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("smlm_accessor: error: ")
    for word in words:
        assert word in lines[0]
    assert out == ""
    assert names() == files_before


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
    "drift in.csv out.csv": ["'drift'", "tutorial", "correct"],
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
    "correct in.csv out.csv --option speed=3": ["'speed'", "max_distance"],
    "correct in.csv out.csv --option max_distance": ["NAME=VALUE"],
    "correct in.csv out.csv --option max_distance=far": ["max_distance=far", "float"],
    "correct in.csv out.csv --option max_distance=-1": ["max_distance=-1"],
    "correct in.csv out.csv --option max_iterations=0": ["max_iterations=0"],
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
    "correct in.csv out.csv --drift in.csv": ["in.csv cannot be read as netCDF"],
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
    assert "larger chunks" in capsys.readouterr().err.splitlines()[-1]
    assert names() == {"few.csv"}


@pytest.mark.parametrize(
    ("error", "status"), [(OSError(28, "No space left on device"), 2), (KeyboardInterrupt(), 130)]
)
@pytest.mark.parametrize("function", ["write_table", "write_drift"])
def test_stopped_half_way_leaves_nothing(
    function: str,
    error: BaseException,
    status: int,
    source: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = getattr(files, function)

    def half(*arguments: Any) -> None:
        write(*arguments)
        assert any(name.endswith(".part") for name in names())
        raise error

    monkeypatch.setattr(files, function, half)
    Path("out.csv").write_text("old")
    assert run("correct in.csv out.csv --quiet --overwrite") == status
    assert capsys.readouterr().err.count("\n") == 1
    assert names() == {"in.csv", "out.csv"}
    assert Path("out.csv").read_text() == "old"


def test_a_killed_run_leaves_no_name_that_looks_finished(source: Path) -> None:
    code = (
        "import os, sys\n"
        "from smlm_accessor.cli import files, main\n"
        "write = files.write_drift\n"
        "files.write_drift = lambda *a: (write(*a), os._exit(9))\n"
        "main(['correct', 'in.csv', 'out.csv', '--quiet'])\n"
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

    monkeypatch.setattr(files, "write_table", broken)
    assert run("correct in.csv out.csv --quiet") == 1
    err = capsys.readouterr().err
    assert err.startswith("smlm_accessor: error: unexpected ZeroDivisionError: oh; no;")
    assert err.count("\n") == 1
    assert run("correct in.csv out.csv --quiet --traceback") == 1
    assert "Traceback" in capsys.readouterr().err
    assert names() == {"in.csv"}


# Its words.


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("one\n- two\n- three", "one; two; three"),
        ("these: \n- two.\n- three\nDo this.", "these: two. three. Do this."),
        ("", ""),
    ],
)
def test_one_line(message: str, expected: str) -> None:
    assert messages.one_line(message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("table = smlm_accessor.set_columns(table, x='...', unit='nm')",
         "--columns x=... --unit nm"),
        ("smlm_accessor.set_columns(table, pixel_size=130)", "--pixel-size 130"),
        ("smlm_accessor.read(path, x='...', frame='...')", "--columns x=...,frame=..."),
        ("use by='linear', or by chunk", "use --by linear, or by chunk"),
        ("x='a' and max_distance=5", "x='a' and max_distance=5"),
    ],
)  # fmt: skip
def test_python_in_words_of_the_command_line(message: str, expected: str) -> None:
    assert messages.in_flags(message) == expected


# Real tables.


@pytest.mark.parametrize("name", ["egfr_cells", "origami_cuboctahedron_3d"])
def test_real_tables(name: str) -> None:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    status = run(f"correct {shlex.quote(str(path))} out.parquet --unit nm --quiet")
    assert status == 0
    given, fixed = pd.read_parquet(path), pd.read_parquet("out.parquet")
    assert fixed.dtypes.to_dict() == given.dtypes.to_dict()
    moved = (fixed - given)[list(given.smlm.columns.components)]
    assert np.isfinite(moved.to_numpy()).all()
    assert 0.5 < moved.abs().to_numpy().max() < 200

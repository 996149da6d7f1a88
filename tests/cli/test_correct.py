"""Correcting a file or a folder: what is written, and what is said."""

from __future__ import annotations

import csv
import html
import json
import re
import shutil
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from tests.cli.conftest import ROOT, XY, assert_corrected, assert_refused, names, run

DATA = ROOT.parent / "shared" / "data"


class Corrected(NamedTuple):
    """What a run left in its folder, and said."""

    folder: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def corrected_once(drifted: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    folder, out, err = tmp_path_factory.mktemp("corrected"), StringIO(), StringIO()
    drifted.to_csv(folder / "in.csv", index=False)
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        assert run("correct in.csv out.csv --method cc --n-chunks 5") == 0
    return Corrected(folder, out.getvalue(), err.getvalue())


@pytest.fixture
def corrected(corrected_once: Corrected) -> Corrected:
    """The same run for several tests; its files are here."""
    shutil.copytree(corrected_once.folder, ".", dirs_exist_ok=True)
    return corrected_once


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
    said = capsys.readouterr().err
    assert "Frame numbers begin again" in said
    assert "smlm correct FOLDER --each --out OTHER. If" in said
    assert "smlm join FILE FILE -o OUT, and correct that with --segments file. If" in said
    assert said.endswith("--segments none\n")
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
    assert run("correct odd.tsv out.tsv --n-chunks 3 --method cc --n-chunks 5 --quiet") == 0

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
    assert run("correct in.parquet out.parquet --method cc --n-chunks 5 --quiet") == 0
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
    assert run("correct in.parquet out.parquet --method cc --n-chunks 5 --quiet") == 0
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
    assert run(f"correct in.{given} out.{wanted} --method cc --n-chunks 5 --quiet") == 0
    fixed = pd.read_csv("out.csv") if wanted == "csv" else pd.read_parquet("out.parquet")
    assert fixed.dtypes.to_dict() == drifted.dtypes.to_dict()
    assert_corrected(fixed, truth)


@pytest.mark.usefixtures("corrected")
def test_drift_is_saved_and_corrects_another_table() -> None:
    drift = xr.load_dataset("out_drift.nc")
    drift.smlm.check()
    assert drift.attrs["method"] == "cc"
    assert json.loads(drift.attrs["parameters"])["n_chunks"] == 5
    assert run("correct in.csv again.csv --drift out_drift.nc --quiet") == 0
    assert Path("again.csv").read_bytes() == Path("out.csv").read_bytes()
    assert not {"again_drift.nc", "again_drift.png"} & names()


@pytest.mark.parametrize("flags", ["--fit linear", "--fit spline,linear", "--by chunk"])
def test_flags_of_the_correction(flags: str, source: Path, drifted: pd.DataFrame) -> None:
    assert run(f"correct in.csv out.csv --method cc --n-chunks 5 --quiet {flags}") == 0
    drift = drifted.smlm.drift(method="cc", n_chunks=5)
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
        ("--method icp --chunk-size 1_000 --target previous",
         {"method": "icp", "chunk_size": 1000, "target": "previous"}),
        ("--method icp --option max_distance=40 --option with_rotation=true --n-chunks 4",
         {"method": "icp", "max_distance": 40, "with_rotation": True, "n_chunks": 4}),
        ("--method aim --origin mean", {"method": "aim", "origin": "mean"}),
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
    assert run(f"correct in.csv out.csv --method cc --n-chunks 5 --quiet {flags}") == 0
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
    assert run("correct in.parquet out.parquet --method icp --n-chunks 5 --quiet") == 0
    after = pd.read_parquet("out.parquet").smlm.rmse(locs)
    assert list(after.index) == ["x", "y", "z"]
    assert (after < moved.smlm.rmse(locs) / 3).all()


def test_a_page_to_look_at(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("correct in.csv out.csv --method cc --n-chunks 5 --report page.html") == 0
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
    assert run("correct parts fixed --method cc --n-chunks 5 --quiet --report folder.html") == 0
    assert "overlap" in Path("folder.html").read_text("utf-8")
    assert run("correct parts fixed --quiet --report folder.html") == 2
    assert run("correct in.csv out.csv --drift fixed_drift.nc --quiet --report page.html") == 0
    assert "out_drift.nc" not in names()
    assert f"{len(drifted):,}" in Path("page.html").read_text("utf-8")


def test_overwrite_replaces_and_quiet_says_nothing(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("out.csv").write_text("old")
    assert run("correct in.csv out.csv --method cc --n-chunks 5 --quiet --overwrite") == 0
    assert capsys.readouterr() == ("", "")
    assert len(pd.read_csv("out.csv")) == len(pd.read_csv(source))


@pytest.mark.usefixtures("corrected")
def test_figure_is_a_picture_of_the_drift() -> None:
    from matplotlib.image import imread

    assert run("correct in.csv b.csv --method cc --n-chunks 5 --quiet --fit linear") == 0
    a, b = imread("out_drift.png"), imread("b_drift.png")
    assert min(a.shape[:2]) > 400
    assert a.std() > 0.02
    assert a.shape == b.shape
    assert (a != b).any()  # another curve is drawn


@pytest.mark.parametrize("suffix", [".hdf5", ".h5", ".mat", ".smlm"])
def test_formats_of_other_programs(suffix: str, drifted: pd.DataFrame, truth: pd.DataFrame) -> None:
    table = smlm_accessor.set_columns(drifted, unit="nm", pixel_size=100)
    table.smlm.write(f"in{suffix}")
    assert run(f"correct in{suffix} out{suffix} --method cc --n-chunks 5 --quiet") == 0
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


def test_what_cannot_be_written_is_said_before_the_estimate(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "correct in.csv out.hdf5 --unit nm"
    assert_refused(line, ["camera pixel", "--pixel-size 130"], capsys.readouterr, {"in.csv"})
    assert run("correct in.csv out.hdf5 --unit nm --pixel-size 100 --method cc --n-chunks 5") == 0
    assert "out.yaml " in capsys.readouterr().out


def test_drift_as_text(source: Path, drifted: pd.DataFrame) -> None:
    drift = drifted.smlm.drift(method="cc", n_chunks=5)
    smlm_accessor.io.write_drift(drift, "drift.csv", unit="nm")
    smlm_accessor.io.write_drift(drift, "drift.txt", unit="nm", pixel_size=100)
    for name in ("drift.csv", "drift.txt"):
        line = f"correct in.csv {name}.csv --unit nm --pixel-size 100 --drift {name} --quiet"
        assert run(line) == 0
        fixed = pd.read_csv(f"{name}.csv")
        np.testing.assert_allclose(fixed[XY], drifted.smlm.correct(drift)[XY], atol=1e-9)


def test_summary_and_progress_bar(corrected: Corrected) -> None:
    _, out, err = corrected
    table = pd.read_csv("in.csv")
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


@pytest.mark.usefixtures("corrected")
def test_a_warning_is_one_line_in_words_of_the_command_line(
    drifted: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    later = drifted.assign(frame=drifted["frame"] + 500)
    later.to_csv("later.csv", index=False)
    assert run("correct later.csv fixed.csv --drift out_drift.nc --quiet") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("smlm: warning: ")
    assert "--outside linear" in lines[0]
    assert run("correct later.csv two.csv --drift out_drift.nc --quiet --outside linear") == 0
    assert capsys.readouterr().err == ""


# Real tables.


@pytest.mark.parametrize("name", ["egfr_cells", "origami_cuboctahedron_3d"])
def test_real_tables(name: str) -> None:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    given = pd.read_parquet(path)
    given = given[given["x"] > given["x"].quantile(0.7)]  # a part of the field is as real
    given.to_parquet("in.parquet")
    assert run("correct in.parquet out.parquet --unit nm --quiet") == 0
    fixed = pd.read_parquet("out.parquet")
    assert fixed.dtypes.to_dict() == given.dtypes.to_dict()
    moved = (fixed - given)[list(given.smlm.columns.components)]
    assert np.isfinite(moved.to_numpy()).all()
    assert 0.5 < moved.abs().to_numpy().max() < 200

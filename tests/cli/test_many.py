"""Many files: each by itself, what is done is left out, and nothing stops the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.correct import done, files
from smlm_accessor.correct.files import correct_files
from smlm_accessor.correct.paths import each_table, names_of
from smlm_accessor.correct.summary import summary_table
from smlm_accessor.errors import FileError, OptionError
from tests.cli.conftest import ROOT, XY, assert_corrected, names, run

FAST = {"method": "cc", "n_chunks": 5}
FLAGS = "--method cc --n-chunks 5 --no-pages"


@pytest.fixture
def movies(drifted: pd.DataFrame) -> list[Path]:
    paths = [Path(f"movie_{k}.csv") for k in range(3)]
    for k, path in enumerate(paths):
        drifted.iloc[k::3].to_csv(path, index=False)
    return paths


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of files that are worked on from here on."""
    work, seen = files.corrected_row, list[str]()

    def noted(request: Any) -> Any:
        seen.append(request.source.name)
        return work(request)

    monkeypatch.setattr(files, "corrected_row", noted)
    return seen


def test_each_file_by_itself(movies: list[Path], truth: pd.DataFrame) -> None:
    table = correct_files("movie_*.csv", "fixed", pages=False, **FAST)
    assert sorted(Path(file).name for file in table["file"]) == [path.name for path in movies]
    for k, path in enumerate(movies):
        fixed = pd.read_csv(Path("fixed", path.name))
        given = pd.read_csv(path)
        expected = given.smlm.correct(given.smlm.drift(**FAST))
        np.testing.assert_array_equal(fixed[XY], expected[XY])
        assert_corrected(fixed, truth.iloc[k::3].reset_index(drop=True))
    assert (table["written"] == [Path(file).name for file in table["file"]]).all()
    pd.testing.assert_frame_equal(
        pd.read_csv("fixed/summary.csv", keep_default_na=False)[["file", "verdict"]],
        table[["file", "verdict"]],
    )
    rows = table.set_index(table["file"].map(lambda file: Path(file).name))
    assert rows["localizations"].to_dict() == {p.name: len(pd.read_csv(p)) for p in movies}
    assert rows["drift_x"].between(20, 70).all()
    assert (rows["offset_std"] > 0).all()
    assert (rows["error"] == "").all()


def test_a_broken_file_does_not_stop_the_others(
    movies: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    movies[1].write_text("frame,x,y\n1,2,oops\n3,4,5\n")
    assert run(f"correct {' '.join(map(str, movies))} --out fixed {FLAGS} --quiet") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("smlm: error: ")
    assert err.count("\n") == 1
    assert "movie_1.csv" in err
    assert "oops" in err
    summary = pd.read_csv("fixed/summary.csv")
    assert Path(summary["file"][0]).name == "movie_1.csv"  # what needs a look is on top
    assert summary["verdict"][0] == "error"
    assert summary["error"].notna().sum() == 1
    assert {"movie_0.csv", "movie_2.csv"} < set(os.listdir("fixed"))
    assert "movie_1.csv" not in os.listdir("fixed")
    page = Path("fixed/summary.html").read_text("utf-8")
    assert page.index("movie_1.csv") < page.index("movie_0.csv")


def test_a_second_start_leaves_out_what_is_done(
    movies: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = correct_files(movies, "fixed", pages=False, **FAST)
    seen = counted(monkeypatch)
    pd.testing.assert_frame_equal(correct_files(movies, "fixed", pages=False, **FAST), first)
    assert seen == []
    pd.read_csv(movies[1]).iloc[:-1].to_csv(movies[1], index=False)  # a file that has changed
    Path("fixed/movie_2.csv").unlink()  # a result that is gone
    correct_files(movies, "fixed", pages=False, **FAST)
    assert seen == ["movie_1.csv", "movie_2.csv"]
    correct_files(movies, "fixed", pages=False, method="cc", n_chunks=4)  # asked otherwise
    assert seen[2:] == [path.name for path in movies]


def test_a_file_that_failed_is_tried_again(movies: list[Path]) -> None:
    good = movies[0].read_text()
    movies[0].write_text("frame,x,y\n")
    assert (correct_files(movies, "fixed", pages=False, **FAST)["verdict"] == "error").sum() == 1
    movies[0].write_text(good)
    assert (correct_files(movies, "fixed", pages=False, **FAST)["error"] == "").all()


def test_killed_and_run_again(movies: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is killed when the second table is written but not noted."""
    code = (
        "import os\n"
        "from smlm_accessor.correct import done, files\n"
        "note, noted = done.Record.done, []\n"
        "def stop(self, request, *rest):\n"
        "    if noted: os._exit(9)\n"
        "    noted.append(note(self, request, *rest))\n"
        "done.Record.done = stop\n"
        f"files.correct_files('movie_*.csv', 'fixed', pages=False, **{FAST})\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert ended.returncode == 9
    assert {"movie_0.csv", "movie_1.csv"} < set(os.listdir("fixed"))
    assert "movie_2.csv" not in os.listdir("fixed")
    with Path("fixed", done.NAME).open("a") as record:
        record.write('{"source": "half a li')
    before = Path("fixed/movie_0.csv").stat().st_mtime_ns
    seen = counted(monkeypatch)
    table = correct_files("movie_*.csv", "fixed", pages=False, **FAST)
    assert seen == ["movie_1.csv", "movie_2.csv"]
    assert Path("fixed/movie_0.csv").stat().st_mtime_ns == before
    assert sorted(Path(file).name for file in table["file"]) == [path.name for path in movies]
    assert (table["error"] == "").all()
    assert not [name for name in os.listdir("fixed") if name.endswith(".part")]
    assert correct_files("movie_*.csv", "fixed", pages=False, **FAST).equals(table)
    assert seen == ["movie_1.csv", "movie_2.csv"]


def test_results_that_are_not_ours_are_not_replaced(movies: list[Path]) -> None:
    Path("fixed").mkdir()
    Path("fixed/movie_1.csv").write_text("precious")
    with pytest.raises(FileError, match=r"movie_1\.csv exists"):
        correct_files(movies, "fixed", pages=False, **FAST)
    assert Path("fixed/movie_1.csv").read_text() == "precious"
    assert run(f"correct movie_1.csv --out fixed {FLAGS} --quiet --overwrite") == 0
    assert len(pd.read_csv("fixed/movie_1.csv")) == len(pd.read_csv("movie_1.csv"))


def test_processes_give_the_same(movies: list[Path]) -> None:
    movies[2].write_text("")
    one = correct_files(movies, "one", pages=False, **FAST)
    two = correct_files(movies, "two", pages=False, jobs=2, **FAST)
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))
    assert Path("one/movie_0.csv").read_bytes() == Path("two/movie_0.csv").read_bytes()


def test_pages_are_linked_and_a_bar_is_shown(
    movies: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = FLAGS.replace("--no-pages", "")
    assert run(f"correct movie_0.csv 'movie_[1]*.csv' --out fixed {flags}") == 0
    out, err = capsys.readouterr()
    assert "files          2\n" in out
    assert "2/2" in err
    page = Path("fixed/summary.html").read_text("utf-8")
    for k in range(2):
        assert f'href="pages/movie_{k}.html"' in page
        assert "Drift correction of" in Path(f"fixed/pages/movie_{k}.html").read_text("utf-8")


def test_folders_and_names(movies: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    for day in ("monday", "tuesday"):
        Path(day).mkdir()
        Path(day, "cell.csv").write_bytes(movies[0].read_bytes())
        Path(day, "notes.md").write_text("nothing to read")
        Path(day, "cell_drift.png").write_text("")
    assert run(f"correct monday tuesday --out fixed {FLAGS} --quiet") == 2
    assert "--each" in capsys.readouterr().err
    assert "fixed" not in names()
    assert each_table(["monday"], each=True) == [Path("monday/cell.csv")]
    assert run(f"correct monday tuesday --each --out fixed {FLAGS} --quiet") == 0
    assert {"monday_cell.csv", "tuesday_cell.csv"} < set(os.listdir("fixed"))
    alike = [Path("a/cell.csv"), Path("b/a/cell.hdf5"), Path("other.npy")]
    assert names_of(alike) == ["a_cell.csv", "a_cell_2.hdf5", "other.parquet"]


def test_worse_is_not_written(
    movies: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drift = pd.read_csv(movies[0]).smlm.drift(**FAST)
    wrong = drift.assign(offset=-2 * drift["offset"])
    wrong.to_netcdf("wrong.nc")
    assert run("correct movie_0.csv movie_1.csv --out fixed --drift wrong.nc --no-pages") == 3
    assert "worse, so it is not written" in capsys.readouterr().err
    summary = pd.read_csv("fixed/summary.csv", keep_default_na=False)
    assert summary["verdict"].tolist() == ["worse", "worse"]
    assert summary["written"].tolist() == ["", ""]
    assert not {"movie_0.csv", "movie_1.csv"} & set(os.listdir("fixed"))
    line = "correct movie_0.csv movie_1.csv --out fixed --drift wrong.nc --no-pages --force --quiet"
    assert run(line) == 0
    assert {"movie_0.csv", "movie_1.csv"} < set(os.listdir("fixed"))


def test_what_needs_a_look_is_on_top() -> None:
    rows = [
        {"file": "good", "verdict": "improved", "log10_odds": 20.0, "jumps": 0},
        {"file": "stepped", "verdict": "improved", "log10_odds": 20.0, "jumps": 2},
        {"file": "weak", "verdict": "improved", "log10_odds": 4.0, "jumps": 0},
        {"file": "warned", "verdict": "improved", "log10_odds": 9.0, "warnings": "a word"},
        {"file": "unsure", "verdict": "no evidence", "score": 1.0},
        {"file": "bad", "verdict": "worse", "score": -9.0},
        {"file": "short", "verdict": "none"},
        {"file": "broken", "verdict": "error", "error": "gone"},
    ]
    order = ["broken", "bad", "short", "unsure", "warned", "stepped", "weak", "good"]
    assert summary_table(rows)["file"].tolist() == order


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("correct nothing_*.csv --out fixed", ["nothing_*.csv", "pattern"]),
        ("correct movie_0.csv out.csv --each", ["--each", "--out"]),
        ("correct movie_0.csv out.csv --jobs 2", ["--jobs", "--out"]),
        ("correct movie_0.csv movie_1.csv movie_2.csv", ["--out"]),
        ("correct movie_0.csv --out movie_1.csv", ["movie_1.csv", "cannot be made"]),
        ("correct movie_0.csv --out fixed --report a.html", ["--report", "pages"]),
        ("correct movie_0.csv --out fixed --option speed=3", ["'speed'"]),
        ("correct movie_0.csv --out fixed --jobs 0", ["--jobs", "at least 1"]),
    ],
)
def test_refused(
    line: str, words: list[str], movies: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for word in words:
        assert word in err
    assert names() == {path.name for path in movies}


def test_jobs_are_whole_numbers(movies: list[Path]) -> None:
    with pytest.raises(OptionError, match="jobs"):
        correct_files(movies, "fixed", jobs=0)


def test_the_record_is_plain_text(movies: list[Path]) -> None:
    correct_files(movies[0], "fixed", pages=False, **FAST)
    lines = Path("fixed", done.NAME).read_text().splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [
        ["outputs"],
        ["asked", "outputs", "row", "source", "state"],
    ]

"""Many files: stopped by Ctrl-C, and two runs in one folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from smlm_accessor.correct import done, files
from smlm_accessor.correct.files import correct_files
from smlm_accessor.correct.lock import alone_in
from smlm_accessor.errors import FileError
from tests.cli.conftest import ROOT, run

LINE = "correct movie_*.csv --out fixed --method cc --n-chunks 5 --no-pages --force"
FAST: dict[str, Any] = {"method": "cc", "n_chunks": 5, "pages": False, "force": True}
N = 8  # so many that not all are done before the interruption


@pytest.fixture
def movies(drifted: pd.DataFrame) -> list[Path]:
    paths = [Path(f"movie_{k:02d}.csv") for k in range(N)]
    for k, path in enumerate(paths):
        drifted.iloc[k::6].to_csv(path, index=False)
    return paths


def start(*flags: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "smlm_accessor", *LINE.split(), *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group of its own, as of a terminal
    )


def wait_for_results(n: int) -> None:
    until = time.monotonic() + 120
    while len(list(Path("fixed").glob("movie_??.csv"))) < n and time.monotonic() < until:
        time.sleep(0.01)


def noted() -> list[str]:
    """The files that are done, each as often as it was worked on."""
    lines = Path("fixed", done.NAME).read_text().splitlines()
    return [line.split("movie_")[1][:2] for line in lines if '"row"' in line]


@pytest.mark.parametrize("flags", [(), ("--jobs", "2")], ids=["here", "in processes"])
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(
    flags: tuple[str, ...], movies: list[Path]
) -> None:
    process = start(*flags)
    wait_for_results(2)
    os.killpg(process.pid, signal.SIGINT)  # to all processes, as a terminal does
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1] == (
        "smlm: error: stopped; what is done is in fixed, and the same command goes on"
    )
    assert not list(Path("fixed").glob(".*.part"))
    before = noted()
    # In this process it may end after a file is written, before that is noted: it is done again.
    assert (2 if flags else 1) <= len(before) < N
    times = {name: Path(f"fixed/movie_{name}.csv").stat().st_mtime_ns for name in before}
    if flags:  # what was being worked on was finished, and noted
        assert {path.name[6:8] for path in Path("fixed").glob("movie_??.csv")} == set(before)
    assert run(f"{LINE} --quiet") == 0
    assert sorted(noted()) == [f"{k:02d}" for k in range(N)]  # nothing twice
    assert all(Path(f"fixed/movie_{n}.csv").stat().st_mtime_ns == t for n, t in times.items())
    assert len(pd.read_csv("fixed/summary.csv")) == N


def test_an_interruption_that_a_library_drops_ends_the_work_after_the_file(
    movies: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = files.corrected_row

    def dropping(request: Any) -> Any:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return work(request)

    monkeypatch.setattr(files, "corrected_row", dropping)
    with pytest.raises(KeyboardInterrupt):
        correct_files(movies, "fixed", **FAST)
    assert noted() == ["00"]


def test_killed_half_way_with_processes(movies: list[Path]) -> None:
    process = start("--jobs", "2", "--quiet")
    wait_for_results(2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    before = noted()
    assert len(before) < N
    assert run(f"{LINE} --quiet") == 0
    assert sorted(noted()) == [f"{k:02d}" for k in range(N)]
    for path in movies:
        pd.testing.assert_index_equal(
            pd.read_csv(f"fixed/{path.name}").columns, pd.read_csv(path).columns
        )


def test_a_second_run_in_the_folder_says_so_and_stops(
    movies: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    work, seen = files.corrected_row, list[str]()

    def meanwhile(request: Any) -> Any:
        assert run(f"{LINE} --quiet") == 2
        seen.append(capsys.readouterr().err)
        return work(request)

    monkeypatch.setattr(files, "corrected_row", meanwhile)
    correct_files(movies[:2], "fixed", **FAST)
    assert len(seen) == 2
    for said in seen:
        assert f"another run, process {os.getpid()} on " in said
        assert said.count("\n") == 1
    assert len(noted()) == 2
    monkeypatch.setattr(files, "corrected_row", work)
    assert run(f"{LINE} --quiet") == 0  # nobody else is there any more
    assert len(noted()) == N


def test_a_lock_of_a_process_that_was_killed_does_not_count(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, time\n"
        "from smlm_accessor.correct.lock import alone_in\n"
        "with alone_in(pathlib.Path('.')):\n"
        "    print('in', flush=True)\n"
        "    time.sleep(100)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with pytest.raises(FileError, match=f"process {other.pid} on"), alone_in(Path()):
            pass
        other.kill()
        other.wait(30)
    with alone_in(Path()):
        assert f"process {os.getpid()} on" in Path(".smlm_running").read_text()

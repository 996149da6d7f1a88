"""Many files by one command, beside one call of Python for each.

Simulated movies are corrected by ``smlm correct FILES --out FOLDER``, and some of them by ``smlm
correct IN OUT``, one after the other, which reads, estimates, corrects, judges and writes the same.
Then everything again into another folder, killed when half of it is written, and started once more:
all files must be there, and none may have been worked on twice that was done.

``python benchmarks/many_files.py --files 24 --jobs 2 --singles 4``
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_RECORD = ".smlm_done.jsonl"


def simulate(folder: Path, n_files: int, n_rows: int) -> list[Path]:
    """Write movies of molecules that are seen again and again, each with a drift of its own."""
    import numpy as np
    import pandas as pd

    n_frames, folder = 10_000, folder / "movies"
    folder.mkdir()
    paths = []
    for seed in range(n_files):
        rng = np.random.default_rng(seed)
        sites = rng.uniform(0, 10_000, (n_rows // 40, 2))
        frame = np.sort(rng.integers(n_frames, size=n_rows))
        drift = rng.normal(0, [100, 60]) * np.sin(frame[:, None] / n_frames * [2.0, 3.0])
        xy = sites[rng.integers(len(sites), size=n_rows)] + rng.normal(0, 12, (n_rows, 2)) + drift
        table = pd.DataFrame({"frame": frame, "x [nm]": xy[:, 0], "y [nm]": xy[:, 1]})
        paths.append(folder / f"movie_{seed:03d}.csv")
        table.round(3).to_csv(paths[-1], index=False)
    return paths


def start(*arguments: object) -> subprocess.Popen[bytes]:
    """Start ``smlm correct`` in a group of processes of its own."""
    command = [sys.executable, "-m", "smlm_accessor", "correct", *map(str, arguments)]
    return subprocess.Popen([*command, "--quiet"], start_new_session=True)


def seconds_of(*arguments: object) -> float:
    """Return the seconds that ``smlm correct`` takes. Raises if it fails."""
    started = time.perf_counter()
    if status := start(*arguments).wait():
        raise RuntimeError(f"smlm correct ended with status {status}")
    return time.perf_counter() - started


def worked_on(out: Path) -> Counter[str]:
    """Return how often each file was noted as done."""
    lines = (out / _RECORD).read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return Counter(Path(entry["source"]).name for entry in entries if "row" in entry)


def killed_and_run_again(paths: Sequence[Path], out: Path, jobs: int) -> tuple[int, float]:
    """Return how many files were done when the run was killed, and the seconds of the second one.

    Raises if a file is missing at the end, or one that was done was worked on again.
    """
    process = start(*paths, "--out", out, "--jobs", jobs, "--no-pages")
    while len(list(out.glob("movie_???.csv"))) < len(paths) / 2 and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = len(worked_on(out))
    seconds = seconds_of(*paths, "--out", out, "--jobs", jobs, "--no-pages")
    count = worked_on(out)
    missing = [p.name for p in paths if count[p.name] != 1 or not (out / p.name).exists()]
    if missing:
        raise RuntimeError(f"not there, or worked on twice: {missing}")
    return before, seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Print seconds a file of both, and what became of the run that was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--singles", type=int, default=4, help="files that have a call of their own"
    )
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = simulate(folder, given.files, given.rows)
        seconds_of(paths[0], folder / "first.csv")  # compiles, if that was never done
        alone = [seconds_of(path, folder / path.name) for path in paths[: given.singles]]
        print(f"one call each: {sum(alone) / len(alone):.2f} s a file ({len(alone)} files)")
        for jobs in dict.fromkeys((1, given.jobs)):
            out = folder / f"jobs_{jobs}"
            together = seconds_of(*paths, "--out", out, "--jobs", jobs, "--no-pages")
            print(f"all, --jobs {jobs}: {together / len(paths):.2f} s a file ({len(paths)} files)")
        before, seconds = killed_and_run_again(paths, folder / "killed", given.jobs)
        print(
            f"killed with {before} of {len(paths)} done, the second start took {seconds:.1f} s: "
            "complete, nothing twice",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""Tables larger than memory: rows per second, memory, and how much more than a bare pass it takes.

    python benchmarks/scale.py --rows 100 --workdir benchmark-work/scale
    python benchmarks/scale.py --rows 10 100 1000 --workers 1 2 --workdir benchmark-work/scale

makes tables of so many million rows (Parquet; frame int32, x and y float32; 10 million rows a file)
and prints a Markdown table. A bare pass is pyarrow reading the same columns file by file, and for
corrections also writing them. Each figure is of a process of its own, after one run that is not
counted (files in the page cache, kernels loaded); memory is the peak of all processes together.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

ROWS_PER_FILE = 10_000_000
FRAMES_PER_FILE = 10_000
FIELD, PRECISION = 50_000.0, 10.0  # nm
SITES = 20_000
EXTENT = (200.0, -100.0)  # nm of drift
JOBS = ("read", "cc", "aim", "overlap", "read + write", "correct")
BARE = {"cc": "read", "aim": "read", "overlap": "read", "correct": "read + write"}
LIMITS = {"cc": "3x", "aim": "5x", "overlap": "6x", "correct": "1.1x"}


def drift_at(frame: np.ndarray, n_frames: int) -> np.ndarray:
    """Return the true drift, zero in the first frame, shape (n, 2)."""
    return np.sin(3.0 * frame / n_frames)[:, None] * np.array(EXTENT)


def make(folder: Path, n_files: int) -> None:
    """Make a table that is not there yet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    sites = np.random.default_rng(0).uniform(0, FIELD, (SITES, 2)).astype("f4")
    for i in range(n_files):
        path = folder / f"part.{i:04d}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng(i + 1)
        frame = rng.integers(FRAMES_PER_FILE, size=ROWS_PER_FILE, dtype="i4")
        frame = np.sort(frame) + np.int32(i * FRAMES_PER_FILE)
        site = rng.integers(SITES, size=ROWS_PER_FILE)
        drift = drift_at(np.arange(n_files * FRAMES_PER_FILE), n_files * FRAMES_PER_FILE)
        columns = {"frame": frame}
        for axis, name in enumerate(("x", "y")):
            noise = rng.standard_normal(ROWS_PER_FILE, dtype="f4") * np.float32(PRECISION)
            columns[name] = sites[site, axis] + drift[frame, axis].astype("f4") + noise
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(pa.table(columns), unfinished)
        unfinished.rename(path)


def read(folder: Path, out: Path | None) -> dict[str, float]:
    """Read all columns with pyarrow, and write them again if asked."""
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path, columns=["frame", "x", "y"])
        if out is not None:
            pq.write_table(table, out / path.name)
    return {}


def estimate(folder: Path, method: str) -> dict[str, float]:
    """Estimate drift, and compare it with the truth."""
    import dask.dataframe as dd

    import smlm_accessor

    table = smlm_accessor.set_columns(dd.read_parquet(folder), unit="nm")
    n_frames = len(list(folder.glob("*.parquet"))) * FRAMES_PER_FILE
    rule = {"frames_per_chunk": n_frames // 40} if method == "cc" else {}
    drift = table.smlm.drift(method=method, **rule)
    frame = drift["frame"].values
    error = drift["offset"].values + drift_at(frame, n_frames)
    error = error[drift["valid"].values]
    rmse = np.sqrt(((error - error.mean(axis=0)) ** 2).mean(axis=0))
    sample = smlm_accessor.table.attributes.parameters(drift).get("sample", {})
    return {
        "rmse x": float(rmse[0]),
        "rmse y": float(rmse[1]),
        "offset_std": float(drift["offset_std"].median()),
        "sample": sample.get("localizations", 0),
    }


def correct(folder: Path, out: Path) -> dict[str, float]:
    """Correct by the true drift at 300 frames, and write Parquet."""
    import dask.dataframe as dd

    import smlm_accessor
    from smlm_accessor.drift import build

    n_frames = len(list(folder.glob("*.parquet"))) * FRAMES_PER_FILE
    edges = np.linspace(0, n_frames, 301).astype(int)
    middle = (edges[:-1] + edges[1:] - 1) / 2
    drift = build(
        offset=-drift_at(middle, n_frames),
        components="xy",
        frame=middle,
        frame_start=edges[:-1],
        frame_stop=edges[1:],
        attrs={"length_unit": "nm"},
    )
    table = smlm_accessor.set_columns(dd.read_parquet(folder), unit="nm")
    table.smlm.correct(drift).smlm.write(out / "corrected", overwrite=True)
    return {}


def work(job: str, folder: Path, out: Path) -> dict[str, float]:
    """Do one job and return what it found."""
    if job.startswith("read"):
        return read(folder, out if "write" in job else None)
    return correct(folder, out) if job == "correct" else estimate(folder, job)


def child(arguments: argparse.Namespace) -> None:
    """Do a job twice in this process, and print the seconds of the second time."""
    client = None
    if arguments.scheduler:
        from distributed import Client

        client = Client(arguments.scheduler)
    if arguments.warm:
        work(arguments.job, arguments.warm, arguments.out)
    started = time.perf_counter()
    found = work(arguments.job, arguments.folder, arguments.out)
    print(json.dumps({"seconds": time.perf_counter() - started, **found}))
    if client is not None:
        client.close()


class Memory(threading.Thread):
    """Watches the memory of processes, all together and the largest."""

    def __init__(self, *pids: int) -> None:
        super().__init__(daemon=True)
        self.pids, self.total, self.largest, self.done = pids, 0, 0, False

    def run(self) -> None:
        """Look until told otherwise."""
        while not self.done:
            sizes = [resident(pid) for pid in self.pids]
            self.total, self.largest = max(self.total, sum(sizes)), max(self.largest, *sizes)
            time.sleep(0.02)


def resident(pid: int) -> int:
    """Return the bytes a process has in memory, 0 if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(job: str, folder: Path, small: Path, out: Path, scheduler: str, *pids: int) -> dict:
    """Run a job in a process of its own."""
    command = [sys.executable, __file__, "--job", job, "--folder", str(folder), "--out", str(out)]
    command += ["--warm", str(small)]
    if scheduler and not job.startswith("read"):
        command += ["--scheduler", scheduler]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watch = Memory(process.pid, *pids)
    watch.start()
    output, _ = process.communicate()
    watch.done = True
    watch.join()
    if process.returncode:
        raise SystemExit(f"{job} on {folder} failed")
    found = json.loads(output.strip().splitlines()[-1])
    return {**found, "GiB": watch.total / 2**30, "GiB largest": watch.largest / 2**30}


def cluster(n_workers: int, folder: Path) -> tuple[list[subprocess.Popen], str]:
    """Start a scheduler and workers of one thread each."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    log = (folder / "cluster.log").open("ab")
    dask = [sys.executable, "-m", "dask"]
    common = ["--no-dashboard", f"--scheduler-file={file}", "--host=127.0.0.1"]
    processes = [subprocess.Popen([*dask, "scheduler", *common], stdout=log, stderr=log)]
    while not file.exists():
        time.sleep(0.1)
    worker = ["worker", *common, "--nthreads=1", "--no-nanny", "--memory-limit=4GiB"]
    worker.append(f"--local-directory={folder}")
    processes += [
        subprocess.Popen([*dask, *worker], stdout=log, stderr=log) for _ in range(n_workers)
    ]
    return processes, json.loads(file.read_text())["address"]


def row(millions: int, how: str, job: str, found: dict, bare: float | None) -> str:
    """Return a line of the table."""
    ratio = "" if bare is None else f"{found['seconds'] / bare:.2f}"
    error = f"{found['rmse x']:.3f} / {found['rmse y']:.3f}" if "rmse x" in found else ""
    std = f"{found['offset_std']:.3f}" if "rmse x" in found else ""
    sample = f"{int(found['sample']):,}" if found.get("sample") else ""
    cells = [
        f"{millions} M",
        how,
        job,
        f"{found['seconds']:.2f}",
        f"{millions / found['seconds']:.1f}",
        f"{1e3 * found['seconds'] / millions:.1f}",
        ratio,
        LIMITS.get(job, ""),
        f"{found['GiB']:.2f}",
        f"{found['GiB largest']:.2f}",
        error,
        std,
        sample,
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = """\
| rows | where | what | s | M rows/s | ns/row | x bare | limit | GiB, all | GiB, largest | \
error x / y, nm | offset_std | sample |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Make the data, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[100], help="millions, multiples of 10"
    )
    parser.add_argument("--jobs", nargs="+", default=JOBS, choices=JOBS)
    parser.add_argument("--workers", type=int, nargs="*", default=[], help="also on a cluster")
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the median is shown")
    parser.add_argument("--workdir", type=Path, default=Path("benchmark-work/scale"))
    for name in ("--folder", "--out", "--warm"):
        parser.add_argument(name, type=Path, help=argparse.SUPPRESS)
    for name in ("--job", "--scheduler"):
        parser.add_argument(name, default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        child(arguments)
        return
    out = arguments.workdir / "out"
    out.mkdir(parents=True, exist_ok=True)
    small = arguments.workdir / "10M"
    make(small, 1)
    print(HEAD, flush=True)
    for millions in arguments.rows:
        folder = arguments.workdir / f"{millions}M"
        make(folder, millions // 10)
        seconds: dict[str, float] = {}
        for n_workers in (0, *arguments.workers):
            processes, address = cluster(n_workers, out) if n_workers else ([], "")
            how = f"{n_workers} workers" if n_workers else "2 threads"
            for job in arguments.jobs:
                if n_workers and job.startswith("read"):
                    continue
                pids = [process.pid for process in processes]
                runs = [
                    measure(job, folder, small, out, address, *pids)
                    for _ in range(arguments.repeat)
                ]
                found = sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]
                if not n_workers:
                    seconds[job] = found["seconds"]
                bare = seconds.get(BARE.get(job, ""))
                print(row(millions, how, job, found, bare), flush=True)
            for process in processes:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()

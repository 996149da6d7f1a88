"""The largest table that other tools can hold, and what it costs them; ours reads it from disk.

    python benchmarks/largest.py --millions 1 10 30 100 --workdir benchmark-work/scale

runs Picasso's aim and Locan's cc on the first so many million rows of the table of `scale.py`, and
this package on a folder with the same rows, each in a process of its own that may take so much
memory and time, and prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scale
from environments import TOOLS, NotAvailableError, interpreter, user_cache
from peers import PEERS

RUNS = {
    "Picasso aim": ("picasso", "aim", {}),
    "Locan cc": ("locan", "cc", {"n_chunks": 20, "model": "linear"}),
}
HEAD = """\
| rows | tool | s | peak GB | error x / y, nm |
|---|---|---|---|---|"""


def table(folder: Path, n_rows: int) -> dict[str, np.ndarray]:
    """Return rows of the table of `scale.py`, spread over all frames, and the truth."""
    import pyarrow.parquet as pq

    files = sorted(folder.glob("*.parquet"))
    columns: dict[str, list[np.ndarray]] = {"frame": [], "x": [], "y": []}
    every = max(1, len(files) * scale.ROWS_PER_FILE // n_rows)
    for path in files:
        part = pq.read_table(path)
        for name, parts in columns.items():
            parts.append(part[name].to_numpy()[::every])
    arrays = {name: np.concatenate(parts)[:n_rows] for name, parts in columns.items()}
    n_frames = len(files) * scale.FRAMES_PER_FILE
    drift = scale.drift_at(arrays["frame"], n_frames)
    truth = {f"true_{axis}": arrays[axis] - drift[:, j] for j, axis in enumerate("xy")}
    precision = np.full((n_rows, 2), scale.PRECISION, dtype=np.float32)
    return {**arrays, **truth, "precision": precision}


def other(name: str, path: Path, python: Path, memory: float, seconds: float) -> str:
    """Run a tool, and return its cells of the table."""
    tool, method, settings = RUNS[name]
    arguments = [PEERS[tool].runner, str(path), method, "xy", json.dumps(settings), "error"]
    environment = {**os.environ, "BENCHMARK_GIGABYTES": str(memory)}
    try:
        done = subprocess.run(
            [python, TOOLS / "worker.py", *arguments],
            capture_output=True,
            text=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"> {seconds:.0f} | | "
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["killed"]
        return f"failed | > {memory:.0f}? | {lines[-1].strip()[:80]}"
    found = json.loads(done.stdout.strip().splitlines()[-1])
    held = found["bytes"] * len(np.load(path)["frame"]) / 1e9
    rmse = found["rmse"]
    return f"{found['cold']:.1f} | {held:.1f} | {rmse['x']:.2f} / {rmse['y']:.2f}"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10, 30, 100])
    parser.add_argument("--workdir", type=Path, default=Path("benchmark-work/scale"))
    parser.add_argument("--memory", type=float, default=20.0, help="GB that a process may take")
    parser.add_argument("--seconds", type=float, default=600.0, help="that a run may take")
    parser.add_argument("--tools", nargs="*", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--environments", type=Path, default=user_cache())
    arguments = parser.parse_args()
    folder = arguments.workdir / "100M"
    scale.make(folder, 10)
    print(HEAD, flush=True)
    given_up: set[str] = set()
    for millions in arguments.millions:
        with tempfile.TemporaryDirectory(dir=arguments.workdir) as place:
            path, parts = Path(place, "table.npz"), Path(place, "parts")
            arrays = table(folder, millions * 1_000_000)
            np.savez(path, **arrays)
            parts.mkdir()
            write_parts(arrays, parts)
            del arrays
            for name in arguments.tools:
                if name in given_up:
                    continue
                try:
                    python = interpreter(
                        RUNS[name][0], PEERS[RUNS[name][0]], arguments.environments
                    )
                except NotAvailableError as error:
                    print(f"| | {name} | not available: {error} | | |", flush=True)
                    given_up.add(name)
                    continue
                cells = other(name, path, python, arguments.memory, arguments.seconds)
                if cells.startswith((">", "failed")):
                    given_up.add(name)
                print(f"| {millions} M | {name} | {cells} |", flush=True)
            for method in ("aim", "overlap"):
                print(f"| {millions} M | {method}, from disk | {ours(method, parts)} |", flush=True)


def write_parts(arrays: dict[str, np.ndarray], folder: Path) -> None:
    """Write the rows as a folder of Parquet files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(arrays["frame"])
    for i, start in enumerate(range(0, n, scale.ROWS_PER_FILE)):
        rows = slice(start, start + scale.ROWS_PER_FILE)
        columns = {name: arrays[name][rows] for name in ("frame", "x", "y")}
        pq.write_table(pa.table(columns), folder / f"part.{i:04d}.parquet")


def ours(method: str, folder: Path) -> str:
    """Estimate and correct, in a process of its own, and return the cells of the table."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--ours", method, str(folder)], stdout=subprocess.PIPE, text=True
    )
    watch = scale.Memory(process.pid)
    watch.start()
    output, _ = process.communicate()
    watch.done = True
    found = json.loads(output.strip().splitlines()[-1])
    x, y = found["rmse"]
    return f"{found['seconds']:.1f} | {watch.total / 1e9:.1f} | {x:.2f} / {y:.2f}"


def run_ours(method: str, folder: Path) -> None:
    """Estimate drift, write the corrected folder, and print seconds and error."""
    import dask.dataframe as dd

    import smlm_accessor
    from smlm_accessor.drift.between_chunks import evaluate

    started = time.perf_counter()
    rows = smlm_accessor.set_columns(dd.read_parquet(folder), unit="nm")
    drift = rows.smlm.drift(method=method)
    rows.smlm.correct(drift).smlm.write(folder.with_name(f"fixed_{method}"))
    seconds = time.perf_counter() - started
    n_frames = 10 * scale.FRAMES_PER_FILE
    frames = np.arange(int(drift["frame_start"][0]), int(drift["frame_stop"][-1]))
    left = evaluate(drift, frames, outside="hold").offset + scale.drift_at(frames, n_frames)
    print(json.dumps({"seconds": seconds, "rmse": left.std(axis=0).tolist()}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        run_ours(sys.argv[2], Path(sys.argv[3]))
    else:
        main()

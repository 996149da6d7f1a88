"""Says whether anything became slower: ratios to yardsticks of the same computer, with limits.

    python benchmarks/gate.py                # measures all; fails if one is over its limit
    python benchmarks/gate.py --only "overlap*" --repeat 5
    python benchmarks/gate.py --keep         # what is measured becomes what is known

A yardstick is work that this package has no part in: a sort, a Fourier transform, a bare read of
the same files, an import of what the package is built on. It runs in turns with what is measured,
each several times, in CPU seconds of all threads and child processes; the fastest of each counts.
What others do on the computer counts little then. What is known is in `gate.json`; the limit is
`ROOM` times that.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # before numpy: threads of others are not what is measured

import argparse
import fnmatch
import functools
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import scale

KNOWN = HERE / "gate.json"
ROOM = 1.3  # of a limit over what was measured: runs of one version differ by up to a fifth
MILLIONS = 20  # rows of the table that is read from disk
Job = Callable[[], object]


@dataclass(frozen=True)
class Measure:
    """What is measured: ``prepare`` returns the job; the yardstick is one of `YARDSTICKS`.

    ``aim`` is the ratio that the package wants to keep, if there is one.
    """

    prepare: Callable[[], Job]
    yardstick: str
    aim: float | None = None


@functools.cache
def pores(n_structures: int) -> Any:
    """Return a table of nuclear pores that drift: 300 localizations of each."""
    import smlm_accessor

    still = smlm_accessor.simulate_npc(
        n_structures=n_structures, n_frames=8_000, precision=8, seed=1
    )
    return still.smlm.simulate_drift(
        velocity=(0.01, -0.005), sinusoid={"amplitude": 25, "period": 6_000}, seed=1
    )


@functools.cache
def folder() -> Path:
    """Return a folder of Parquet files, which is made if it is not there."""
    path = Path(os.environ.get("GATE_WORKDIR", HERE.parent / "benchmark-work" / "scale"))
    scale.make(path / f"{MILLIONS}M", MILLIONS // 10)
    return path / f"{MILLIONS}M"


def drift(method: str, n_structures: int = 80) -> Callable[[], Job]:
    """Estimate drift of a small table."""
    return lambda: functools.partial(pores(n_structures).smlm.drift, method=method)


def from_disk(method: str) -> Callable[[], Job]:
    """Estimate drift of a large table of dask."""
    return lambda: functools.partial(scale.estimate, folder(), method)


def written(function: Callable[[Path], object]) -> Callable[[], Job]:
    """Read the large table and write another one into a folder."""

    def job() -> None:
        with tempfile.TemporaryDirectory(dir=folder().parent) as out:
            function(Path(out))

    return lambda: job


def written_with_dask(out: Path) -> None:
    """Read the large table with dask and write it again."""
    import dask.dataframe as dd

    dd.read_parquet(folder()).to_parquet(out)


def assess() -> Job:
    """Judge a correction."""
    found = pores(80).smlm.drift()
    return lambda: found.smlm.assess(pores(80))


def correct() -> Job:
    """Correct by chunks, fifty times."""
    found = pores(80).smlm.drift(method="aim")
    return lambda: [pores(80).smlm.correct(found) for _ in range(50)]


def child(*arguments: str) -> Callable[[], Job]:
    """Run Python in a process of its own, with the package of this checkout."""
    command, here = [sys.executable, *arguments], HERE.parent
    return lambda: functools.partial(
        subprocess.run, command, cwd=here, check=True, capture_output=True
    )


def read_with_dask() -> Job:
    """Read the columns of the large table with dask, once."""
    import dask.dataframe as dd

    table = dd.read_parquet(folder())[["frame", "x", "y"]]
    return lambda: table.map_partitions(len).compute()


def apart(name: str) -> Callable[[], Job]:
    """Run a yardstick in a process of its own, which says how long it takes.

    Memory that another job has left behind makes a read up to three times as fast.
    """

    def prepare() -> Job:
        command = [sys.executable, __file__, "--alone", name]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE.parent
        )

        def job() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("go\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        return job

    return prepare


def serve(job: Job) -> None:
    """Run a job for every line of the standard input, and print the CPU seconds it took."""
    for _ in sys.stdin:
        print(seconds(job), flush=True)


def sort() -> Job:
    """Sort eight million numbers."""
    numbers = np.random.default_rng(0).random(8_000_000)
    return lambda: np.sort(numbers)


def transform() -> Job:
    """Transform an image of 2048 by 2048 pixels, twice."""
    from scipy import fft

    image = np.random.default_rng(0).random((2048, 2048)).astype(np.float32)
    return lambda: [fft.irfft2(fft.rfft2(image)) for _ in range(2)]


ALONE: dict[str, Callable[[], Job]] = {
    "bare read": read_with_dask,
    "bare read and write": written(written_with_dask),
}
YARDSTICKS: dict[str, Callable[[], Job]] = {
    "sort": sort,
    "FFT": transform,
    "bare read": apart("bare read"),
    "bare read and write": apart("bare read and write"),
    "estimate": drift("overlap"),
    "import of pandas, xarray, dask.dataframe": child(
        "-c", "import pandas, xarray, dask.dataframe"
    ),
    "empty interpreter": child("-c", "pass"),
}
MEASURES: dict[str, Measure] = {
    "overlap, 24,000": Measure(drift("overlap"), "sort"),
    "aim, 24,000": Measure(drift("aim"), "sort"),
    "icp, 24,000": Measure(drift("icp"), "sort"),
    "rcc, 24,000": Measure(drift("rcc"), "FFT"),
    "cc, 24,000": Measure(drift("cc"), "FFT"),
    "overlap, 240,000": Measure(drift("overlap", 800), "sort"),
    "assess, 24,000": Measure(assess, "estimate", 1.0),
    "correct, 24,000, fifty times": Measure(correct, "sort"),
    f"cc, {MILLIONS} million": Measure(from_disk("cc"), "bare read"),
    f"aim, {MILLIONS} million": Measure(from_disk("aim"), "bare read"),
    f"overlap, {MILLIONS} million": Measure(from_disk("overlap"), "bare read"),
    f"correct, {MILLIONS} million": Measure(
        written(lambda out: scale.correct(folder(), out)), "bare read and write", 1.1
    ),
    "import": Measure(
        child("-c", "import smlm_accessor"), "import of pandas, xarray, dask.dataframe", 1.1
    ),
    "help of smlm": Measure(child("-m", "smlm_command", "--help"), "empty interpreter"),
}


def seconds(job: Job) -> float:
    """Return the CPU seconds that a job takes, in all threads and children, or says it took."""

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    began = spent()
    told = job()
    return told if isinstance(told, float) else spent() - began


def ratio(measure: Measure, repeat: int) -> float:
    """Return how many times as long as its yardstick something takes."""
    job, yardstick = measure.prepare(), YARDSTICKS[measure.yardstick]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job(), yardstick()
        taken = [(seconds(job), seconds(yardstick)) for _ in range(repeat)]
    return min(one for one, _ in taken) / min(other for _, other in taken)


HEAD = "| | over | ratio | wanted | limit |\n" + "|---" * 5 + "|"


def row(name: str, found: float, known: dict[str, float]) -> str:
    """Return a line of the table."""
    measure = MEASURES[name]
    wanted = "" if measure.aim is None else f"{measure.aim:g}"
    limit = f"{ROOM * known[name]:.2f}" if name in known else ""
    return f"| {name} | {measure.yardstick} | {found:.2f} | {wanted} | {limit} |"


def measured(names: list[str], repeat: int, known: dict[str, float]) -> dict[str, float]:
    """Measure, and print each line as it comes."""
    print(HEAD, flush=True)
    found = {}
    for name in names:
        found[name] = ratio(MEASURES[name], repeat)
        print(row(name, found[name], known), flush=True)
    return found


def main() -> int:
    """Measure, print, and return 1 if anything is over its limit, or has none."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=["*"], help="patterns of names")
    parser.add_argument("--repeat", type=int, default=5, help="runs, of which the fastest counts")
    parser.add_argument("--keep", action="store_true", help="keep what is measured as known")
    parser.add_argument("--alone", choices=ALONE, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        serve(ALONE[arguments.alone]())
        return 0
    names = [n for n in MEASURES if any(fnmatch.fnmatch(n, p) for p in arguments.only)]
    stored = json.loads(KNOWN.read_text(encoding="utf-8")) if KNOWN.exists() else {"ratios": {}}
    known = stored["ratios"]
    found = measured(names, arguments.repeat, known)
    if arguments.keep:
        known |= {name: round(value, 2) for name, value in found.items()}
        stored["with"] = versions()
        KNOWN.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        return 0
    limits = {name: ROOM * known.get(name, 0.0) for name in names}
    slower = [name for name in names if found[name] > limits[name]]
    if slower:  # once more: the work of others is never quite without effect
        again = measured(slower, 2 * arguments.repeat, known)
        slower = [name for name in slower if again[name] > limits[name]]
    print(f"\nfailed: {', '.join(slower)}" if slower else "\npassed")
    return int(bool(slower))


def versions() -> dict[str, str]:
    """Return what was measured with."""
    from importlib.metadata import version

    packages = ("numpy", "scipy", "numba", "pandas", "dask", "pyarrow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


if __name__ == "__main__":
    raise SystemExit(main())

"""Error, time and memory of drift estimates: this package beside Picasso, SMAPpy and Locan.

See README.md beside it. ``python benchmarks/compare.py --help`` lists the options.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cases
import figure
import numpy as np
import oracle
import report
from environments import TOOLS, NotAvailableError, interpreter, user_cache
from peers import PEERS, Method, Settings, Tool, ours
from samples import Simulated

HERE = Path(__file__).resolve().parent
MAIN_CASES = ("A", "B", "C", "D", "E", "F", "origami1", "origami2")
QUICK_CASES = ("d",)
STARTUP = 60.0  # seconds that a process may take besides the calls


@dataclass(frozen=True)
class Job:
    """A method of a tool on a table that is written in a file."""

    python: Path
    tool: Tool
    method: str
    table: Path
    limit: float
    gigabytes: float

    def run(self, settings: Settings, measure: str, **variables: str) -> dict[str, Any]:
        """Measure in a process of its own; what goes wrong comes back under ``failed``.

        ``variables`` are added to its environment.
        """
        details = self.tool.methods[self.method]
        command = [
            str(self.python),
            str(TOOLS / "worker.py"),
            self.tool.runner,
            str(self.table),
            self.method,
            details.axes,
            json.dumps(settings),
            measure,
        ]
        environment = {**os.environ, "MPLBACKEND": "Agg", **variables}
        environment["BENCHMARK_GIGABYTES"] = str(self.gigabytes)
        if not self.tool.requirements:
            paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        else:
            environment.pop("PYTHONPATH", None)
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                env=environment,
                timeout=self.limit + STARTUP,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"failed": f"> {self.limit:.0f} s"}
        if done.returncode:
            return {"failed": self._reason(done.returncode, done.stderr)}
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        if found["cold"] > self.limit:
            return {"failed": f"> {self.limit:.0f} s"}
        return found

    def _reason(self, code: int, message: str) -> str:
        last = ([line for line in message.splitlines() if line.strip()] or ["no message"])[-1]
        if any(word in last for word in ("MemoryError", "bad_alloc", "allocate")):
            return f"> {self.gigabytes:g} GB"
        if code < 0:
            return f"died of signal {-code}"
        return last.strip()[:120]


def measure(job: Job, settings: Settings) -> dict[str, Any]:
    """Return error, seconds and bytes per localization of one method at given settings."""
    found = job.run(settings, "time")
    if found.get("calls", 1) > 1:
        again = job.run(settings, "memory")
        if "failed" not in again:
            found["bytes"] = again["bytes"]
    return {"settings": settings, **found}


def first_ever(job: Job, settings: Settings) -> float | None:
    """Return the seconds of the first call when nothing is compiled yet."""
    with tempfile.TemporaryDirectory() as cache:
        found = job.run(settings, "error", NUMBA_CACHE_DIR=cache)
    return found.get("cold")


def tune(job: Job, start: dict[str, Any], method: Method) -> dict[str, Any] | None:
    """Return the best settings of the scan that differ from the default, or None."""
    best, least = dict(method.default), score(start)
    for stage in method.scan:
        tried = []
        for change in stage:
            settings = {**best, **change}
            found = job.run(settings, "error")
            say(f"    {settings}: {found.get('rmse', found.get('failed'))}")
            tried.append((score(found), settings))
        if tried and min(tried, key=lambda pair: pair[0])[0] < least:
            least, best = min(tried, key=lambda pair: pair[0])
    return None if best == method.default else best


def score(found: dict[str, Any]) -> float:
    """Return the error over all axes; infinite if there is none."""
    if "failed" in found:
        return float("inf")
    error = float(np.sqrt(np.mean(np.square(list(found["rmse"].values())))))
    return error if np.isfinite(error) else float("inf")


def variants(
    job: Job, details: Method, *, quick: bool, best: Settings | None
) -> dict[str, dict[str, Any]]:
    """Measure one method at its default and, unless it must be quick, at other settings.

    The best ones are looked for if they are not given.
    """
    rows = {"default": measure(job, details.default)}
    say(f"  {rows['default']}")
    if quick:
        return rows
    if not job.tool.requirements:
        rows["default"]["first ever"] = first_ever(job, details.default)
    rows |= {name: measure(job, settings) for name, settings in details.variants.items()}
    best = best or tune(job, rows["default"], details)
    if best is not None:
        rows["tuned"] = measure(job, best)
    return rows


def write(case: Simulated, path: Path) -> dict[str, Any]:
    """Write a case for the workers, and return what the report says of it."""
    axes = [axis for axis in "xyz" if axis in case.table]
    rows = np.argsort(case.table["frame"].to_numpy(), kind="stable")
    arrays: dict[str, Any] = {str(name): case.table[name].to_numpy()[rows] for name in case.table}
    for axis in axes:
        arrays[f"true_{axis}"] = case.truth[axis].to_numpy(dtype=float)[rows]
    precision = np.array(case.precision or case.typical_precision, dtype=float)
    arrays["precision"] = np.broadcast_to(precision, (len(rows), len(axes)))
    np.savez(path, **arrays)
    before = {
        axis: float(np.std(case.table[axis].astype(float) - case.truth[axis])) for axis in axes
    }
    return {
        "localizations": len(rows),
        "frames": int(np.ptp(case.table["frame"])) + 1,
        "before": before,
        "oracle": oracle.bound(case).rmse,
    }


def compare(options: argparse.Namespace, results: report.Results) -> None:
    """Run everything that is asked for, saving after each method."""
    tools, pythons = {"ours": ours(), **PEERS}, {}
    for name in options.tools:
        try:
            pythons[name] = interpreter(name, tools[name], options.environments)
        except NotAvailableError as error:
            results["not available"][name] = str(error)
            say(f"{name}: not available here: {error}")
    with tempfile.TemporaryDirectory() as work:
        for case in options.cases:
            path = Path(work) / f"{case}.npz"
            try:
                results["cases"][case] = write(cases.simulate(case, options.seed), path)
            except FileNotFoundError as error:
                say(f"{case}: {error}")
                continue
            results["cases"][case]["about"] = cases.CASES[case].about
            for name, python in pythons.items():
                for method, details in tools[name].methods.items():
                    if options.methods and method not in options.methods:
                        continue
                    job = Job(
                        python, tools[name], method, path, options.limit, options.memory_limit
                    )
                    say(f"{case}: {name} {method}")
                    kept = results["rows"].setdefault(case, {})
                    before = kept.get(f"{name} {method}", {}) if options.no_scan else {}
                    best = before.get("tuned", {}).get("settings")
                    rows = variants(job, details, quick=options.quick, best=best)
                    kept[f"{name} {method}"] = rows
                    save(options.output, results)
            path.unlink()


def save(folder: Path, results: report.Results) -> None:
    """Write the results, the tables and the figure."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "compare.md").write_text(report.markdown(results))


def say(text: str) -> None:
    """Tell the user what is going on, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Read the command line, compare, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    known = ["ours", *PEERS]
    parser.add_argument("--cases", nargs="+", choices=list(cases.CASES), metavar="CASE")
    parser.add_argument("--tools", nargs="+", choices=known, default=known, metavar="TOOL")
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help="only these (default: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=float, default=300, help="seconds per call (default: 300)")
    parser.add_argument(
        "--memory-limit", type=float, default=10, help="GB per process (default: 10)"
    )
    parser.add_argument("--quick", action="store_true", help="a small case, defaults only")
    parser.add_argument("--environments", type=Path, default=user_cache(), help="kept there")
    parser.add_argument("--output", type=Path, default=HERE, help="folder for results")
    parser.add_argument("--keep", action="store_true", help="keep the results that are there")
    parser.add_argument(
        "--no-scan", action="store_true", help="with --keep: the best settings found before"
    )
    options = parser.parse_args()
    options.environments = options.environments.resolve()
    options.cases = options.cases or (QUICK_CASES if options.quick else MAIN_CASES)
    results = report.start(options.output / "compare.json" if options.keep else None)
    compare(options, results)
    save(options.output, results)
    figure.draw(results, options.output / "compare.png")
    print(report.markdown(results))


if __name__ == "__main__":
    main()

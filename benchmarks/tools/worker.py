"""Run one method of one tool on one table, in the tool's own environment.

``python worker.py RUNNER TABLE METHOD AXES SETTINGS MEASURE`` prints one line of JSON. MEASURE is
``error`` (one call), ``time`` (a first call and more), ``memory`` (a call after one on a small
part of the table, so that what is loaded or compiled once does not count) or ``scan``: then
SETTINGS is a list of stages, each a list of changes of the best settings so far, and each call is a
line, printed as it ends.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

ENOUGH_SECONDS, MOST_CALLS = 3.0, 5  # of warm calls, of which the fastest counts
MOST_WARNINGS = 3
SLOW_SECONDS = 20.0  # one call is enough: what is loaded or compiled hardly counts
SMALL = 20_000  # localizations
STATUS = Path("/proc/self/status")


def main(
    runner_name: str, path: str, method: str, axes: str, settings_json: str, measure: str
) -> None:
    """Measure, and print what was found."""
    warnings.simplefilter("ignore")
    limit_memory(float(os.environ.get("BENCHMARK_GIGABYTES", "inf")))
    settings = json.loads(settings_json)
    with np.load(path) as file:
        arrays = dict(file)
    truth = {axis: arrays.pop(f"true_{axis}") for axis in "xyz" if f"true_{axis}" in arrays}
    for axis in set(truth) - set(axes):  # a method for the plane
        del truth[axis], arrays[axis]
    precision = arrays.pop("precision")
    before = time.perf_counter()
    runner = importlib.import_module(runner_name)
    found: dict[str, Any] = {"import": time.perf_counter() - before}

    if measure == "memory":
        rows = slice(None, None, max(1, len(precision) // SMALL))
        small = runner.prepare({name: a[rows] for name, a in arrays.items()}, precision[rows])
        # On a thinned table a method may well fail; it is only there to load and compile.
        try:
            runner.correct(small, method, settings)
        except Exception as error:
            found["small"] = repr(error)
    data = runner.prepare(arrays, precision)
    if measure == "scan":
        scan(runner, data, method, settings, truth)
        return
    held = start_peak()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        start = time.perf_counter()
        result = runner.correct(data, method, settings)
        found["cold"] = time.perf_counter() - start
    found["warnings"] = list(dict.fromkeys(str(one.message) for one in said))[:MOST_WARNINGS]
    found["bytes"] = max(0, peak() - held) / len(precision)
    found["rmse"] = errors(runner.positions(result, "".join(truth)), truth)
    if measure == "time":
        warm: list[float] = []
        while (
            found["cold"] < SLOW_SECONDS and sum(warm) < ENOUGH_SECONDS and len(warm) < MOST_CALLS
        ):
            start = time.perf_counter()
            runner.correct(data, method, settings)
            warm.append(time.perf_counter() - start)
        found["warm"] = min([found["cold"], *warm])
        found["calls"] = 1 + len(warm)
    found["versions"] = {name: installed(name) for name in runner.PACKAGES}
    print("\n" + json.dumps(found))


def scan(runner: Any, data: Any, method: str, stages: Any, truth: dict[str, Any]) -> None:
    """Call with each change of the best settings so far, against the truth; print each call."""
    best: dict[str, Any] = {}
    least = float("inf")
    for stage in stages:
        tried = []
        for change in stage:
            settings = {**best, **change}
            start = time.perf_counter()
            found: dict[str, Any] = {"settings": settings}
            try:
                result = runner.correct(data, method, settings)
                found["rmse"] = errors(runner.positions(result, "".join(truth)), truth)
            except Exception as error:
                found["failed"] = f"{type(error).__name__}: {error}"[:120]
            found["seconds"] = time.perf_counter() - start
            print("\n" + json.dumps(found), flush=True)
            if "rmse" in found:
                tried.append((sum(e**2 for e in found["rmse"].values()), settings))
        tried = [pair for pair in tried if pair[0] < least]
        if tried:
            least, best = min(tried, key=lambda pair: pair[0])


def errors(positions: Any, truth: dict[str, Any]) -> dict[str, float]:
    """Root mean square error per axis where the truth is known, a constant removed."""
    return {axis: float(np.nanstd(positions[:, j] - truth[axis])) for j, axis in enumerate(truth)}


def limit_memory(gigabytes: float) -> None:
    """Let this process fail rather than the machine."""
    if np.isfinite(gigabytes):
        most = int(gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def start_peak() -> float:
    """Forget the peak memory so far, and return what the process holds now."""
    if not STATUS.exists():
        return peak()
    Path("/proc/self/clear_refs").write_text("5")
    return field("VmRSS")


def peak() -> float:
    """Return the peak memory, in bytes."""
    if STATUS.exists():
        return field("VmHWM")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else most * 1024)


def field(name: str) -> float:
    """Return one field of the process's status, in bytes."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return float(line.split()[1]) * 1024
    raise KeyError(name)


def installed(package: str) -> str:
    """Return the version of a package; ours may be a checkout."""
    try:
        return version(package)
    except PackageNotFoundError:
        return str(getattr(sys.modules.get(package.replace("-", "_")), "__version__", "?"))


if __name__ == "__main__":
    main(*sys.argv[1:])

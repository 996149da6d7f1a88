"""Drift methods, without parameters, on random worlds: errors over an oracle, verdicts, seconds.

``python benchmarks/worlds.py --worlds 100 --seed 1 --output worlds.json`` before and after each
change of an algorithm, and ``--compare before.json`` to see what the change does. See README.md
beside this file; what a world is says `random_worlds`.

Only what the package documents is used, so that this file runs with any version that is installed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pandas as pd
import world_summary
import xarray as xr
from random_worlds import Simulation, World, draw, simulate

import smlm_accessor

METHODS = ("overlap", "aim", "rcc", "cc")
STARTUP = 120.0  # seconds that a process may take before the first timed call
CLEARLY = 0.8  # error after over error before: less than this is a clear improvement
WARM = {"frames": 2_000, "localizations": 6_000, "visits": 10.0, "blink": 2.0, "field_um": 6.0}

Results = dict[str, Any]


def root_mean_square(values: Any) -> float:
    """Return the root mean square of some numbers."""
    return float(np.sqrt(np.mean(np.square(list(values)))))


def errors(sample: Simulation, positions: pd.DataFrame) -> dict[str, float]:
    """Return the root mean square error per axis, over what is not background.

    A constant is removed, the mean of these localizations.
    """
    emitted = sample.site >= 0
    found = {}
    for j, axis in enumerate(sample.axes):
        off = positions[axis].to_numpy(dtype=float)[emitted] - sample.still[emitted, j]
        found[axis] = float(np.std(off))
    return found


def least_errors(world: World, sample: Simulation) -> dict[str, float]:
    """Return the error of the oracle per axis.

    How precise each localization is, it knows from the table; if the table does not say so, all
    count alike.
    """
    emitted = sample.site >= 0
    frames = sample.table["frame"].to_numpy()[emitted]
    rng = np.random.default_rng([world.seed, world.number, 2])
    found = {}
    for j, axis in enumerate(sample.axes):
        variance = sample.std[emitted, j] ** 2
        information = 1 / variance if world.uncertainty else 1 / variance.mean()
        found[axis], _ = oracle.best_smoother(
            frames, sample.drift[frames, j], information, jumps=world.jump_frames, rng=rng
        )
    return found


def over_std(sample: Simulation, drift: xr.Dataset) -> float | None:
    """Return error over ``offset_std``, root mean square of the valid chunks and all axes.

    The error of a chunk is that of its offset against the mean drift of its localizations; a
    constant is removed. None with a single valid chunk, or if no ``offset_std`` is stated.
    """
    frames = sample.table["frame"].to_numpy()
    n_chunks = drift.sizes["chunk"]
    chunk = np.searchsorted(drift["frame_start"].to_numpy(), frames, side="right") - 1
    counts = np.bincount(chunk, minlength=n_chunks)
    use = drift["valid"].to_numpy() & (counts > 0)
    ratios = []
    for j, axis in enumerate(sample.axes):
        true = np.bincount(chunk, sample.drift[frames, j], n_chunks)[use] / counts[use]
        error = drift["offset"].sel(component=axis).to_numpy()[use] + true
        error -= np.average(error, weights=counts[use])
        ratios.append(error / drift["offset_std"].sel(component=axis).to_numpy()[use])
    stated = np.concatenate(ratios)
    stated = stated[np.isfinite(stated)]
    return root_mean_square(stated) if use.sum() > 1 and len(stated) else None


def measure(sample: Simulation, method: str) -> tuple[Results, xr.Dataset | None]:
    """Estimate drift with nothing told, and return what it is worth.

    A method that finds no valid chunk, or raises an error of the package, has refused. *cpu* is
    the time of all threads together; other work of the computer does not change it much.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    try:
        drift = sample.table.smlm.drift(method=method)
    except smlm_accessor.SmlmError as error:
        found = _passed(started, cpu_started)
        return {**found, "refused": True, "reason": str(error)}, None
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}, None
    found = _passed(started, cpu_started)
    valid = drift["valid"].to_numpy()
    found |= {"refused": not valid.any(), "valid": float(valid.mean())}
    if valid.any():
        found["error"] = errors(sample, sample.table.smlm.correct(drift))
        ratio = over_std(sample, drift)
        if ratio is not None:
            found["over_std"] = ratio
    return found, drift


def _passed(started: float, cpu_started: float) -> Results:
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu_started,
    }


def judge(sample: Simulation, drift: xr.Dataset, found: Results) -> Results:
    """Return the verdict on a drift, and whether it is right.

    "improved" is right if, and only if, the error fell clearly.
    """
    try:
        assessment = drift.smlm.assess(sample.table)
    except Exception as error:
        return {"verdict": "failed", "line": f"{type(error).__name__}: {error}", "right": False}
    fell = False
    if "error" in found:
        before = root_mean_square(errors(sample, sample.table).values())
        fell = root_mean_square(found["error"].values()) < CLEARLY * before
    right = (assessment.verdict == "improved") == fell
    return {"verdict": assessment.verdict, "line": str(assessment), "right": right}


def work(world: World, methods: list[str], judged: list[str], connection: Connection) -> None:
    """Measure in a process of its own, and send what is found, call by call."""
    warnings.simplefilter("ignore")
    sample = simulate(world)
    # What is compiled or loaded once depends on the columns that a table has.
    warm = simulate(replace(world, **WARM, structures=("single emitters",), life=float("inf")))
    connection.send(
        {
            "n": len(sample.table),
            "before": errors(sample, sample.table),
            "oracle": least_errors(world, sample),
        }
    )
    for method in methods:
        measure(warm, method)
        connection.send("warm")
        found, drift = measure(sample, method)
        connection.send(found)
        if method in judged and drift is not None:
            connection.send(judge(sample, drift, found))


def run(world: World, methods: list[str], judged: list[str], limit: float) -> Results:
    """Return what is found in one world. A call that takes too long ends its process."""
    result: Results = {"about": str(world), "world": asdict(world), "methods": {}}
    waiting = list(methods)
    while waiting:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(world, waiting, judged, sender), daemon=True)
        process.start()
        sender.close()
        try:
            result |= _receive(receiver, STARTUP)
            while waiting:
                method = waiting[0]
                found = result["methods"][method] = {"failed": f"> {limit:.0f} s"}
                _receive(receiver, STARTUP)
                found = result["methods"][method] = _receive(receiver, limit)
                if method in judged and "failed" not in found and "reason" not in found:
                    found["verdict"] = f"> {limit:.0f} s"
                    found |= _receive(receiver, limit)
                waiting.pop(0)
        except TimeoutError:
            process.kill()
        except EOFError:
            process.join()
            found = result["methods"].setdefault(waiting[0], {})
            found["failed"] = f"the process ended with code {process.exitcode}"
        if waiting:  # the call that did not end; the others are run in a new process
            result["methods"].setdefault(waiting.pop(0), {"failed": "nothing came"})
        process.join()
    return result


def _receive(connection: Connection, seconds: float) -> Any:
    if not connection.poll(seconds):
        raise TimeoutError
    return connection.recv()


def run_all(worlds: list[World], options: argparse.Namespace) -> Iterator[Results]:
    """Yield what is found in each world, in their order."""
    judged = [] if options.no_verdict else options.verdict or options.methods
    one = partial(run, methods=options.methods, judged=judged, limit=options.limit)
    with ThreadPoolExecutor(options.jobs) as pool:  # each thread waits for a process
        yield from pool.map(one, worlds)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--worlds", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="+", metavar="WORLD", help="numbers, from 1")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), metavar="METHOD")
    parser.add_argument("--limit", type=float, default=60, help="seconds per call (default: 60)")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--no-verdict", action="store_true", help="do not assess")
    parser.add_argument("--verdict", nargs="+", metavar="METHOD", help="assess these only")
    parser.add_argument("--output", type=Path, help="JSON file with all that is found")
    parser.add_argument("--compare", type=Path, help="JSON file of another run, for ratios to it")
    parser.add_argument("--list", action="store_true", help="print the worlds, measure nothing")
    options = parser.parse_args(arguments)
    numbers = options.only or range(1, options.worlds + 1)
    worlds = [draw(options.seed, number) for number in numbers]
    if options.list:
        for world in worlds:
            print(f"{world.number}: {world}")
        return
    results: Results = {
        "package": smlm_accessor.__version__,
        "where": str(Path(smlm_accessor.__file__).parent),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "date": date.today().isoformat(),
        "options": {"seed": options.seed, "limit": options.limit, "jobs": options.jobs},
        "worlds": {},
    }
    print(f"smlm_accessor {results['package']} in {results['where']}", file=sys.stderr)
    for world, found in zip(worlds, run_all(worlds, options), strict=True):
        results["worlds"][str(world.number)] = found
        print(world_summary.lines(world.number, found), flush=True)
        if options.output:
            options.output.write_text(json.dumps(results, indent=1) + "\n")
    print("\n" + world_summary.summary(results))
    if options.compare:
        print("\n" + world_summary.comparison(results, json.loads(options.compare.read_text())))


if __name__ == "__main__":
    main()

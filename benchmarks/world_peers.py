"""Other tools on the random worlds of `worlds`, at their defaults and at the best of a scan.

``python benchmarks/world_peers.py --worlds 100 --seed 1 --output peers.json`` prints the same table
as `worlds`. Which settings are best is told by the truth, in each world by itself: no user can do
as well. A tool whose call takes too long in a world has failed there, and what its scan found
before counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import world_summary
from environments import TOOLS, NotAvailableError, interpreter, user_cache
from peers import PEERS, Tool
from random_worlds import World, draw, simulate
from worlds import errors, least_errors

STARTUP = 60.0  # seconds that a process may take besides the calls
# Random worlds drift and jump farther than the cases that the scans of `peers` are made for.
FARTHER: dict[str, list[list[dict[str, Any]]]] = {
    "smappy spline": [[{"max_drift_nm": 1500, "rcc_prepass": True}]],
    "smappy rcc": [[{"max_drift_nm": 2000}]],
}

Results = dict[str, Any]


def run(world: World, tools: list[tuple[str, Tool, Path]], limit: float) -> Results:
    """Return what tools, each with its name and interpreter, find in one world."""
    sample = simulate(world)
    frames = sample.table["frame"].to_numpy()
    result: Results = {"about": str(world), "before": errors(sample, sample.table)}
    result |= {"oracle": least_errors(world, sample), "methods": {}}
    arrays: dict[str, Any] = {"frame": frames}
    arrays |= {axis: sample.table[axis].to_numpy() for axis in sample.axes}
    of_emitter = (sample.site >= 0)[:, None]
    for axis, true in zip(sample.axes, np.where(of_emitter, sample.still, np.nan).T, strict=True):
        arrays[f"true_{axis}"] = true
    typical = np.sqrt((sample.std**2).mean(axis=0))
    arrays["precision"] = sample.std if world.uncertainty else np.tile(typical, (len(frames), 1))
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "world.npz"
        np.savez(path, **arrays)
        for name, tool, python in tools:
            for method, details in tool.methods.items():
                stages = [[details.default], *details.scan]
                stages[1:1] = FARTHER.get(f"{name} {method}", []) if details.scan else []
                calls = call(python, tool.runner, path, method, details.axes, limit, stages)
                result["methods"] |= best_of(f"{name} {method}", calls)
    return result


def call(
    python: Path, runner: str, table: Path, method: str, axes: str, limit: float, stages: Any
) -> list[Results]:
    """Return each call of a scan, in a process of the tool's own environment."""
    worker = str(TOOLS / "worker.py")
    command = [str(python), worker, runner, str(table), method, axes, json.dumps(stages), "scan"]
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    environment.pop("PYTHONPATH", None)
    output: str | bytes | None
    try:
        output = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=STARTUP + limit
        ).stdout
    except subprocess.TimeoutExpired as ended:
        output = ended.stdout
    text = output.decode() if isinstance(output, bytes) else output or ""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def best_of(name: str, calls: list[Results]) -> Results:
    """Return the call with default settings, and the best one."""
    if not calls:
        nothing = {"failed": "no call ended in time"}
        return {name: nothing, f"{name}, best": nothing}
    found = [_found(one) for one in calls]
    ended = [one for one in found if "error" in one] or found[:1]
    best = min(ended, key=lambda one: sum(e**2 for e in one.get("error", {"": 1e9}).values()))
    return {name: found[0], f"{name}, best": best}


def _found(one: Results) -> Results:
    common = {"seconds": one["seconds"], "settings": one["settings"]}
    if "rmse" not in one or not np.isfinite(list(one["rmse"].values())).all():
        return {**common, "failed": one.get("failed", "not a number")}
    return {**common, "error": one["rmse"], "valid": 1.0}


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--worlds", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, nargs="+", metavar="WORLD", help="numbers, from 1")
    parser.add_argument("--tools", nargs="+", choices=list(PEERS), default=["picasso", "smappy"])
    parser.add_argument("--methods", nargs="+", metavar="METHOD", help="only these (default: all)")
    parser.add_argument("--limit", type=float, default=120, help="seconds a scan (default: 120)")
    parser.add_argument("--default", action="store_true", help="no scan")
    parser.add_argument("--jobs", type=int, default=1, help="worlds at a time")
    parser.add_argument("--environments", type=Path, default=user_cache(), help="kept there")
    parser.add_argument("--output", type=Path, help="JSON file with all that is found")
    options = parser.parse_args(arguments)
    tools = []
    for name in options.tools:
        try:
            python = interpreter(name, PEERS[name], options.environments.resolve())
        except NotAvailableError as error:
            print(f"{name}: not available here: {error}", file=sys.stderr)
            continue
        wanted = {
            method: replace(details, scan=()) if options.default else details
            for method, details in PEERS[name].methods.items()
            if not options.methods or method in options.methods
        }
        tools.append((name, replace(PEERS[name], methods=wanted), python))
    worlds = [draw(options.seed, number) for number in options.only or range(1, options.worlds + 1)]
    results: Results = {"date": date.today().isoformat(), "worlds": {}}
    results["tools"] = {name: tool.requirements for name, tool, _ in tools}
    one = partial(run, tools=tools, limit=options.limit)
    with ThreadPoolExecutor(options.jobs) as pool:
        for world, found in zip(worlds, pool.map(one, worlds), strict=True):
            results["worlds"][str(world.number)] = found
            print(world_summary.lines(world.number, found), flush=True)
            if options.output:
                options.output.write_text(json.dumps(results, indent=1) + "\n")
    print("\n" + world_summary.summary(results))


if __name__ == "__main__":
    main()

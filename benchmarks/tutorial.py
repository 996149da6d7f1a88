"""The drift tutorial with smlm_accessor and with Locan 0.22: errors, times and memory.

Run it with any Python >= 3.11; it needs no packages itself and makes an environment for each
tool. See README.md beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCAN = ["locan==0.22", "open3d", "pandas<3"]
CHUNK_SIZE = 10_000
AXES = ("position_x", "position_y")
# case: method, options of ours, models per component
CASES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "icp": ("icp", {}, ["spline", "linear"]),
    "icp, rotation and scaling": (
        "icp",
        {"with_rotation": True, "with_scaling": True},
        ["spline", "linear"],
    ),
    "cc": ("cc", {}, ["linear", "linear"]),
}
TIMED = ("estimate", "correct by chunk", "fit", "correct from model")
HELP_OPEN3D = """On a bare Debian or Ubuntu, open3d needs two libraries of the system:
    apt-get update && apt-get install -y libusb-1.0-0 libgl1"""


# In the environment of ours: data, and what only ours is asked for.


def generate(data: Path, seeds: list[int]) -> dict[str, Any]:
    """Write the tutorial's tables, true and drifted, one pair per seed."""
    import numpy as np

    import smlm_accessor

    for seed in seeds:
        truth = smlm_accessor.simulate_thomas(
            parent_intensity=1e-4,
            region=((0, 1000), (0, 1000)),
            cluster_mu=1000,
            cluster_std=10,
            seed=seed,
        )
        truth["frame"] = smlm_accessor.simulate_frame_numbers(
            n_samples=len(truth), lam=3, seed=seed
        )
        drifted = truth.smlm.simulate_drift(velocity=(0.002, 0.001), seed=seed)
        for name, table in (("truth", truth), ("drifted", drifted)):
            rows = table[[*AXES, "frame"]].to_records(index=False)
            np.save(data / f"{name}_{seed}.npy", np.asarray(rows))
    return {}


def read(data: Path, name: str, seed: int) -> Any:
    """Read a table; by numpy, so that Locan's environment needs nothing more than Locan."""
    import numpy as np
    import pandas as pd

    return pd.DataFrame(np.load(data / f"{name}_{seed}.npy"))


def million(data: Path, seed: int) -> dict[str, Any]:
    """Correct a table of a million rows from a model."""
    import smlm_accessor  # noqa: F401

    table = read(data, "drifted", seed)
    model = table.smlm.drift(chunk_size=CHUNK_SIZE).smlm.fit(offset=["spline", "linear"])
    table = table.sample(1_000_000, replace=True, random_state=seed, ignore_index=True)
    return {"seconds": [timed(lambda: table.smlm.correct(model))[0] for _ in range(3)]}


# In the environment of either: one case on one table, twice. The first call is cold.


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def ours(table: Any, case: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds of each step, and the two corrected coordinates."""
    method, options, models = CASES[case]
    seconds: dict[str, float] = {}
    seconds["estimate"], drift = timed(
        lambda: table.smlm.drift(method=method, chunk_size=CHUNK_SIZE, **options)
    )
    seconds["correct by chunk"], by_chunk = timed(lambda: table.smlm.correct(drift, by="chunk"))
    seconds["fit"], model = timed(lambda: drift.smlm.fit(offset=models, origin="first_frame"))
    seconds["correct from model"], continuous = timed(lambda: table.smlm.correct(model))
    return seconds, {"by chunk": by_chunk, "from model": continuous}


def locan(table: Any, case: str) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds of each step, and the two corrected coordinates; rotation and scaling are on."""
    import locan as lc

    method, _, names = CASES[case]
    models = [lc.DriftComponent("spline", s=100) if n == "spline" else n for n in names]
    seconds: dict[str, float] = {}
    seconds["estimate"], drift = timed(
        lambda: lc.Drift(chunk_size=CHUNK_SIZE, target="first", method=method).compute(table)
    )
    seconds["correct by chunk"], _ = timed(lambda: drift.apply_correction(from_model=False))
    by_chunk = drift.locdata_corrected.data
    seconds["fit"], _ = timed(
        lambda: drift.fit_transformations(slice_data=slice(None), offset_models=models)
    )
    seconds["correct from model"], _ = timed(lambda: drift.apply_correction(from_model=True))
    return seconds, {"by chunk": by_chunk, "from model": drift.locdata_corrected.data}


def rss() -> float:
    """Peak memory of this process so far, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def errors(table: Any, truth: Any) -> dict[str, list[float]]:
    """RMSE per axis, after removing a constant and as it is."""
    difference = table[[*AXES]].to_numpy() - truth[[*AXES]].to_numpy()
    return {
        "free": difference.std(axis=0).tolist(),
        "absolute": ((difference**2).mean(axis=0) ** 0.5).tolist(),
    }


def run(tool: str, data: Path, seed: int, case: str) -> dict[str, Any]:
    """Run one case on one table, twice."""
    import warnings
    from importlib.metadata import version

    warnings.simplefilter("ignore")
    table, truth = read(data, "drifted", seed), read(data, "truth", seed)
    others = ["numpy", "pandas", *(["locan", "open3d"] if tool == "locan" else ["numba"])]
    versions = {name: version(name) for name in others}
    step: Callable[[Any, str], tuple[dict[str, float], dict[str, Any]]]
    if tool == "locan":
        from locan import LocData

        step, argument = locan, LocData.from_dataframe(dataframe=table)
    else:
        import smlm_accessor

        versions["smlm_accessor"] = smlm_accessor.__version__
        step, argument = ours, table
    before = rss()
    cold, _ = step(argument, case)
    warm, corrected = step(argument, case)
    return {
        "cold": cold,
        "warm": warm,
        "errors": {how: errors(result, truth) for how, result in corrected.items()},
        "uncorrected": errors(table, truth),
        "rss": rss(),
        "rss_before": before,
        "n": len(table),
        "versions": versions,
    }


# In the interpreter that the user called: environments, processes, the table.


def environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment unless it is there, and return its interpreter."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    say(f"installing {' '.join(requirements)} into {folder}")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return python


def say(text: str) -> None:
    """Tell the user what is going on, apart from the result."""
    print(text, file=sys.stderr, flush=True)


def call(python: Path, *arguments: object, **variables: str) -> dict[str, Any]:
    """Run one of the functions above in a process of its own."""
    command = [str(python), __file__, *map(str, arguments)]
    say("  " + " ".join(map(str, arguments)))
    environ = {**os.environ, "MPLBACKEND": "Agg", **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        say(done.stderr)
        if "locan" in arguments and "open3d" in done.stderr:
            say(HELP_OPEN3D)
        raise SystemExit(1)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def import_seconds(python: Path, *statements: str) -> list[float]:
    """Least time of ten, in turns, for fresh interpreters to carry out each statement."""
    rounds = [
        [timed(lambda s=s: subprocess.run([python, "-c", s], check=True))[0] for s in statements]
        for _ in range(10)
    ]
    return [min(times) for times in zip(*rounds, strict=True)]


def mean(results: list[dict[str, Any]], *keys: str) -> Any:
    """Mean over the seeds of one entry, a number or one number per axis."""
    entries = []
    for result in results:
        for key in keys:
            result = result[key]
        entries.append(result)
    if isinstance(entries[0], list):
        return [statistics.fmean(axis) for axis in zip(*entries, strict=True)]
    return statistics.fmean(entries)


def report(results: dict[tuple[str, str], list[dict[str, Any]]], tools: list[str]) -> list[str]:
    """Lines of the Markdown tables, means over the seeds."""
    lines = []

    def table(title: str) -> None:
        lines.extend(["", f"**{title}**", "", "| | " + " | ".join(tools) + " | ratio |"])
        lines.append("|---|" + "---|" * (len(tools) + 1))

    def row(name: str, case: str, *keys: str, form: str) -> None:
        values = [mean(results[tool, case], *keys) for tool in tools]
        shown = [
            " / ".join(f"{v:{form}}" for v in (value if isinstance(value, list) else [value]))
            for value in values
        ]
        ratio = ""
        if len(values) == 2 and not isinstance(values[0], list):
            ratio = f"{values[1] / values[0]:.1f}"
        lines.append(f"| {name} | " + " | ".join(shown) + f" | {ratio} |")

    table("RMSE x / y, constant removed")
    row("before", "icp", "uncorrected", "absolute", form=".2f")
    for case in CASES:
        for how in ("by chunk", "from model"):
            row(f"{case}, {how}", case, "errors", how, "free", form=".3f")
    table("RMSE x / y, absolute")
    for case in CASES:
        row(f"{case}, from model", case, "errors", "from model", "absolute", form=".3f")
    for turn, title in (("warm", "second call"), ("cold", "first call of a process")):
        table(f"Seconds, {title}")
        for case in CASES:
            for step in TIMED:
                row(f"{case}: {step}", case, turn, step, form=".4f")
    table("Peak memory of the process, MB")
    for case in CASES:
        row(f"{case}: before the first call", case, "rss_before", form=".0f")
        row(f"{case}: at the end", case, "rss", form=".0f")
    return lines


def compare(options: argparse.Namespace) -> list[str]:
    """Run everything and return the lines of the report."""
    work = Path(options.workdir or tempfile.mkdtemp(prefix="smlm-benchmark-")).resolve()
    data = work / "data"
    data.mkdir(parents=True, exist_ok=True)
    pythons = {"ours": options.python_ours or environment(work / "venv-ours", str(ROOT))}
    if not options.only_ours:
        pythons["locan"] = options.python_locan or environment(work / "venv-locan", *LOCAN)
    seeds = list(range(1, options.seeds + 1))
    tools = list(pythons)
    call(pythons["ours"], "generate", data, *seeds)
    results: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for seed in seeds:  # the tools take turns, so that a slow minute hits both
        for case in CASES:
            for tool in tools:
                result = call(pythons[tool], "run", tool, data, seed, case)
                results.setdefault((tool, case), []).append(result)

    lines = [
        f"Tutorial data, seeds 1 to {seeds[-1]}, mean {mean(results['ours', 'icp'], 'n'):.0f} "
        f"localizations, chunk_size={CHUNK_SIZE}. {datetime.now(UTC):%Y-%m-%d}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}. Ratio: Locan / ours.",
        "",
    ]
    for tool in tools:
        versions = results[tool, "icp"][0]["versions"]
        lines.append(f"- {tool}: " + ", ".join(f"{k} {v}" for k, v in versions.items()))
    lines += report(results, tools)

    with tempfile.TemporaryDirectory() as cache:  # as right after the installation
        compiled = {
            case: call(pythons["ours"], "run", "ours", data, 1, case, NUMBA_CACHE_DIR=cache)
            for case in ("icp", "cc")
        }
    rows = call(pythons["ours"], "million", data, 1)["seconds"]
    three = "import pandas, xarray, dask.dataframe"
    others, package = import_seconds(pythons["ours"], three, f"{three}, smlm_accessor")
    lines += ["", "**Ours alone**", "", "| | |", "|---|---|"]
    for case, result in compiled.items():
        lines.append(
            f"| {case}: estimate, first call ever (compiles) | {result['cold']['estimate']:.2f} s |"
        )
    lines += [
        f"| correct a million rows from a model, first call | {rows[0]:.3f} s |",
        f"| the same, third call | {rows[-1]:.3f} s |",
        f"| import, with pandas, xarray and dask.dataframe | {package:.2f} s |",
        f"| the same without ours | {others:.2f} s, ratio {package / others:.2f} |",
    ]
    return lines


def main() -> None:
    """Compare, or do one of the jobs that a comparison hands to other interpreters."""
    jobs: dict[str, Callable[..., dict[str, Any]]] = {
        "generate": lambda data, *seeds: generate(Path(data), [int(s) for s in seeds]),
        "million": lambda data, seed: million(Path(data), int(seed)),
        "run": lambda tool, data, seed, case: run(tool, Path(data), int(seed), case),
    }
    if len(sys.argv) > 1 and sys.argv[1] in jobs:
        print(json.dumps(jobs[sys.argv[1]](*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--workdir", help="keep environments and data here (default: a new folder)")
    parser.add_argument("--python-ours", type=Path, help="interpreter with smlm_accessor")
    parser.add_argument("--python-locan", type=Path, help="interpreter with Locan 0.22")
    parser.add_argument("--only-ours", action="store_true", help="leave Locan out")
    parser.add_argument("--seeds", type=int, default=5, help="number of tables (default: 5)")
    print("\n".join(compare(parser.parse_args())))


if __name__ == "__main__":
    main()

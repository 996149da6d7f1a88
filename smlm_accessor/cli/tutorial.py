"""``smlm tutorial``: see drift come and go."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

import pandas as pd

from smlm_accessor import tutorial
from smlm_accessor.assess import assess
from smlm_accessor.correct.paths import make_folder
from smlm_accessor.io.drift_datasets import write_netcdf
from smlm_accessor.io.registry import for_writing
from smlm_accessor.io.staging import staged
from smlm_accessor.io.tables import write_parts

_FILES = {
    "1_drifted.png": "what drift does to an image",
    "2_drift.png": "the drift of each chunk, the models on top, and their errors",
    "3_corrected.png": "the image before and after each correction",
    "true.parquet": "localizations without drift",
    "drifted.parquet": "localizations with drift",
    "corrected.parquet": "localizations corrected from the icp model",
    "drift_icp.nc": "drift by icp, for xarray.load_dataset or correct --drift",
    "drift_cc.nc": "drift by cc",
    "rmse.csv": "the errors above",
}


def run(arguments: argparse.Namespace) -> None:
    """Run the tutorial, print what happens, and write figures and tables.

    Raises `SmlmError` if the folder cannot be made, or the chunks are too large for the data.
    """
    folder = arguments.out
    make_folder(folder, "choose another with --out")
    data = tutorial.simulate(1, cluster_mu=arguments.cluster_mu)
    n, n_frames = len(data.truth), data.drift.sizes["chunk"]
    size = [v * (n_frames - 1) for v in tutorial.VELOCITY]
    _step(
        f"1. Simulate {n:,} localizations in {n_frames:,} frames. Let them drift by {size[0]:.0f} "
        f"in x and {size[1]:.0f} in y.",
        "import smlm_accessor",
        "locs = smlm_accessor.simulate_thomas(seed=1)",
        f"drifted = locs.smlm.simulate_drift(velocity={tutorial.VELOCITY}, seed=1)",
    )
    estimates = [
        tutorial.estimate(data.drifted, method, chunk_size=arguments.chunk_size)
        for method in tutorial.MODELS
    ]
    seconds = ", ".join(f"{one.method} {one.seconds:.2f} s" for one in estimates)
    _step(
        f"2. Estimate the drift from the drifted localizations alone ({seconds}; the first "
        "run ever compiles).",
        f'drift = drifted.smlm.drift(method="icp", chunk_size={arguments.chunk_size:_})',
    )
    _step(
        "3. Model it, continuous in time, and correct.",
        f"model = drift.smlm.fit(offset={json.dumps(tutorial.MODELS['icp'])}, "
        'origin="first_frame")',
        "fixed = drifted.smlm.correct(model)",
    )
    errors = [tutorial.errors(data, estimates)]
    for seed in range(2, arguments.seeds + 1):
        print(f"   simulation {seed} of {arguments.seeds} ...", file=sys.stderr, flush=True)
        again = tutorial.simulate(seed, cluster_mu=arguments.cluster_mu)
        drifted, size_of_chunk = again.drifted, arguments.chunk_size
        results = [tutorial.estimate(drifted, m, chunk_size=size_of_chunk) for m in tutorial.MODELS]
        errors.append(tutorial.errors(again, results))
    mean = sum(errors[1:], start=errors[0]) / len(errors)
    over = f", mean over {len(errors)} simulations" if len(errors) > 1 else ""
    _step(f"4. Compare with the truth: root mean square error{over}.", "fixed.smlm.rmse(locs)")
    print("\n".join(f"   {line}".rstrip() for line in error_lines(mean)), flush=True)
    _step(
        "\n5. Without the truth: did the correction help?",
        "drift.smlm.assess(drifted, model=model)",
    )
    for one in estimates:
        print(f"   {one.method:<4}{assess(data.drifted, one.model)}", flush=True)
    _write(folder, data, estimates, mean)
    print(f"\nFigures and tables are in {folder.resolve()}:")
    for name, meaning in _FILES.items():
        print(f"   {name:<18} {meaning}")
    inside = shlex.quote(str(folder / "drifted.parquet"))
    print(
        f"\nNext, your own file:\n   smlm correct IN OUT, for example\n   "
        f"smlm correct {inside} fixed.csv"
    )


def error_lines(errors: pd.DataFrame) -> list[str]:
    """Return the lines of the table of errors."""
    width = max(len(str(name)) for name in errors.index)
    lines = [
        f"{'':<{width}}   {'constant removed':^17}   {'absolute':^17}",
        f"{'':<{width}}   {'x':>8} {'y':>8}   {'x':>8} {'y':>8}",
    ]
    for name, row in errors.iterrows():
        x, y, x_absolute, y_absolute = row
        lines.append(f"{name:<{width}}   {x:8.3f} {y:8.3f}   {x_absolute:8.3f} {y_absolute:8.3f}")
    return lines


def _step(title: str, *code: str) -> None:
    print("\n".join([title, *(f"       {line}" for line in code), ""]), flush=True)


def _write(
    folder: Path,
    data: tutorial.TutorialData,
    estimates: list[tutorial.TutorialEstimate],
    errors: pd.DataFrame,
) -> None:
    from smlm_accessor.cli import tutorial_figures as figures

    by_method = {one.method: one for one in estimates}
    tables = {
        "true.parquet": data.truth,
        "drifted.parquet": data.drifted,
        "corrected.parquet": by_method["icp"].from_model,
    }
    paths = {name: folder / name for name in _FILES}
    with staged(*paths.values()) as parts:
        part = dict(zip(_FILES, parts, strict=True))
        figures.save_drifted(part["1_drifted.png"], data)
        figures.save_estimates(part["2_drift.png"], data, estimates)
        figures.save_corrected(part["3_corrected.png"], data, estimates)
        for name, table in tables.items():
            write_parts(table, for_writing(paths[name]), [part[name]], paths[name])
        for method, one in by_method.items():
            write_netcdf(one.drift, part[f"drift_{method}.nc"])
        errors.to_csv(part["rmse.csv"], index_label="correction")

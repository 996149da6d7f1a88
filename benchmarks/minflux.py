"""Drift of MINFLUX tables: this package beside SMAPpy and pyMINFLUX.

``python benchmarks/minflux.py`` prints a table of errors on simulated traces whose drift is known,
and of how halves of the field agree on a real table, for which there is no truth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from environments import TOOLS, NotAvailableError, interpreter, user_cache
from minflux_tables import PRECISION, minflux_table
from peers import Method, Tool
from real_data import shared_data

import smlm_accessor

FloatArray = npt.NDArray[np.float64]

# Defaults first, then other settings, of which the one with the least error counts as "tuned": it
# is chosen by the truth, which a user does not have.
PEERS = {
    "smappy": Tool(
        "smappy_runner",
        ("smappy-smlm==0.5.5",),  # needs Python 3.12
        {
            "spline": Method(
                {},
                [
                    [
                        {"max_drift_nm": d, "target_sigma_nm": 5, "spline_knot_frames": k}
                        for d, k in ((30, 50), (30, 500), (100, 500), (100, 2000))
                    ]
                ],
            ),
            "rcc": Method({}, [[{"n_timepoints": n, "pixelsize_nm": 5} for n in (6, 20, 60)]]),
        },
    ),
    "pyminflux": Tool(
        "pyminflux_runner",
        ("pyminflux==0.7.0",),
        {"windows": Method({}, [[{"window": w} for w in (150, 300, 600, 1200)]], axes="xy")},
    ),
}
# nm over the hour; seconds of a wave, None for a line and a slow wave.
KINDS: Sequence[tuple[float, float | None]] = ((1, None), (10, None), (50, None), (20, 600))
REAL = "formats/minflux_vimentin_v73.mat"
SPLIT = 16  # blocks of the field along its longest axis, that go into both halves in turns
LIMIT = 600.0  # s of a process
APART = 600.0  # s between traces of the same place that count for the overlap
NEAR = 5.0  # nm


@dataclass
class Found:
    """Corrected positions (n, d); ``offset_std`` at each row if the tool gives it."""

    positions: FloatArray
    std: FloatArray | None = None
    valid: float = 1.0


def ours(table: pd.DataFrame, method: str) -> Found:
    """Correct by this package, told nothing."""
    named = smlm_accessor.set_columns(table, unit="nm", frame="frame")
    still = table[["x", "y", "z"]].to_numpy(dtype=np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drift = named.smlm.drift(method=method)
        valid = drift["valid"].values
        if not valid.any():
            return Found(still, np.full_like(still, np.nan), 0.0)
        corrected = named.smlm.correct(drift)[["x", "y", "z"]].to_numpy()
    frame, std = drift["frame"].values[valid], drift["offset_std"].values[valid]
    at = table["frame"].to_numpy()
    return Found(
        corrected, np.stack([np.interp(at, frame, s) for s in std.T], axis=1), float(valid.mean())
    )


def theirs(
    table: pd.DataFrame, name: str, method: str, environments: Path
) -> Iterator[tuple[dict[str, Any], Found]]:
    """Yield each of the settings that worked, and what came out; the default first."""
    tool = PEERS[name]
    python = interpreter(name, tool, environments)
    kind = tool.methods[method]
    settings = [kind.default, *(s for stage in kind.scan for s in stage)]
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "table.npz", Path(folder) / "out.npz"
        columns = {n: table[n].to_numpy() for n in ("tid", "tim", "frame", "x", "y", "z")}
        np.savez(given, precision=np.full((len(table), 3), PRECISION), **columns)
        command = [tool.runner, given, method, kind.axes, json.dumps(settings), out]
        done = subprocess.run(
            [str(python), str(TOOLS / "corrected.py"), *map(str, command)],
            capture_output=True, text=True, check=False, timeout=LIMIT,
        )  # fmt: skip
        if not out.is_file():
            raise NotAvailableError((done.stderr.strip().splitlines() or ["no message"])[-1])
        with np.load(out) as file:
            for number, one in enumerate(settings):
                if str(number) in file:
                    yield one, Found(file[str(number)])


def errors(found: Found, truth: FloatArray) -> FloatArray:
    """Return the root mean square error along each axis, a constant removed."""
    return np.asarray(np.std(found.positions - truth[:, : found.positions.shape[1]], axis=0))


def z_score(found: Found, truth: FloatArray) -> float:
    """Return the error over ``offset_std``, root mean square over rows and axes."""
    assert found.std is not None
    error = found.positions - truth
    error -= error.mean(axis=0)
    return float(np.sqrt(np.nanmean((error / found.std) ** 2)))


def simulated(
    sizes: Sequence[int], seeds: int, methods: Sequence[str], tools: Sequence[str], folder: Path
) -> str:
    """Return the table of errors in x and y on simulated traces."""
    names = [f"{t} {m}" for t in tools for m in PEERS[t].methods]
    heads = [f"{m}, nm (z; refused)" for m in methods] + [f"{n}: default / tuned" for n in names]
    lines = [row("traces", "drift, nm", "before", *heads), row(*["---"] * (3 + len(heads)))]
    for traces, (size, period) in product(sizes, KINDS):
        cells: dict[str, list[Any]] = {name: [] for name in ("before", *methods, *names)}
        for seed in range(1, seeds + 1):
            table, drift = minflux_table(seed, traces=traces, drift=size, period=period)
            table["frame"] = np.round(1000 * table["tim"]).astype(np.int64)
            positions = table[["x", "y", "z"]].to_numpy()
            truth = positions - drift
            cells["before"].append(lateral(errors(Found(positions), truth)))
            for method in methods:
                found = ours(table, method)
                z = z_score(found, truth) if found.valid else np.nan
                cells[method].append((lateral(errors(found, truth)), z, found.valid))
            for name in names:
                cells[name].append(of_peer(table, truth, *name.split(), folder))
        kind = "a line and a wave" if period is None else f"{period:g} s waves"
        said = [f"{rms(cells['before']):.2f}"]
        for method in methods:
            error, z, valid = np.array(cells[method]).T
            said.append(f"{rms(error):.2f} ({rms(z):.2f}; {int((valid == 0).sum())} of {seeds})")
        for name in names:
            default, tuned = np.array(cells[name]).T
            said.append(f"{rms(default):.2f} / {rms(tuned):.2f}")
        lines.append(row(traces, f"{size:g}, {kind}", *said))
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def of_peer(
    table: pd.DataFrame, truth: FloatArray, tool: str, method: str, folder: Path
) -> tuple[float, float]:
    """Return the error with default settings, and the least of all settings."""
    default, best = np.nan, np.nan
    try:
        for settings, found in theirs(table, tool, method, folder):
            error = lateral(errors(found, truth))
            default = error if settings == PEERS[tool].methods[method].default else default
            best = np.fmin(best, error)
    except (NotAvailableError, subprocess.TimeoutExpired) as error:
        print(f"{tool} {method}: {error}", file=sys.stderr)
    return float(default), float(best)


def real(methods: Sequence[str], tools: Sequence[str], folder: Path) -> str:
    """Return how drifts from both halves of the field agree, and what they do to the other half."""
    table = smlm_accessor.read(shared_data() / REAL).sort_values("tim", ignore_index=True)
    table["frame"] = np.round(1000 * table["tim"]).astype(np.int64)
    table = pd.DataFrame(table[["tid", "tim", "frame", "x", "y", "z"]])
    centre = table.groupby("tid")[["x", "y", "z"]].transform("mean")
    rank = centre["y"].rank(pct=True).to_numpy()
    half = np.minimum((SPLIT * rank).astype(int), SPLIT - 1) % 2
    lines = [
        row("method", "halves differ, nm (x, y, z)", "over what they say", "overlap gained"),
        row(*["---"] * 4),
    ]
    names = [*methods, *(f"{t} {m}" for t in tools for m in PEERS[t].methods)]
    for name in names:
        curves = []
        for k in (0, 1):
            part = table[half == k].reset_index(drop=True)
            if name in methods:
                found: Found | None = ours(part, name)
            else:
                found = next((f for _, f in theirs(part, *name.split(), folder)), None)
            curves.append(None if found is None else curve(part, found))
        if curves[0] is None or curves[1] is None:
            lines.append(row(name, "fails", "", ""))
            continue
        times = np.linspace(table["tim"].min(), table["tim"].max(), 400)
        (a, of_a), (b, of_b) = (at(c, times) for c in curves)
        apart = (a - b) - (a - b).mean(axis=0)
        said = ", ".join(f"{x:.2f}" for x in np.sqrt((apart**2).mean(axis=0)))
        z = "" if of_a is None else f"{np.sqrt(np.mean(apart**2 / (of_a**2 + of_b**2))):.2f}"
        gained = [overlap_gain(table[half == k], curves[1 - k]) for k in (0, 1)]
        lines.append(row(name, said, z, f"{np.sqrt(gained[0] * gained[1]):.2f}"))
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


Curve = tuple[FloatArray, FloatArray, FloatArray | None]


def curve(table: pd.DataFrame, found: Found) -> Curve:
    """Return the times, the drift that was taken off at each, and its standard deviation."""
    d = found.positions.shape[1]
    moved = table[["x", "y", "z"]].to_numpy()[:, :d] - found.positions
    times, first = np.unique(table["tim"].to_numpy(), return_index=True)
    return times, moved[first], None if found.std is None else found.std[first]


def at(found: Curve, times: FloatArray) -> tuple[FloatArray, FloatArray | None]:
    """Return drift and standard deviation at these times."""
    known, *values = found
    return tuple(  # type: ignore[return-value]
        None if v is None else np.stack([np.interp(times, known, x) for x in v.T], axis=1)
        for v in values
    )


def overlap_gain(table: pd.DataFrame, other: Curve) -> float:
    """Return how many times as many traces lie on those of other times, with another's drift."""
    from scipy.spatial import cKDTree

    mean = table.groupby("tid")[["tim", "x", "y", "z"]].mean()
    moved = at(other, mean["tim"].to_numpy())[0]
    counts = []
    for left in (0.0, 1.0):
        xyz = mean[["x", "y", "z"]].to_numpy(copy=True)
        xyz[:, : moved.shape[1]] -= left * moved
        i, j = cKDTree(xyz).query_pairs(NEAR, output_type="ndarray").T
        counts.append(np.sum(np.abs(mean["tim"].to_numpy()[i] - mean["tim"].to_numpy()[j]) > APART))
    return float(counts[1] / max(counts[0], 1))


def lateral(error: FloatArray) -> float:
    """Return the error in x and y, root mean square of both."""
    return float(np.sqrt(np.mean(error[:2] ** 2)))


def rms(values: Any) -> float:
    """Return the root mean square of those that are known."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


def row(*cells: Any) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--traces", nargs="*", type=int, default=[100, 300, 1000, 2000])
    parser.add_argument("--methods", nargs="*", default=["overlap"])
    parser.add_argument("--tools", nargs="*", default=list(PEERS))
    parser.add_argument("--environments", type=Path, default=user_cache())
    parser.add_argument("--only", choices=["simulated", "real"])
    given = parser.parse_args()
    if given.only != "real":
        print(simulated(given.traces, given.seeds, given.methods, given.tools, given.environments))
    if given.only != "simulated":
        print(real(given.methods, given.tools, given.environments))


if __name__ == "__main__":
    main()

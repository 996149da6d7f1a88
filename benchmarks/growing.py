"""Samples that turn, grow and flow: `overlap` with a transformation over time, beside SMAPpy.

``python benchmarks/growing.py`` prints a Markdown table. Sites in a field that turns, grows, flows
and drifts; 30,000 localizations of 10 nm in 10,000 frames. Errors of rotation and scale are root
mean squares over 50 parts of the time, a constant left out, in urad and ppm, over all seeds; in
brackets over the standard deviation that is stated. *Positions* is what is left of their errors, in
nm, the best cubic map of all times left out. SMAPpy is run with "xy scale + rotation".
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from environments import TOOLS, NotAvailableError, interpreter, user_cache
from numpy.polynomial.legendre import legvander2d
from peers import PEERS

import smlm_accessor  # noqa: F401 - registers .smlm

N_FRAMES, PRECISION, PARTS = 10_000, 10.0, 50


class Case(NamedTuple):
    """A field in nm, and by how much it turns (to and fro), grows and flows (steadily).

    It flows like a liquid in a channel: along x, by ``flow`` nm in the middle and 0 at the edges.
    """

    field: float
    rotation: float
    scale: float
    flow: float = 0.0
    n_sites: int = 400
    n: int = 30_000


CASES = {
    "20 um, 1 mrad and 0.1 %": Case(20_000.0, 1e-3, 1e-3),
    "9 um, grows by 1 %": Case(9_000.0, 0.0, 1e-2),
    "20 um, only drifts": Case(20_000.0, 0.0, 0.0),
    "20 um, 20 mrad": Case(20_000.0, 2e-2, 0.0),
    "20 um, flows by 50 nm": Case(20_000.0, 0.0, 0.0, 50.0),
    "20 um, flows by 600 nm": Case(20_000.0, 0.0, 0.0, 600.0),
}
OURS = ("shift", "similarity", "local", "auto")


class Sample(NamedTuple):
    """A table, and its positions without motion, with the same localization errors."""

    table: pd.DataFrame
    still: np.ndarray
    field: float


def simulate(case: Case, seed: int) -> Sample:
    """Return a sample that drifts, turns and grows."""
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-0.5, 0.5, (case.n_sites, 2)) * case.field
    frame = np.sort(rng.integers(0, N_FRAMES, case.n))
    t = frame / N_FRAMES
    still = sites[rng.integers(case.n_sites, size=case.n)]
    noise = rng.normal(0, PRECISION, still.shape)
    turn, grow = case.rotation * np.sin(2 * np.pi * t), np.exp(case.scale * t)
    c, s = np.cos(turn), np.sin(turn)
    x = grow * (c * still[:, 0] - s * still[:, 1]) + 100 * np.sin(3 * t)
    y = grow * (s * still[:, 0] + c * still[:, 1]) + 80 * t
    x += case.flow * (1 - (2 * still[:, 1] / case.field) ** 2) * t
    moved = np.column_stack([x, y]) + noise
    table = pd.DataFrame({"frame": frame, "x": moved[:, 0], "y": moved[:, 1]})
    return Sample(table, still + noise, case.field)


def left(sample: Sample, corrected: np.ndarray) -> dict[str, float]:
    """Return what is left of rotation (urad), scale (ppm) and positions (nm)."""
    known = np.column_stack([sample.still, np.ones(len(corrected))])
    difference = corrected - sample.still
    static = legvander2d(*(2 * sample.still / sample.field).T, [3, 3])
    difference = difference - static @ np.linalg.lstsq(static, difference, rcond=None)[0]
    part = sample.table["frame"].to_numpy() * PARTS // N_FRAMES
    motions = []
    for number in range(PARTS):
        rows = part == number
        linear = np.linalg.lstsq(known[rows], difference[rows], rcond=None)[0]
        motions.append([(linear[0, 1] - linear[1, 0]) / 2, (linear[0, 0] + linear[1, 1]) / 2])
    rotation, scale = 1e6 * np.std(motions, axis=0)
    return {"rotation": rotation, "scale": scale, "positions": float(difference.std())}


def ours(sample: Sample, transformation: str) -> dict[str, float]:
    """Return the errors of `overlap`, and what it states."""
    start = time.process_time()
    drift = sample.table.smlm.drift(transformation=transformation)
    seconds = time.process_time() - start
    found = left(sample, sample.table.smlm.correct(drift)[["x", "y"]].to_numpy())
    for name in ("rotation_std", "log_scale_std"):
        if name in drift:
            found[name] = 1e6 * float(np.sqrt(np.mean(drift[name].values ** 2)))
    return {**found, "seconds": seconds}


def smappy(sample: Sample, environments: Path) -> dict[str, float]:
    """Return the errors of SMAPpy."""
    tool = PEERS["smappy"]
    python = interpreter("smappy", tool, environments)
    settings = [{"transformation": "xy scale + rotation"}]
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "table.npz", Path(folder) / "out.npz"
        columns = {name: sample.table[name].to_numpy() for name in sample.table}
        np.savez(path, precision=np.full((len(sample.still), 2), PRECISION), **columns)
        command = [tool.runner, path, "spline", "xy", json.dumps(settings), out]
        done = subprocess.run(
            [str(python), str(TOOLS / "corrected.py"), *map(str, command)],
            capture_output=True,
            text=True,
            check=True,
        )
        said = json.loads(done.stdout.splitlines()[-1])
        with np.load(out) as found:
            if "0" not in found:
                raise NotAvailableError(said["failed"])
            return {**left(sample, found["0"]), "seconds": said["seconds"]}


def row(name: str, found: list[dict[str, float]]) -> str:
    """Return a line of the table: root mean squares over seeds."""
    values = pd.DataFrame(found)
    rms = (values**2).mean() ** 0.5
    cells = []
    for what, std in (("rotation", "rotation_std"), ("scale", "log_scale_std")):
        stated = rms.get(std, np.nan)
        ratio = f" ({rms[what] / stated:.2f})" if stated > 0 else ""
        cells.append(f"{rms[what]:.0f}{ratio}")
    cells += [f"{rms['positions']:.2f}", f"{values['seconds'].median():.1f}"]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print a table for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--environments", type=Path, default=user_cache())
    given = parser.parse_args()
    for title, case in CASES.items():
        samples = [simulate(case, seed) for seed in range(given.seeds)]
        print(f"\n**{title}**\n\n| | rotation | scale | positions | s |\n|---|---|---|---|---|")
        for transformation in OURS:
            found = [ours(sample, transformation) for sample in samples]
            print(row(f"overlap, {transformation}", found), flush=True)
        if not given.no_peer:
            try:
                found = [smappy(sample, given.environments) for sample in samples]
            except NotAvailableError as error:
                print(f"| SMAPpy | not available: {error} | | | |")
                continue
            print(row("SMAPpy, similarity", found), flush=True)


if __name__ == "__main__":
    main()

"""Many tables onto each other: rounds of a sample, tiles of a field, two channels in background.

Prints a Markdown table. The error is the root mean square over tables, axes and seeds, in nm, of
the shifts less their mean; the bound is that of who knows which localization is of which site; the
last columns are the error over ``offset_std``, which should be 1, and the median seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from environments import TOOLS, interpreter, user_cache
from peers import PEERS

import smlm_accessor
from smlm_accessor.simulate import origami_sites, simulate_blinking

PRECISION = 5.0  # nm
N_ROUNDS, N_LOCALIZATIONS, N_FRAMES = 12, 20_000, 5000
TILES, TILE, STEP = 5, 10_000.0, 9_000.0  # tiles along an axis; nm: 10 % in common
Arrays = np.ndarray[Any, Any]


class Scene(NamedTuple):
    """Tables, by how much each was moved, and the bound of each shift."""

    tables: list[pd.DataFrame]
    moved: Arrays
    bound: Arrays


class Result(NamedTuple):
    """Shifts of the tables, their standard deviations if there are any, and seconds."""

    shift: Arrays
    std: Arrays | None
    seconds: float


def moved(table: pd.DataFrame, by: Arrays) -> pd.DataFrame:
    """Return a table with shifted positions."""
    return table.assign(position_x=table.position_x + by[0], position_y=table.position_y + by[1])


def bound_of(tables: list[pd.DataFrame], precision: float) -> Arrays:
    """Return the standard errors of shifts less their mean, if all pairs were known."""
    n = 1 + max(int(table.emitter.max()) for table in tables)
    seen = np.stack([np.bincount(t.emitter[t.emitter >= 0], minlength=n) for t in tables])
    seen = seen[:, seen.sum(axis=0) > 0].astype(float)
    shared = (seen / seen.sum(axis=0)) @ seen.T
    np.fill_diagonal(shared, 0.0)  # tiles have few sites in common, and differences of sums round
    information = (np.diag(shared.sum(axis=1)) - shared) / precision**2
    return np.asarray(np.sqrt(np.diag(np.linalg.pinv(information))))


def rounds(seed: int, labeling: float) -> Scene:
    """Return rounds, each of which shows a part of the sites of 200 origami."""
    rng = np.random.default_rng(seed)
    sites = origami_sites(n_structures=200, seed=rng)
    shifts = rng.uniform(-100, 100, (N_ROUNDS, 2))
    tables = [
        simulate_blinking(
            sites,
            n_frames=N_FRAMES,
            localizations_per_frame=N_LOCALIZATIONS / N_FRAMES,
            labeling=labeling,
            precision=PRECISION,
            background_fraction=0.1,
            seed=rng,
        )
        for _ in range(N_ROUNDS)
    ]
    placed = [moved(t, by) for t, by in zip(tables, shifts, strict=True)]
    return Scene(placed, shifts, bound_of(tables, PRECISION))


def tiles(seed: int) -> Scene:
    """Return tiles of a field with 10 % in common, where a stage has put them to 300 nm."""
    rng = np.random.default_rng(seed)
    side = STEP * (TILES - 1) + TILE
    sites = origami_sites(
        n_structures=round(2 * (side / 1000) ** 2), seed=rng, region=((0, side), (0, side))
    )
    at = np.asarray(sites[["position_x", "position_y"]])
    tables, stage = [], rng.uniform(-300, 300, (TILES**2, 2))
    for k in range(TILES**2):
        corner = STEP * np.array(divmod(k, TILES))
        near = np.flatnonzero(((at > corner - 100) & (at < corner + TILE + 100)).all(axis=1))
        table = simulate_blinking(
            sites.iloc[near],
            n_frames=N_FRAMES,
            bindings_per_site=2,
            precision=PRECISION,
            background_fraction=0.1,
            seed=rng,
        )
        label = table.emitter.to_numpy()
        table["emitter"] = np.where(label >= 0, near[label], -1)
        xy = table[["position_x", "position_y"]].to_numpy()
        tables.append(table[((xy > corner) & (xy < corner + TILE)).all(axis=1)])
    placed = [moved(t, by) for t, by in zip(tables, stage, strict=True)]
    return Scene(placed, stage, bound_of(tables, PRECISION))


def channels(seed: int) -> Scene:
    """Return two channels of 1,600 molecules, seen once each, in nine times as much background."""
    rng = np.random.default_rng(seed)
    n, side, precision = 1600, 10_000.0, 10.0
    molecules = rng.uniform(0, side, (n, 2))
    tables = []
    for by in ((0.0, 0.0), (20.0, 10.0)):
        seen = molecules + rng.normal(0, precision, (n, 2))
        at = np.concatenate([seen, rng.uniform(0, side, (9 * n, 2))]) + by
        columns = {"position_x": at[:, 0], "position_y": at[:, 1], "uncertainty": precision}
        emitter = np.append(np.arange(n), np.full(9 * n, -1))
        frame = rng.integers(0, N_FRAMES, 10 * n)
        table = pd.DataFrame({**columns, "frame": frame, "emitter": emitter})
        tables.append(table.sort_values("frame", ignore_index=True))
    return Scene(tables, np.array([[0.0, 0], [20, 10]]), bound_of(tables, precision))


def together(scene: Scene, **options: Any) -> Result:
    """Align all tables with each other."""
    begin = time.perf_counter()
    found = smlm_accessor.align(scene.tables, **options)
    seconds = time.perf_counter() - begin
    return Result(found["offset"].values, found["offset_std"].values, seconds)


def with_first(scene: Scene) -> Result:
    """Align each table with the first."""
    begin = time.perf_counter()
    first, shift = scene.tables[0], np.zeros_like(scene.moved)
    for k, table in enumerate(scene.tables[1:], 1):
        shift[k] = table.smlm.align(first)["offset"].values[0]
    return Result(shift, None, time.perf_counter() - begin)


def with_first_alone(scene: Scene) -> Result:
    """Align each table with the first, by the fit of many tables."""
    begin = time.perf_counter()
    first, shift = scene.tables[0], np.zeros_like(scene.moved)
    for k, table in enumerate(scene.tables[1:], 1):
        shift[k] = smlm_accessor.align([first, table], reference=0)["offset"].values[1]
    return Result(shift, None, time.perf_counter() - begin)


def by_picasso(scene: Scene, python: Path) -> Result:
    """Align all tables by Picasso's channel alignment."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tables.npz"
        names = {"x": "position_x", "y": "position_y"}
        arrays = {
            f"{axis}{k}": table[name].to_numpy()
            for k, table in enumerate(scene.tables)
            for axis, name in names.items()
        }
        np.savez(path, **arrays)
        command = [str(python), str(TOOLS / "picasso_align.py"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return Result(np.array(found["shifts"]), None, float(found["seconds"]))


def row(name: str, scenes: list[Scene], run: Callable[[Scene], Result]) -> str:
    """Return a row of the table, over all scenes."""
    errors, bounds, z, seconds, lost = [], [], [], [], 0
    for scene in scenes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = run(scene)
        good = np.isfinite(found.shift).all(axis=1)
        lost += int((~good).sum())
        error = (found.shift + scene.moved)[good]
        error -= error.mean(axis=0)
        errors.append(error.ravel())
        bounds.append(scene.bound[good])
        seconds.append(found.seconds)
        if found.std is not None:
            z.append((error / found.std[good]).ravel())
    error, bound = (float(np.sqrt(np.mean(np.concatenate(many) ** 2))) for many in (errors, bounds))
    over = f"{np.sqrt(np.mean(np.concatenate(z) ** 2)):.2f}" if z else ""
    cells = f"{error:.3f}", f"{bound:.3f}", f"{error / bound:.2f}", over, str(lost)
    return f"| {name} | {' | '.join(cells)} | {np.median(seconds):.1f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--no-picasso", action="store_true")
    parser.add_argument("--environments", type=Path, default=user_cache(), help="kept there")
    options = parser.parse_args()
    python = None
    if not options.no_picasso:
        python = interpreter("picasso", PEERS["picasso"], options.environments.resolve())
    print("| tables | error | bound | over bound | error / std | not placed | s |")
    print("|---|---|---|---|---|---|---|")
    seeds = range(options.seeds)

    def show(what: str, scenes: list[Scene], run: Callable[[Scene], Result]) -> None:
        print(row(what, scenes, run), flush=True)

    together(channels(0), max_shift=50.0)  # compiles
    for labeling in (0.5, 1.0):
        name = f"{N_ROUNDS} rounds, {labeling:.0%} of the sites"
        scenes = [rounds(seed, labeling) for seed in seeds]
        show(f"{name}: all together", scenes, together)
        show(f"{name}: each with the first, the same fit", scenes, with_first_alone)
        show(f"{name}: each with the first, table.smlm.align", scenes, with_first)
        if python is not None:
            show(f"{name}: Picasso", scenes, lambda scene: by_picasso(scene, python))
    scenes = [tiles(seed) for seed in seeds]
    pairs = [Scene(s.tables[:2], s.moved[:2], bound_of(s.tables[:2], PRECISION)) for s in scenes]
    show("2 tiles, 10 % in common", pairs, together)
    show(f"{TILES**2} tiles, 10 % in common", scenes, together)
    scenes = [channels(seed) for seed in range(4 * options.seeds)]
    show("2 channels, 9 times background", scenes, lambda s: together(s, max_shift=50.0))


if __name__ == "__main__":
    main()

"""Is the verdict right? ``drift.smlm.assess`` on many seeds of tables whose truth is known.

``python benchmarks/verdict.py --seeds 100`` prints, as Markdown, how many verdicts of each kind
were right. The kinds:

- *no drift*: the table stands still, and drift is estimated from it; right is "no evidence".
- *drift*: it drifts, by 20 to 300 nm, and drift is estimated; right is "improved".
- *wrong drift*: a table that stands still, and a drift that has nothing to do with it; right is
  "worse".
- *opposite drift*: a table that drifts, and the estimated drift with the wrong sign; right is
  "worse".
- *background*: random localizations that drift, and what is estimated from them; right is
  "no evidence".
- *wrong drift of background*: the same, and a drift that has nothing to do with it.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import cases
import motions
import numpy as np
import pandas as pd
import xarray as xr

import smlm_accessor  # noqa: F401 - registers .smlm
from smlm_accessor.assess import Assessment
from smlm_accessor.drift import build

SMALLEST, LARGEST = 20.0, 300.0  # nm from one end of a drift to the other
PRECISION = 10.0  # nm, of the background
WALK = 0.02  # nm per frame
RIGHT = {
    "no drift": "no evidence",
    "drift": "improved",
    "wrong drift": "worse",
    "opposite drift": "worse",
    "background": "no evidence",
    "wrong drift of background": "no evidence",
}
SAMPLES: dict[str, tuple[str, dict[str, object]]] = {
    "pores": ("d", {}),
    "pores in 3D": ("E", {"n_pores": 40, "field": 8_000.0, "n_frames": 6_000}),
    "clusters": ("A", {"cluster_mu": 100}),
    "filaments": ("F", {"n_filaments": 10, "length": 8_000.0, "field": 8_000.0, "n_frames": 8_000}),
    "emitters": (
        "B",
        {"n_emitters": 30, "field": 8_000.0, "n_frames": 4_000, "localizations_per_frame": 5},
    ),
    "noisy pores": ("noisy", {"n_pores": 20, "n_frames": 8_000, "bindings_per_site": 10}),
}
BACKGROUND = ("background", {"n_localizations": 20_000, "field": 8_000.0})


def still(name: str, seed: int) -> pd.DataFrame:
    """Return the table of a sample, or of background, without drift."""
    case, changes = BACKGROUND if name == "background" else SAMPLES[name]
    table = cases.simulate(case, seed, **changes).truth
    # Background alone does not show how precise it is: it would be too easy to turn away.
    return table.assign(uncertainty=PRECISION) if name == "background" else table


def axes_of(table: pd.DataFrame) -> list[str]:
    """Return the names of the coordinates."""
    return [axis for axis in "xyz" if axis in table]


def motion(table: pd.DataFrame, seed: int) -> np.ndarray:
    """Return a slow motion, shape (frames, d), whose size depends on the seed."""
    rng = np.random.default_rng([seed, 17])
    d = len(axes_of(table))
    extent = SMALLEST * (LARGEST / SMALLEST) ** rng.random()
    n_frames = int(table["frame"].max()) + 1
    return motions.slow(n_frames, d, rng, extent=extent, walk=WALK)


def moved(table: pd.DataFrame, curve: np.ndarray) -> pd.DataFrame:
    """Return the table with the motion of each frame added."""
    shift = curve[table["frame"].to_numpy()]
    axes = axes_of(table)
    return table.assign(**{axis: table[axis] + shift[:, j] for j, axis in enumerate(axes)})


def as_drift(curve: np.ndarray, n_chunks: int = 100) -> xr.Dataset:
    """Return a motion as drift from a file would be: chunks, and nothing on how it was found."""
    edges = np.linspace(0, len(curve), n_chunks + 1).astype(int)
    middle = (edges[:-1] + edges[1:] - 1) / 2
    return build(
        offset=-curve[middle.astype(int)],
        components="xyz"[: curve.shape[1]],
        frame=middle,
        frame_start=edges[:-1],
        frame_stop=edges[1:],
    )


def one(kind: str, sample: str, seed: int, method: str = "overlap") -> Assessment:
    """Return what is said of one table."""
    table = still(sample, seed)
    curve = motion(table, seed)
    if kind not in ("no drift", "wrong drift"):
        table = moved(table, curve)
    if kind.startswith("wrong"):
        drift = as_drift(motion(table, seed + 100_000))
    else:
        drift = table.smlm.drift(method=method)
    if kind == "opposite drift":
        drift = drift.smlm.inverse()
    return drift.smlm.assess(table)  # type: ignore[no-any-return]


def quietly(kind: str, sample: str, method: str, seed: int) -> tuple[str, str]:
    """Return verdict and line, without warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = one(kind, sample, seed, method)
    return found.verdict, str(found)


def runs(samples: list[str], kinds: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what to run: kind and sample."""
    for kind in kinds:
        for sample in ["background"] if "background" in kind else samples:
            yield kind, sample


def main() -> None:
    """Print a line for each kind and sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--method", default="overlap")
    parser.add_argument("--samples", nargs="+", default=list(SAMPLES), choices=list(SAMPLES))
    parser.add_argument("--kinds", nargs="+", default=list(RIGHT), choices=list(RIGHT))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print what is not right")
    options = parser.parse_args()
    seeds = range(1, options.seeds + 1)
    print("| kind | sample | improved | no evidence | worse | right |\n|---|---|---|---|---|---|")
    with ProcessPoolExecutor(options.jobs) as pool:
        for kind, sample in runs(options.samples, options.kinds):
            started = time.perf_counter()
            found = list(pool.map(partial(quietly, kind, sample, options.method), seeds))
            counts = Counter(verdict for verdict, _ in found)
            numbers = [counts[name] for name in ("improved", "no evidence", "worse")]
            right = counts[RIGHT[kind]] / len(found)
            cells = [kind, sample, *map(str, numbers), f"{right:.0%}"]
            print(f"| {' | '.join(cells)} |", flush=True)
            if options.show:
                for seed, (verdict, line) in zip(seeds, found, strict=True):
                    if verdict != RIGHT[kind]:
                        print(f"    {seed}: {line}", flush=True)
                print(f"    {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""Real localizations with a real drift: nothing that the project ships."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from samples import Simulated

from smlm_accessor.simulate import simulate_drift

FOLDER_VARIABLE = "SMLM_SHARED_DATA"


def origami(seed: int, *, curve: str) -> Simulated:
    """Read real localizations, and let them drift as a gold bead did; the seed changes nothing."""
    truth = pd.read_parquet(shared_data() / "origami_cuboctahedron_3d.parquet")
    gold = pd.read_parquet(shared_data() / f"{curve}.parquet")
    frames = gold["frame"].to_numpy(dtype=float)
    first, last = int(truth["frame"].min()), int(truth["frame"].max())
    stretched = np.linspace(frames[0], frames[-1], last - first + 1)
    drift = [np.interp(stretched, frames, gold[name].to_numpy()) for name in ("dx", "dy")]
    table = simulate_drift(truth, curve=np.stack([*drift, 0 * stretched], axis=1))
    table.attrs = {}
    return Simulated(table, truth, typical_precision=float(truth["uncertainty"].median()))


def shared_data() -> Path:
    """Return the folder of the real tables.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says how to name it.
    """
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get(FOLDER_VARIABLE, beside))
    if not (folder / "origami_cuboctahedron_3d.parquet").is_file():
        raise FileNotFoundError(
            f"no real tables in {folder}; set {FOLDER_VARIABLE} to the folder that holds "
            "origami_cuboctahedron_3d.parquet and the curves gold_*.parquet"
        )
    return folder

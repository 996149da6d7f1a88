"""SMAPpy: a spline by maximum overlap, and redundant cross-correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
from smappy.drift import DriftSettings, estimate_drift
from smappy.locs import Localizations
from smappy.rcc import RCCSettings, estimate_drift_rcc

PACKAGES = ("smappy-smlm", "numpy", "scipy")


def prepare(columns: dict[str, Any], precision: Any) -> Any:
    """Return SMAPpy's table, in nm; frames from zero on.

    Those of MINFLUX are ranks in time, as its reader makes them, and traces are what it merges.
    """
    table = {"frame": np.asarray(columns["frame"] - columns["frame"].min(), dtype=np.int64)}
    table |= {f"{axis}_nm": np.array(columns[axis], float) for axis in "xyz" if axis in columns}
    if "tid" in columns:
        rank = np.empty(len(columns["tim"]), dtype=np.int64)
        rank[np.argsort(columns["tim"], kind="stable")] = np.arange(len(rank))
        table |= {"frame": rank, "tid": np.asarray(columns["tid"], dtype=np.int64)}
        table["time_s"] = np.asarray(columns["tim"], dtype=float)
    # Merging blinks weighs by photons and error; all localizations are alike here.
    table["photons"] = np.full(len(precision), 1000.0)
    table["xy_err_nm"] = precision[:, 0].astype(float)
    return Localizations(table)


def correct(data: Any, method: str, settings: dict[str, Any]) -> Any:
    """Return the corrected table."""
    if method == "rcc":
        return estimate_drift_rcc(data, RCCSettings(**settings)).apply(data)
    return estimate_drift(data, DriftSettings(**settings)).apply(data)


def positions(result: Any, axes: str) -> Any:
    """Return the corrected coordinates, shape (n, d)."""
    return np.stack([result[f"{axis}_nm"] for axis in axes], axis=1)

"""Rows added to a large table while it is followed: seconds of an update, errors, and the whole.

Run ``python benchmarks/following.py 2e6``; CPU seconds on an otherwise idle machine.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

import smlm_accessor

N_FRAMES, N_SITES, FIELD, PRECISION, STEP = 20_000, 20_000, 40_000.0, 8.0, 0.1
NEW = 10_000  # rows of an update


def table_of(n: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table of sites whose drift is a random walk, and that drift."""
    rng = np.random.default_rng(seed)
    sites = rng.uniform(0, FIELD, (N_SITES, 2))
    frame = np.sort(rng.integers(0, N_FRAMES, n))
    drift = np.cumsum(rng.normal(0, STEP, (N_FRAMES, 2)), axis=0)
    xy = sites[rng.integers(0, N_SITES, n)] + rng.normal(0, PRECISION, (n, 2)) + drift[frame]
    return pd.DataFrame({"frame": frame, "x": xy[:, 0], "y": xy[:, 1]}), drift


def main(n: int, updates: int = 7) -> None:
    """Follow a table from n rows on, and print what each update took."""
    table, drift = table_of(n + updates * NEW)
    follower = smlm_accessor.follow(growth=9.0)
    started = time.process_time()
    follower.update(table[:n])
    print(f"estimate of {n:,} rows: {time.process_time() - started:.1f} CPU s")
    for k in range(updates):
        rows = table[n + k * NEW : n + (k + 1) * NEW]
        started = time.process_time()
        follower.update(rows)
        print(f"update of {NEW:,} rows: {time.process_time() - started:.2f} CPU s")
    found = follower.drift
    at = found["frame"].values
    true = np.stack([np.interp(at, np.arange(N_FRAMES), x) for x in drift.T], axis=1)
    away = -found["offset"].values - true
    new = at > table.frame.iloc[n]
    away -= away[~new].mean(axis=0)
    z = away / found["offset_std"].values
    print(f"errors over offset_std: before {np.std(z[~new]):.2f}, new {np.std(z[new]):.2f}")


if __name__ == "__main__":
    main(int(float(sys.argv[1])) if len(sys.argv) > 1 else 2_000_000)

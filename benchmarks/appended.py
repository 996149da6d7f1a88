"""A tenth more rows at the end of a table: what they cost with ``start=``, and what they give.

Run ``python benchmarks/appended.py A B D F 7 9``: cases of `cases`, and numbers of random worlds of
seed 1. CPU seconds, best of three; errors in nm, x and y, of the rows that were added, against the
mean of all rows, and over ``offset_std``.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from cases import CASES, make
from random_worlds import draw, simulate

import smlm_accessor  # noqa: F401 - registers .smlm

MORE, ROUNDS = 0.1, 3


def table_of(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a table in the order of frames, with frame, x, y, and the drift of each row."""
    if name in CASES:
        table, still = make(name, seed=1)
        drift = (table[["x", "y"]] - still[["x", "y"]]).to_numpy()
    else:
        sample = simulate(draw(1, int(name)))
        table, drift = sample.table, sample.drift[sample.table["frame"].to_numpy(), :2]
    order = np.argsort(table["frame"].to_numpy(), kind="stable")
    return table.iloc[order], drift[order]


def best(estimate: Callable[[], xr.Dataset]) -> tuple[float, xr.Dataset]:
    """Return the least CPU seconds of a few estimates, and the last."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        found = estimate()
        seconds.append(time.process_time() - started)
    return min(seconds), found


def errors(table: pd.DataFrame, drift: np.ndarray, found: xr.Dataset, first: int) -> str:
    """Return the error of rows from one on, in words."""
    fixed = table.smlm.correct(found, outside="hold")
    left = (fixed[["x", "y"]] - table[["x", "y"]]).to_numpy() + drift
    left -= np.nanmean(left, axis=0)
    frames, valid = table["frame"].to_numpy()[first:], found["valid"].values
    columns = found["offset_std"].values[valid, :2].T
    at = found["frame"].values[valid]
    std = np.stack([np.interp(frames, at, column) for column in columns], axis=1)
    error, over = (np.sqrt(np.nanmean((left[first:] / by) ** 2)) for by in (1.0, std))
    return f"{error:.2f} nm (over std {over:.2f})"


def main(names: list[str]) -> None:
    """Print a row for each table."""
    warnings.simplefilter("ignore")
    for name in names:
        table, drift = table_of(name)
        frame = table["frame"].to_numpy()
        first = int(np.searchsorted(frame, frame[int(len(frame) / (1 + MORE))]))
        start = table.iloc[:first].smlm.drift()
        seconds, whole = best(table.smlm.drift)
        less, found = best(lambda table=table, start=start: table.smlm.drift(start=start))
        print(
            f"| {name} | {len(table):,} | {seconds:.2f} | {less:.2f} | {less / seconds:.2f} "
            f"| {errors(table, drift, whole, first)} | {errors(table, drift, found, first)} |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:] or [*"ABDF"])

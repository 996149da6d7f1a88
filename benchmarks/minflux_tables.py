"""MINFLUX tables whose drift is known: traces of sites that are visited again, one at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]

HOUR = 3600.0  # s
PRECISION = 2.5  # nm, of a localization along x and y; z two thirds of it, as in the real table
LABEL = 1.5  # nm, how far a visit is from where the site usually is: the linker
LOCALIZATIONS = 18  # of a trace, on average, as in the real table
STEP = 0.1  # s from one localization of a trace to the next
VISITS = 5  # of a site, on average
DENSITY = 150.0  # sites per um2 of filaments


class Truth(NamedTuple):
    """A table, and the drift of each of its rows, shape (n, 3)."""

    table: pd.DataFrame
    drift: FloatArray


def minflux_table(seed: int, *, traces: int, drift: float, period: float | None = None) -> Truth:
    """Return a table of an hour.

    Parameters
    ----------
    seed : int
    traces : int
    drift : float
        nm, the range along x; half of it along y, a quarter along z.
    period : float, optional
        s: the drift goes forth and back. By default it is a line and a slow wave.
    """
    rng = np.random.default_rng(seed)
    sites = _filaments(rng, max(traces // VISITS, 10))
    site = rng.integers(len(sites), size=traces)
    n = rng.geometric(1 / LOCALIZATIONS, traces)
    # One trace after the other: waiting times between them are exponential.
    wait = rng.exponential(1.0, traces)
    wait *= max(HOUR - STEP * n.sum(), 0.1 * HOUR) / wait.sum()
    begin = np.cumsum(wait) + STEP * np.concatenate([[0], np.cumsum(n)[:-1]])
    row = np.repeat(np.arange(traces), n)
    number = np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n)
    tim = begin[row] + STEP * number * rng.uniform(0.98, 1.02, len(row))
    centre = sites[site] + rng.normal(0, LABEL, (traces, 3))
    moved = _drift(tim / tim[-1], drift, None if period is None else tim[-1] / period, rng)
    position = centre[row] + moved
    position += rng.normal(0, PRECISION, position.shape) * [1, 1, 2 / 3]
    table = pd.DataFrame({"tid": 10 * row + 7, "tim": tim})
    table[["x", "y", "z"]] = position
    table["efo"] = rng.normal(7e4, 1e4, len(row))
    return Truth(table, moved)


def _filaments(rng: np.random.Generator, n: int) -> FloatArray:
    """Return sites on straight filaments, about 30 on each, 30 nm thick."""
    edge = 1000 * np.sqrt(n / DENSITY)
    filaments = max(n // 30, 2)
    of, along = rng.integers(filaments, size=n), rng.uniform(-0.5, 0.5, n)
    angle, middle = rng.uniform(0, np.pi, filaments), rng.uniform(0, edge, (filaments, 2))
    direction = np.column_stack([np.cos(angle), np.sin(angle)])
    xy = middle[of] + edge * along[:, None] * direction[of] + rng.normal(0, 10, (n, 2))
    return np.column_stack([xy, rng.uniform(-60, 60, n)])


def _drift(
    part: FloatArray, size: float, waves: float | None, rng: np.random.Generator
) -> FloatArray:
    """Return the drift at parts of the hour, shape (n, 3)."""
    curves = []
    for _ in range(3):
        phase = rng.uniform(0, 2 * np.pi)
        if waves is not None:
            curves.append(0.5 * np.sin(2 * np.pi * waves * part + phase))
        else:
            curve = part + 0.5 * np.sin(2 * np.pi * part + phase)
            curves.append(curve / np.ptp(curve))
    return size * np.stack(curves, axis=1) * [1.0, 0.5, 0.25]

"""The error that hardly any drift estimate can beat.

The oracle is told where every emitter is. What it then sees of the drift in a short segment of
frames is the mean over the localizations of that segment, with the error of one localization over
the square root of their number. It smooths these means by the best of random walks (first order)
and integrated random walks (second order) of all strengths; the best against the truth.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import cases
import numpy as np
from numpy.typing import NDArray
from samples import Simulated
from scipy.linalg import solveh_banded

Floats = NDArray[np.float64]

MOST_SEGMENTS = 4_000
STRENGTHS = np.logspace(-9, 9, 55)  # of the prior, over the median information of a segment
DRAWS = 20  # of the localization errors


@dataclass(frozen=True)
class Bound:
    """Error per axis, and the order of the smoother that reaches it (0: a straight line)."""

    rmse: dict[str, float]
    order: dict[str, int]


def bound(case: Simulated, *, seed: int = 0) -> Bound:
    """Return the root mean square error of the oracle over all localizations.

    A constant is removed first. Axes along which the precision is not known are left out.
    """
    frames = case.table["frame"].to_numpy()
    rng = np.random.default_rng(seed)
    rmse, order = {}, {}
    for axis, precision in zip("xyz", case.precision, strict=False):
        drift = case.table[axis].to_numpy(dtype=float) - case.truth[axis].to_numpy(dtype=float)
        rmse[axis], order[axis] = _best(frames, drift, precision, case.background, rng)
    return Bound(rmse, order)


def _best(
    frames: NDArray[np.int64],
    drift: Floats,
    precision: float,
    background: float,
    rng: np.random.Generator,
) -> tuple[float, int]:
    frames = frames - frames.min()
    n_frames = int(frames.max()) + 1
    counts = np.bincount(frames, minlength=n_frames)
    in_frame = np.bincount(frames, drift, n_frames) / np.maximum(counts, 1)
    length = -(-n_frames // MOST_SEGMENTS)
    segment = np.arange(n_frames) // length
    n = np.bincount(segment, counts)
    middle = (np.arange(len(n)) + 0.5) * length - 0.5
    information = np.asarray(n * (1 - background) / precision**2, dtype=np.float64)
    mean = np.bincount(segment, counts * in_frame) / np.maximum(n, 1)
    noise = (
        rng.standard_normal((len(n), DRAWS))
        * np.sqrt(np.divide(1, information, out=np.zeros(len(n)), where=information > 0))[:, None]
    )
    seen = np.asarray(mean[:, None] + noise, dtype=np.float64)

    def error(estimate: Floats) -> float:
        total = 0.0
        for one in estimate.T:
            left = np.interp(np.arange(n_frames), middle, one) - in_frame
            left -= np.average(left, weights=counts)
            total += np.average(left**2, weights=counts)
        return float(np.sqrt(total / DRAWS))

    line = np.polynomial.polynomial.polyfit(middle, seen, 1, w=np.sqrt(information))
    found = [(error(np.polynomial.polynomial.polyval(middle, line).T), 0)]
    typical = float(np.median(information[information > 0]))
    for strength in STRENGTHS:
        for order in (1, 2):
            smooth = _smooth(seen, information, strength * typical, order)
            if smooth is not None:
                found.append((error(smooth), order))
    return min(found)


def _smooth(seen: Floats, information: Floats, strength: float, order: int) -> Floats | None:
    """Minimise information * (seen - d)**2 + strength * (differences of d)**2; None if singular."""
    n = len(information)
    bands = np.zeros((order + 1, n))  # the upper ones, the diagonal last
    stencil = np.array([-1.0, 1.0] if order == 1 else [1.0, -2.0, 1.0])
    for lag in range(order + 1):
        for j in range(order + 1 - lag):
            bands[order - lag, j + lag : n - order + j + lag] += (
                strength * stencil[j] * stencil[j + lag]
            )
    bands[order] += information
    try:
        return np.asarray(solveh_banded(bands, information[:, None] * seen))
    except np.linalg.LinAlgError:
        return None


if __name__ == "__main__":
    for name in sys.argv[1:] or cases.CASES:
        print(name, bound(cases.simulate(name)))

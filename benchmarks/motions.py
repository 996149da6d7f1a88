"""How the samples of the benchmark drift: nm, one row for each frame, shape (n_frames, d)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

Curve = NDArray[np.float64]


def knotted(n_frames: int, d: int, rng: np.random.Generator, *, knots: int, step: float) -> Curve:
    """Return a cubic spline through a random walk.

    It is the drift in the simulations of H. Ma et al., Sci. Adv. 10, eadm7765 (2024),
    DOI 10.1126/sciadv.adm7765.
    """
    walk = np.cumsum(rng.normal(0, step, (knots, d)), axis=0)
    return np.asarray(CubicSpline(np.linspace(0, n_frames - 1, knots), walk)(np.arange(n_frames)))


def slow(
    n_frames: int, d: int, rng: np.random.Generator, *, extent: ArrayLike, walk: float
) -> Curve:
    """Return a line and slow waves that together span the extent, and a random walk."""
    time = np.arange(n_frames)[:, None] / n_frames
    phases = rng.uniform(0, 2 * np.pi, (2, d))
    drift = rng.choice([-1.0, 1.0], d) * time
    for cycles, height, phase in zip((1.2, 2.7), (0.35, 0.1), phases, strict=True):
        drift = drift + height * np.sin(2 * np.pi * cycles * time + phase)
    drift *= np.broadcast_to(extent, d) / np.ptp(drift, axis=0)
    return np.asarray(drift + diffusing(n_frames, d, rng, walk=walk))


def straight(
    n_frames: int, d: int, rng: np.random.Generator, *, extent: float, walk: float
) -> Curve:
    """Return a line of the given length in a random direction, and a random walk."""
    heading = rng.standard_normal(d)
    line = np.linspace(0, extent, n_frames)[:, None] * (heading / np.linalg.norm(heading))
    return np.asarray(line + diffusing(n_frames, d, rng, walk=walk))


def diffusing(n_frames: int, d: int, rng: np.random.Generator, *, walk: float) -> Curve:
    """Return a random walk with steps of ``walk`` per frame and axis."""
    return np.cumsum(rng.normal(0, walk, (n_frames, d)), axis=0)


def waves(n_frames: int, d: int, rng: np.random.Generator, *, most_cycles: float) -> Curve:
    """Return the sum of one to three sinusoids of half a cycle to ``most_cycles`` each."""
    time = np.arange(n_frames)[:, None] / n_frames
    curve = np.zeros((n_frames, d))
    for _ in range(rng.integers(1, 4)):
        cycles = 0.5 * (max(most_cycles, 0.5) / 0.5) ** rng.random()
        phases, heights = rng.uniform(0, 2 * np.pi, d), rng.uniform(0.3, 1, d)
        curve += heights * np.sin(2 * np.pi * cycles * time + phases)
    return curve


def settling(n_frames: int, d: int, rng: np.random.Generator, *, time_constant: float) -> Curve:
    """Return what relaxes exponentially, within so many frames, to where it stays."""
    time = np.arange(n_frames)[:, None]
    return np.asarray(rng.choice([-1.0, 1.0], d) * -np.expm1(-time / time_constant))

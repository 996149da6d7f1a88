"""Where the molecules of a random world are: one function for each structure.

Each returns about ``n`` sites, in nm, shape (n, d), in a field of the given size, shape (d,).
Numbers that a structure leaves open, such as the size of a cluster, are drawn.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Structure = Callable[[int, Floats, float, np.random.Generator], Floats]

LEAST_STRUCTURES = 5  # in a field
PATH_STEP = 50.0  # nm, of a filament
BEND = 0.02  # rad, standard deviation of the change of direction in one step
TUBE = 12.5  # nm, radius of a filament
PORE, RING_DISTANCE, N_FOLD = 107.0, 50.0, 8  # Nup96: diameter and distance in nm


def between(low: float, high: float, rng: np.random.Generator) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(low * (high / low) ** rng.random())


def anywhere(n: int, size: Floats, rng: np.random.Generator) -> Floats:
    """Return uniform positions."""
    return rng.random((n, len(size))) * size


def _groups(n: int, each: int, size: Floats, rng: np.random.Generator) -> Floats:
    """Return the centre of the structure that each of the sites belongs to."""
    n_structures = max(LEAST_STRUCTURES, round(n / each))
    return anywhere(n_structures, size, rng)[rng.integers(n_structures, size=n)]


def _copies(template: Floats, n: int, size: Floats, rng: np.random.Generator) -> Floats:
    """Return copies of a template anywhere, turned about z, with some of their sites missing."""
    labelling = rng.uniform(0.6, 1.0)
    n_copies = max(LEAST_STRUCTURES, round(n / len(template) / labelling))
    angle = rng.uniform(0, 2 * np.pi, (n_copies, 1))
    sites = np.zeros((n_copies, len(template), len(size)))
    sites[..., 0] = np.cos(angle) * template[:, 0] - np.sin(angle) * template[:, 1]
    sites[..., 1] = np.sin(angle) * template[:, 0] + np.cos(angle) * template[:, 1]
    sites[..., 2:] = template[:, 2 : len(size)]
    sites += anywhere(n_copies, size, rng)[:, None]
    return sites.reshape(-1, len(size))[rng.random(n_copies * len(template)) < labelling]


def _clusters(n: int, size: Floats, std: float, rng: np.random.Generator) -> Floats:
    each = rng.integers(3, 31)
    return _groups(n, each, size, rng) + rng.normal(0, std, (n, len(size)))


def tight_clusters(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return clusters about as wide as the localization precision."""
    return _clusters(n, size, between(5, 20, rng), rng)


def wide_clusters(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return clusters much wider than the localization precision."""
    return _clusters(n, size, between(40, 150, rng), rng)


def pore_rings(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return nuclear pores: a ring of eight each, in 3D two."""
    angle = 2 * np.pi * np.arange(N_FOLD) / N_FOLD
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(N_FOLD)], axis=1) * PORE / 2
    above = np.array([0, 0, RING_DISTANCE])
    return _copies(ring if len(size) == 2 else np.concatenate([ring, ring + above]), n, size, rng)


def filaments(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return sites on bent filaments that cross the field, some of them more than once."""
    n_filaments = rng.integers(3, 31)
    n_steps = int(size[0] * rng.uniform(0.5, 2) / PATH_STEP)
    heading = rng.uniform(0, 2 * np.pi, (n_filaments, 1))
    heading = heading + np.cumsum(rng.normal(0, BEND, (n_filaments, n_steps)), axis=1)
    steps = np.zeros((n_filaments, n_steps, len(size)))
    steps[..., 0], steps[..., 1] = PATH_STEP * np.cos(heading), PATH_STEP * np.sin(heading)
    steps[..., 2:] = PATH_STEP * rng.normal(0, 0.1, (n_filaments, 1, 1))  # slopes
    path = anywhere(n_filaments, size, rng)[:, None] + np.cumsum(steps, axis=1)
    which, step = rng.integers(n_filaments, size=n), rng.integers(n_steps, size=n)
    sites = path[which, step] + rng.random((n, 1)) * steps[which, step]
    sites += rng.normal(0, TUBE / 2, sites.shape)
    return size - np.abs(np.mod(sites, 2 * size) - size)  # turned back at the edges


def single_emitters(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return sites anywhere."""
    return anywhere(n, size, rng)


def _origami(n: int, size: Floats, spacing: float, rng: np.random.Generator) -> Floats:
    columns, rows = rng.integers(3, 9, size=2)
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    template = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1) * spacing
    return _copies(template, n, size, rng)


def fine_origami(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return grids whose sites are closer than the localization precision."""
    return _origami(n, size, precision * rng.uniform(0.4, 0.9), rng)


def coarse_origami(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return grids whose sites are farther apart than the localization precision."""
    return _origami(n, size, precision * rng.uniform(2, 6), rng)


def membrane(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return a membrane: most sites anywhere, some in weak clusters; in 3D it undulates."""
    sites = anywhere(n, size, rng)
    clustered = rng.random(n) < rng.uniform(0.1, 0.4)
    n_clustered = int(clustered.sum())
    sites[clustered] = _groups(n_clustered, 10, size, rng)
    sites[clustered] += rng.normal(0, between(30, 200, rng), (n_clustered, len(size)))
    if len(size) == 3:
        wave = 2 * np.pi * sites[:, :2] / rng.uniform(1_000, 5_000, 2)
        sites[:, 2] = size[2] * (0.5 + 0.2 * (np.sin(wave[:, 0]) + np.sin(wave[:, 1])))
    return sites


def vesicles(n: int, size: Floats, precision: float, rng: np.random.Generator) -> Floats:
    """Return sites on spheres of 25 to 100 nm radius; in 2D their projection."""
    direction = rng.standard_normal((n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = between(25, 100, rng)
    return _groups(n, rng.integers(10, 61), size, rng) + radius * direction[:, : len(size)]


STRUCTURES: dict[str, Structure] = {
    "tight clusters": tight_clusters,
    "wide clusters": wide_clusters,
    "pore rings": pore_rings,
    "filaments": filaments,
    "single emitters": single_emitters,
    "fine origami": fine_origami,
    "coarse origami": coarse_origami,
    "membrane": membrane,
    "vesicles": vesicles,
}

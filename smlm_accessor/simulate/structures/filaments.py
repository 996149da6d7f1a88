"""Filaments: smooth random curves with sites along them."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray
from smlm_accessor.options import Seed, count, number, require_feasible
from smlm_accessor.simulate.blinking import BlinkingOptions, localizations_of
from smlm_accessor.simulate.region import FIELD, Region, as_box, uniform
from smlm_accessor.simulate.tables import make_table, remember

STEPS_PER_BEND = 50  # points of a curve on one persistence length
FEWEST_STEPS = 200  # from the middle of a curve to its end


def filament_sites(
    *,
    n_structures: int = 25,
    region: Region = FIELD,
    length: float = 20_000.0,
    persistence_length: float = 10_000.0,
    site_spacing: float = 20.0,
    seed: Seed = None,
) -> pd.DataFrame:
    """Place sites along filaments.

    Filaments are worm-like chains: their direction diffuses along them, so that the correlation of
    the directions of two points falls as ``exp(-distance / (2 persistence_length))`` in 2D and
    ``exp(-distance / persistence_length)`` in 3D. Their middles are anywhere in the region; at
    its walls they turn back, so that the density is the same everywhere. In 3D their middles lie
    flat. Sites are a Poisson process along them.

    Parameters
    ----------
    n_structures : int
        Number of filaments.
    region : sequence of pairs
        Lower and upper bound of x, y and, for 3D, z.
    length : float
        Of each filament, in nm like all lengths.
    persistence_length : float
        The longer, the straighter; in nm.
    site_spacing : float
        Mean distance of neighbouring sites along the filament, in nm.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        As from `npc_sites`; ``cluster_label`` is the number of the filament.

    Raises
    ------
    OptionError
        If a parameter makes no sense.

    References
    ----------
    O. Kratky and G. Porod, Recl. Trav. Chim. Pays-Bas 68, 1106 (1949),
    DOI 10.1002/recl.19490681203.

    Examples
    --------
    >>> from smlm_accessor.simulate import filament_sites
    >>> sites = filament_sites(n_structures=2, length=10_000, site_spacing=10, seed=1)
    >>> print(1800 < len(sites) < 2200)
    True
    """
    given = dict(locals())
    box = as_box(region)
    n = count("n_structures", n_structures)
    extent = number("length", length, above=0)
    stiffness = number("persistence_length", persistence_length, above=0)
    spacing = number("site_spacing", site_spacing, above=0)
    require_feasible(n * extent / spacing, "take a larger site_spacing")
    require_feasible(n * extent / stiffness, "take a larger persistence_length")
    steps = max(FEWEST_STEPS, int(np.ceil(STEPS_PER_BEND * extent / 2 / stiffness)))
    rng = np.random.default_rng(seed)
    curves = _curves(uniform(box, n, rng), steps, extent / (2 * steps), stiffness, rng)
    labels = np.repeat(np.arange(n), rng.poisson(extent / spacing, n))
    along = rng.random(len(labels)) * (2 * steps)
    left = along.astype(np.int64)
    fraction = (along - left)[:, None]
    positions = (1 - fraction) * curves[labels, left] + fraction * curves[labels, left + 1]
    sites = make_table(_fold(positions, box), cluster_label=labels)
    return remember(sites, "filament_sites", given)


def _curves(
    middles: FloatArray, steps: int, step: float, stiffness: float, rng: np.random.Generator
) -> FloatArray:
    """Return points along worm-like chains, shape (n, 2 steps + 1, d)."""
    n, d = middles.shape
    angle = rng.random(n) * 2 * np.pi
    tangent = np.zeros((n, d))
    tangent[:, 0], tangent[:, 1] = np.cos(angle), np.sin(angle)
    halves = []
    for heading in (tangent, -tangent):
        points = np.empty((n, steps + 1, d))
        points[:, 0] = middles
        for i in range(steps):
            kick = rng.standard_normal((n, d)) * np.sqrt(step / stiffness)
            kick -= (kick * heading).sum(axis=1, keepdims=True) * heading
            turned = heading + kick
            turned /= np.linalg.norm(turned, axis=1, keepdims=True)
            points[:, i + 1] = points[:, i] + step / 2 * (heading + turned)
            heading = turned
        halves.append(points)
    return np.concatenate([halves[1][:, :0:-1], halves[0]], axis=1)


def _fold(positions: FloatArray, box: FloatArray) -> FloatArray:
    """Mirror positions at the walls of the box until they are inside."""
    size = box[:, 1] - box[:, 0]
    beyond = np.mod(positions - box[:, 0], 2 * size)
    return box[:, 0] + np.minimum(beyond, 2 * size - beyond)


def simulate_filaments(
    *,
    n_structures: int = 25,
    region: Region = FIELD,
    length: float = 20_000.0,
    persistence_length: float = 10_000.0,
    site_spacing: float = 20.0,
    seed: Seed = None,
    **blinking: Unpack[BlinkingOptions],
) -> pd.DataFrame:
    """Simulate localizations of filaments, such as microtubules.

    Parameters
    ----------
    n_structures, region, length, persistence_length, site_spacing, seed
        Of `filament_sites`. Background is in the region, too.
    **blinking
        Of `simulate_blinking`, such as ``n_frames`` and ``precision``. The table is as from there;
        ``cluster_label`` is the number of the filament.

    Returns
    -------
    DataFrame
        One row for each localization, in the order of frames; see `simulate_blinking`.

    Raises
    ------
    OptionError
        If a parameter makes no sense.

    Examples
    --------
    >>> from smlm_accessor.simulate import simulate_filaments
    >>> locs = simulate_filaments(
    ...     n_structures=3, n_frames=1000, localizations_per_frame=3, precision=10, seed=1
    ... )
    >>> print(locs.cluster_label.nunique())
    3
    """
    return localizations_of(filament_sites, "simulate_filaments", locals())

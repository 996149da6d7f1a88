"""Nuclear pore complexes: rings of eight."""

from __future__ import annotations

from typing import Unpack

import numpy as np
import pandas as pd

from smlm_accessor.options import Seed, count, number
from smlm_accessor.simulate.blinking import BlinkingOptions, localizations_of
from smlm_accessor.simulate.region import FIELD, Region
from smlm_accessor.simulate.structures.orientation import scatter


def npc_sites(
    *,
    n_structures: int = 300,
    region: Region = FIELD,
    dimension: int = 2,
    diameter: float = 107.0,
    ring_distance: float = 50.0,
    n_fold: int = 8,
    max_tilt: float = 0.0,
    seed: Seed = None,
) -> pd.DataFrame:
    """Place the sites of nuclear pore complexes.

    Parameters
    ----------
    n_structures : int
        Number of pores; they may overlap.
    region : sequence of pairs
        Bounds of the centres in x, y and, in 3D, z; without these all pores are at z = 0.
    dimension : int
        2: one ring each; 3: two rings, one above the other.
    diameter : float
        Of the rings; 107 nm is that of Nup96.
    ring_distance : float
        Between the two rings; 50 nm.
    n_fold : int
        Sites in a ring.
    max_tilt : float
        Pores are turned by any angle about their axis. The axis is along z, as in a flat membrane,
        or uniform in a cone of this half angle (radians); pi gives every orientation alike.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        Columns ``position_x``, ``position_y``, in 3D ``position_z``, and ``cluster_label``, the
        number of the pore.

    Raises
    ------
    OptionError
        If a parameter makes no sense.

    References
    ----------
    J. V. Thevathasan et al., Nat. Methods 16, 1045 (2019), DOI 10.1038/s41592-019-0574-9.

    Examples
    --------
    >>> from smlm_accessor.simulate import npc_sites
    >>> npc_sites(n_structures=2, dimension=3, seed=1).groupby("cluster_label").size().to_list()
    [16, 16]
    """
    given = dict(locals())
    radius = number("diameter", diameter, above=0) / 2
    height = number("ring_distance", ring_distance, least=0) / 2
    angle = 2 * np.pi * np.arange(count("n_fold", n_fold, least=1)) / n_fold
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(len(angle))], axis=1)
    above = np.array([0.0, 0.0, height])
    template = np.concatenate([ring + above, ring - above]) if dimension == 3 else ring
    return scatter(template, "npc_sites", given)


def simulate_npc(
    *,
    n_structures: int = 300,
    region: Region = FIELD,
    dimension: int = 2,
    diameter: float = 107.0,
    ring_distance: float = 50.0,
    n_fold: int = 8,
    max_tilt: float = 0.0,
    seed: Seed = None,
    **blinking: Unpack[BlinkingOptions],
) -> pd.DataFrame:
    """Simulate localizations of nuclear pore complexes.

    Parameters
    ----------
    n_structures, region, dimension, diameter, ring_distance, n_fold, max_tilt, seed : as there
        Of `npc_sites`. Background is in the region, too.
    **blinking
        Of `simulate_blinking`, such as ``n_frames`` and ``precision``. The table is as from there;
        ``cluster_label`` is the number of the pore.

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
    >>> from smlm_accessor.simulate import simulate_npc
    >>> locs = simulate_npc(n_structures=5, n_frames=1000, precision=5, seed=1)
    >>> print(locs.cluster_label.nunique())
    5
    """
    return localizations_of(npc_sites, "simulate_npc", locals())

"""DNA origami: grids of binding sites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import pandas as pd

from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.errors import OptionError
from smlm_accessor.options import PerComponent, Seed, count, per_component
from smlm_accessor.simulate.blinking import BlinkingOptions, localizations_of
from smlm_accessor.simulate.region import FIELD, Region
from smlm_accessor.simulate.structures.orientation import scatter


def origami_sites(
    *,
    n_structures: int = 200,
    region: Region = FIELD,
    grid: Sequence[int] = (3, 4),
    spacing: PerComponent = 20.0,
    dimension: int = 2,
    max_tilt: float = 0.0,
    seed: Seed = None,
) -> pd.DataFrame:
    """Place the sites of DNA origami.

    Parameters
    ----------
    n_structures, region, max_tilt, seed
        As of `npc_sites`.
    grid : sequence of int
        Sites along the axes of the origami: two numbers, or three in 3D.
    spacing : float or one per axis of the grid
        Distance of neighbouring sites; 20 nm.
    dimension : int
        2 or 3.

    Returns
    -------
    DataFrame
        As from `npc_sites`; ``cluster_label`` is the number of the origami.

    Raises
    ------
    OptionError
        If a parameter makes no sense.

    References
    ----------
    J. Schnitzbauer, M. T. Strauss, T. Schlichthaerle, F. Schueder and R. Jungmann, Nat. Protoc.
    12, 1198 (2017), DOI 10.1038/nprot.2017.024.

    Examples
    --------
    >>> from smlm_accessor.simulate import origami_sites
    >>> origami_sites(n_structures=5, seed=1).shape
    (60, 3)
    """
    given = dict(locals())
    if len(grid) != 2 and not (len(grid) == 3 and dimension == 3):
        raise OptionError(f"grid={grid!r} must be two numbers of sites, or three with dimension=3")
    axes = np.meshgrid(*(np.arange(count("grid", n, least=1)) for n in grid), indexing="ij")
    steps = np.stack(axes, axis=-1).reshape(-1, len(grid)).astype(np.float64)
    template = np.zeros((len(steps), 3))
    template[:, : len(grid)] = steps * per_component(
        "spacing", spacing, COMPONENTS[: len(grid)], above=0
    )
    return scatter(template - template.mean(axis=0), "origami_sites", given)


def simulate_origami(
    *,
    n_structures: int = 200,
    region: Region = FIELD,
    grid: Sequence[int] = (3, 4),
    spacing: PerComponent = 20.0,
    dimension: int = 2,
    max_tilt: float = 0.0,
    seed: Seed = None,
    **blinking: Unpack[BlinkingOptions],
) -> pd.DataFrame:
    """Simulate localizations of DNA origami.

    Parameters
    ----------
    n_structures, region, grid, spacing, dimension, max_tilt, seed
        Of `origami_sites`. Background is in the region, too.
    **blinking
        Of `simulate_blinking`, such as ``n_frames`` and ``precision``. The table is as from there;
        ``cluster_label`` is the number of the origami.

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
    >>> from smlm_accessor.simulate import simulate_origami
    >>> locs = simulate_origami(n_structures=5, n_frames=1000, precision=2, seed=1)
    >>> print(locs.emitter.nunique())
    60
    """
    return localizations_of(origami_sites, "simulate_origami", locals())

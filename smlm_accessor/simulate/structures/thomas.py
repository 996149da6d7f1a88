"""Clusters: a Neyman-Scott process with Gaussian clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smlm_accessor._typing import IntArray
from smlm_accessor.drift.spec import COMPONENTS
from smlm_accessor.options import (
    PerComponent,
    Seed,
    number,
    per_component,
    require_feasible,
)
from smlm_accessor.simulate.frames import simulate_frame_numbers
from smlm_accessor.simulate.region import Region, as_box, contains, pad, uniform, volume
from smlm_accessor.simulate.tables import make_table, remember

PADDING = 6.0  # in cluster_std: of what lies farther out, 1e-9 comes back into the region


def simulate_thomas(
    *,
    parent_intensity: float = 1e-4,
    region: Region = ((0, 1000), (0, 1000)),
    cluster_mu: float = 1000,
    cluster_std: PerComponent = 10,
    localizations_per_frame: float = 3,
    seed: Seed = None,
) -> pd.DataFrame:
    """Simulate clusters of localizations that stand at random (Thomas process).

    Parents are a Poisson process, each has a Poisson number of offspring, spread about it by a
    normal distribution; the offspring are the localizations. Parents are also drawn outside
    the region, up to six times ``cluster_std`` away, so that the density at the edges is that of
    the middle. Clusters at the edge are cut.

    Parameters
    ----------
    parent_intensity : float
        Mean number of clusters per unit area (2D) or volume (3D).
    region : sequence of pairs
        Lower and upper bound of x, y and, for 3D, z.
    cluster_mu : float
        Mean number of localizations per cluster.
    cluster_std : float or one per component
        Standard deviation of the spread about the parent.
    localizations_per_frame : float
        Mean number of localizations per frame; it follows a Poisson distribution.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        Columns ``frame``, ``position_x``, ``position_y``, for 3D ``position_z``, and
        ``cluster_label`` (0, 1, ... without a gap). Rows follow the frames; clusters are in
        random order.

    Raises
    ------
    OptionError
        If a parameter makes no sense.

    References
    ----------
    M. Thomas, Biometrika 36, 18 (1949), DOI 10.1093/biomet/36.1-2.18; J. Neyman and E. L. Scott,
    J. R. Stat. Soc. B 20, 1 (1958), DOI 10.1111/j.2517-6161.1958.tb00272.x.

    Examples
    --------
    >>> from smlm_accessor.simulate import simulate_thomas
    >>> locs = simulate_thomas(cluster_mu=10, seed=1)
    >>> list(locs.columns)
    ['frame', 'position_x', 'position_y', 'cluster_label']
    """
    given = dict(locals())
    box = as_box(region)
    std = per_component("cluster_std", cluster_std, COMPONENTS[: len(box)], least=0)
    padded = pad(box, PADDING * std)
    n_expected = number("parent_intensity", parent_intensity, least=0) * volume(padded)
    mu = number("cluster_mu", cluster_mu, least=0)
    number("localizations_per_frame", localizations_per_frame, above=0)
    require_feasible(
        n_expected * max(mu, 1.0), "take a smaller region, parent_intensity or cluster_mu"
    )
    rng = np.random.default_rng(seed)
    parents = uniform(padded, rng.poisson(n_expected), rng)
    labels = np.repeat(np.arange(len(parents)), rng.poisson(mu, len(parents)))
    positions = rng.standard_normal((len(labels), len(box)))
    positions *= std
    positions += parents[labels]
    # In random order: which cluster a localization is from must not depend on its frame.
    rows = rng.permutation(np.flatnonzero(contains(box, positions)))
    table = make_table(
        positions[rows],
        frames=simulate_frame_numbers(len(rows), localizations_per_frame, rng),
        cluster_label=_without_gaps(labels[rows], len(parents)),
    )
    return remember(table, "simulate_thomas", given)


def _without_gaps(labels: IntArray, n_labels: int) -> IntArray:
    present = np.bincount(labels, minlength=n_labels) > 0
    return (np.cumsum(present) - 1)[labels]

"""Complete spatial randomness: localizations that know nothing of each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smlm_accessor.errors import OptionError
from smlm_accessor.options import Seed, count, number, require_feasible
from smlm_accessor.simulate.frames import simulate_frame_numbers
from smlm_accessor.simulate.region import Region, as_box, uniform, volume
from smlm_accessor.simulate.tables import make_table, remember


def simulate_csr(
    *,
    n_samples: int | None = None,
    intensity: float | None = None,
    region: Region = ((0, 1000), (0, 1000)),
    localizations_per_frame: float = 3,
    seed: Seed = None,
) -> pd.DataFrame:
    """Simulate localizations at random positions (homogeneous Poisson process).

    There is nothing in such a table that drift could be told from.

    Parameters
    ----------
    n_samples : int, optional
        Number of localizations.
    intensity : float, optional
        Instead of it, the mean number of localizations per unit area (2D) or volume (3D); their
        number then follows a Poisson distribution.
    region : sequence of pairs
        Lower and upper bound of x, y and, for 3D, z.
    localizations_per_frame : float
        Mean number of localizations per frame; it follows a Poisson distribution.
    seed : int or numpy.random.Generator, optional
        The same seed gives the same table.

    Returns
    -------
    DataFrame
        Columns ``frame``, ``position_x``, ``position_y`` and, for 3D, ``position_z``. Rows follow
        the frames.

    Raises
    ------
    OptionError
        If not exactly one of ``n_samples`` and ``intensity`` is given, or an option makes no
        sense.

    Examples
    --------
    >>> from smlm_accessor.simulate import simulate_csr
    >>> len(simulate_csr(n_samples=500, seed=1))
    500
    """
    given = dict(locals())
    box = as_box(region)
    rng = np.random.default_rng(seed)
    number("localizations_per_frame", localizations_per_frame, above=0)
    if (n_samples is None) == (intensity is None):
        raise OptionError(
            f"give one of n_samples and intensity; got {n_samples!r} and {intensity!r}"
        )
    if n_samples is not None:
        n = count("n_samples", n_samples)
        require_feasible(n, "take fewer n_samples")
    else:
        expected = number("intensity", intensity, least=0) * volume(box)
        require_feasible(expected, "take a smaller region or intensity")
        n = int(rng.poisson(expected))
    table = make_table(
        uniform(box, n, rng), frames=simulate_frame_numbers(n, localizations_per_frame, rng)
    )
    return remember(table, "simulate_csr", given)

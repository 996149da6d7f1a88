"""Whether the sample turns, grows, shears or flows, and the correction does not allow for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.motions.choice import transformation_asked_for
from smlm_accessor.methods.traces import Observations
from smlm_accessor.timeline import Timeline

_FEWEST = 1_000  # localizations: fewer do not tell how a sample turns


def transformation_left(observed: Observations, after: FloatArray, precision: FloatArray) -> str:
    """Return the least free transformation that corrected positions still ask for.

    It is told as for ``transformation="auto"`` of `overlap`. That is ``"shift"`` where nothing is
    left.
    """
    found = corrected_density(observed, after, precision)
    if found is None:
        return "shift"
    density, timeline = found
    return transformation_asked_for(density, density.sorted_with, timeline)


def corrected_density(
    observed: Observations, after: FloatArray, precision: FloatArray
) -> tuple[Density, Timeline] | None:
    """Return the density of corrected positions, with the drift 0; None of too few."""
    localizations = observed.localizations
    assert localizations.center is not None
    seen = by_column.all_finite(after)
    wide = (by_column.extent(after[seen]) > 0).all() if seen.any() else False
    if seen.sum() < _FEWEST or not wide:
        return None
    moved = replace(localizations, positions=after - localizations.center, jumps=None).take(seen)
    rows = WeightedLocalizations.of(moved, precision)
    still = np.zeros((len(rows.timeline.frames), len(precision)))
    events = rows.events(still, precision, np.zeros(len(still), dtype=np.int64))
    return Density.of(events, still, precision, FINE[-1], None), rows.timeline

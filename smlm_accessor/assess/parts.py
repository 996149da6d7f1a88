"""Which frames share no structures with the rest once they are corrected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.case import Case
from smlm_accessor.methods.overlap.between_times import connection
from smlm_accessor.methods.overlap.density import COARSE, Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.traces import Observations
from smlm_accessor.models import Drift

_MOST = 100_000  # events: enough to see whether parts of a table share molecules


def frames_apart(
    case: Case, drift: Drift, observed: Observations, precision: FloatArray
) -> list[tuple[float, float]]:
    """Return first and last frame of each part that is not connected with the largest one.

    It is told as `connection` does, from the corrected positions.
    """
    localizations = observed.localizations
    assert localizations.center is not None
    before = localizations.positions + localizations.center
    frames = observed.frame(localizations.frames)
    after = case.corrected(drift, before, frames)
    use = np.asarray(np.isfinite(after).all(axis=1))
    if use.sum() > _MOST:  # a strip of the field, with all events of the molecules in it
        half = 50 * _MOST / use.sum()
        low, high = np.percentile(after[use, 0], [50 - half, 50 + half])
        use &= (after[:, 0] >= low) & (after[:, 0] <= high)
    if use.sum() < 2:
        return []
    seen = replace(localizations.take(use), positions=after[use] - localizations.center)
    rows = WeightedLocalizations.of(seen, precision)
    still = np.zeros((len(rows.timeline.frames), after.shape[1]))
    events = rows.events(still, precision, rows.timeline.segment)
    moved = np.stack(
        [
            np.bincount(rows.frame, column, len(still)) / rows.timeline.counts
            for column in (before - after)[use].T
        ],
        axis=1,
    )
    density = Density.of(replace(events, start=moved), moved, precision, COARSE, None)
    known = connection(moved, rows.timeline, density)
    return known.ranges(observed.frame(rows.timeline.frames))

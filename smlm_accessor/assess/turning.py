"""Whether the sample turns, grows, shears or flows, and the correction does not allow for it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import CorrectedEvents, WeightedLocalizations
from smlm_accessor.methods.overlap.motions.choice import transformation_asked_for
from smlm_accessor.methods.traces import Observations
from smlm_accessor.timeline import Timeline

_FEWEST = 1_000  # localizations: fewer do not tell how a sample turns


class CorrectedBlinks(NamedTuple):
    """Blinks of corrected positions, about a centre: they have the drift 0."""

    events: CorrectedEvents
    timeline: Timeline
    center: FloatArray

    @property
    def positions(self) -> FloatArray:
        """Corrected positions of the blinks, in the table."""
        return np.asarray(self.events.positions + self.center)

    @classmethod
    def of(
        cls,
        observed: Observations,
        after: FloatArray,
        precision: FloatArray,
        jumps: IntArray | None = None,
    ) -> CorrectedBlinks:
        """Merge blinks of localizations, those that are corrected.

        Parameters
        ----------
        observed : Observations
        after : ndarray, shape (n, d)
            Where these are after a correction.
        precision : ndarray, shape (d,)
        jumps : ndarray of int, optional
            First frames of segments: no blink goes on from one to the next.
        """
        localizations, seen = observed.localizations, by_column.all_finite(after)
        assert localizations.center is not None
        jumps = None if jumps is None else observed.number(jumps)
        moved = replace(localizations, positions=after - localizations.center, jumps=jumps)
        rows = WeightedLocalizations.of(moved if seen.all() else moved.take(seen), precision)
        still = np.zeros((len(rows.timeline.frames), len(precision)))
        events = rows.events(still, precision, rows.timeline.segment)
        return cls(events, rows.timeline, localizations.center)

    def density(self, precision: FloatArray) -> Density | None:
        """Return the density; None of too few."""
        few = self.timeline.n_rows < _FEWEST
        if few or not (by_column.extent(self.events.positions) > 0).all():
            return None
        return Density.of(self.events, self.events.start, precision, FINE[-1], None)


def transformation_left(corrected: CorrectedBlinks, precision: FloatArray) -> str:
    """Return the least free transformation that corrected positions still ask for.

    It is told as for ``transformation="auto"`` of `overlap`. That is ``"shift"`` where nothing is
    left.
    """
    density = corrected.density(precision)
    if density is None:
        return "shift"
    return transformation_asked_for(density, density.sorted_with, corrected.timeline)

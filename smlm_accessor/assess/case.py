"""A table, and how to go from one chunk of a drift to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import is_partitioned
from smlm_accessor.correct import CorrectionByFrame, corrected_positions
from smlm_accessor.estimation.missing_z import as_judged
from smlm_accessor.estimation.sampling import sample_in_memory
from smlm_accessor.methods.traces import Observations
from smlm_accessor.models import Drift
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

#: Positions and frames in, corrected positions out.
Correction = Callable[[FloatArray, IntArray], FloatArray]
MOST_OF_DASK = 500_000  # localizations, all of a part of the field: enough for any verdict


def read_judged(
    table: pd.DataFrame, source: xr.Dataset, *, progress: bool
) -> tuple[pd.DataFrame, Localizations, Timeline]:
    """Return a table as a drift is judged by it, what is in it, and its frames.

    Raises `TableError` if it cannot be used.
    """
    table = as_judged(table, source)
    if is_partitioned(table):
        table = sample_in_memory(table, MOST_OF_DASK, progress=progress)
    localizations = read_localizations(table)
    finite = localizations.finite
    timeline = Timeline.of(localizations.frames[finite], n_rows=len(finite))
    timeline.require_enough(localizations.clock)
    return table, localizations, timeline


@dataclass(frozen=True)
class Case:
    """Localizations and the options of their correction, as in ``table.smlm.correct``."""

    localizations: Localizations
    by: str | None
    outside: str | None

    def corrected(self, drift: Drift, positions: FloatArray, frames: IntArray) -> FloatArray:
        """Return other positions of the same kind after a correction."""
        some = replace(self.localizations, positions=positions, frames=frames, uncertainty=None)
        return corrected_positions(some, drift, by=self.by, outside=self.outside)

    def by_frame(self, drift: Drift, frames: IntArray) -> tuple[Correction, Correction]:
        """Return the correction of some frames, increasing, and that which is `held`."""
        given = CorrectionByFrame.of(
            self.localizations, drift, frames, by=self.by, outside=self.outside
        )
        if self.by is None and self.outside in (None, "hold"):
            return given, given
        return given, self.held().by_frame(drift, frames)[0]

    def held(self) -> Case:
        """Return the case in which drift of any kind is held outside its frames."""
        return replace(self, by=None, outside="hold")


def before_and_after(correct: Correction, observed: Observations) -> tuple[FloatArray, FloatArray]:
    """Return positions of observations before and after a correction."""
    localizations = observed.localizations
    assert localizations.center is not None
    before = localizations.positions + localizations.center
    return before, correct(before, observed.frame(localizations.frames))

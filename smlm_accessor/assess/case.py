"""A table, and how to go from one chunk of a drift to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import is_partitioned
from smlm_accessor.correct import corrected_positions
from smlm_accessor.estimation.missing_z import as_judged
from smlm_accessor.estimation.sampling import sample_in_memory
from smlm_accessor.methods.traces import Observations
from smlm_accessor.models import Drift
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.timeline import Timeline

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

    def moved(self, drift: Drift, observed: Observations) -> tuple[FloatArray, FloatArray]:
        """Return positions of observations before and after a correction.

        Frames outside are held without a word: it was said before.
        """
        localizations = observed.localizations
        assert localizations.center is not None
        before = localizations.positions + localizations.center
        frames = observed.frame(localizations.frames)
        quiet = replace(self, outside=self.outside or "hold")
        return before, quiet.corrected(drift, before, frames)

    def held(self) -> Case:
        """Return the case in which drift of any kind is held outside its frames."""
        return replace(self, by=None, outside="hold")

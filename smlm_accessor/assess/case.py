"""A table, and how to go from one chunk of a drift to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.correct import corrected_positions
from smlm_accessor.methods.traces import Observations
from smlm_accessor.models import Drift
from smlm_accessor.table.localizations import Localizations


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

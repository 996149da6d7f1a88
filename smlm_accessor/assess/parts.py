"""Which frames share no structures with the rest once they are corrected."""

from __future__ import annotations

from dataclasses import replace

from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.case import Case
from smlm_accessor.methods.overlap.parts import Parts
from smlm_accessor.methods.traces import Observations
from smlm_accessor.models import Drift


def frames_apart(
    case: Case, drift: Drift, observed: Observations, precision: FloatArray
) -> list[tuple[float, float]]:
    """Return first and last frame of each part that is not connected with the largest one.

    It is told as for `Parts`, from the corrected positions.
    """
    localizations = observed.localizations
    assert localizations.center is not None
    before = localizations.positions + localizations.center
    frames = observed.frame(localizations.frames)
    after = case.quiet().corrected(drift, before, frames)
    ordered = replace(localizations, jumps=None)
    parts = Parts.of(ordered, before - after, precision, steps_end_parts=True)
    return parts.known.ranges(observed.frame(parts.timeline.frames))

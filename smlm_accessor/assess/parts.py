"""Which frames share structures with the rest once they are corrected."""

from __future__ import annotations

from dataclasses import replace

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.parts import Parts
from smlm_accessor.methods.traces import Observations


def frames_apart(
    observed: Observations, before: FloatArray, after: FloatArray, precision: FloatArray
) -> tuple[list[tuple[float, float]], bool]:
    """Return first and last frame of each part that is not connected with the largest one.

    It is told as for `Parts`, from positions before and after the correction. Also returned is
    whether windows know each other as well whatever the lag.
    """
    ordered = replace(observed.localizations, jumps=None)
    parts = Parts.of(ordered, before - after, precision, steps_end_parts=True)
    known = parts.known
    return known.ranges(observed.frame(parts.timeline.frames)), known.alike

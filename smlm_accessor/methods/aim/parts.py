"""Parts of the table that the coarse drift does not connect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.aim.fit import started
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.relocation import FrameDrift
from smlm_accessor.methods.coarse.tracker import Coarse
from smlm_accessor.methods.overlap.parts import Joined, Parts, with_parts_joined
from smlm_accessor.timeline import Timeline

# Precisions: windows that moved by less lie on the same structures as before.
_NEAR = 2.0


def joined_parts(
    localizations: ChunkedLocalizations, found: Coarse, precision: FloatArray
) -> tuple[Coarse, Parts]:
    """Return the coarse drift with parts laid on each other, and those that could not be.

    In windows and curves that reach from one part into the next, parts could not be told.
    """
    timeline = Timeline.of(localizations.frames, localizations.jumps)

    def align(last: Coarse | None, joined: Joined | None) -> tuple[Coarse, Parts]:
        now = found
        if last is not None and joined is not None:
            now = last.moved(FrameDrift(timeline, joined.shift), joined.jumps)
        start = now.in_frames(timeline)
        drift = np.where(now.is_lost(timeline)[:, None], np.nan, start.drift)
        known = replace(localizations, jumps=start.timeline.jumps)
        return now, Parts.of(known, drift[timeline.of_rows], precision)

    return with_parts_joined(align, timeline.frames)


def ending_with(parts: Parts, found: Coarse, localizations: ChunkedLocalizations) -> Coarse:
    """Return the coarse drift in windows none of which reaches from one part into the next."""
    if not len(parts.ends):
        return found
    timeline = Timeline.of(localizations.frames, localizations.jumps)
    at_rest = np.zeros((len(timeline.frames), localizations.positions.shape[1]))
    return found.moved(FrameDrift(timeline, at_rest), parts.ends)


def stays_near(motion: WindowDrift, found: Coarse, precision: FloatArray) -> bool:
    """Tell whether all windows are where the coarse drift put them: parts are what they were."""
    axes = np.flatnonzero(np.isfinite(precision) & (precision > 0))
    moved = (motion.drift - started(motion, found).drift)[motion.known][:, axes] / precision[axes]
    return bool((np.abs(moved) < _NEAR).all())

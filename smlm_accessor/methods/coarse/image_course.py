"""A course through the shifts of images, for a sample that nothing else follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.relocation import (
    PER_WINDOW,
    WINDOWS,
    FrameDrift,
    shifts_of_images,
)
from smlm_accessor.methods.coarse.tracker import Coarse, followed
from smlm_accessor.timeline import Timeline

_FEWEST = 3  # windows whose shift is found


def followed_by_images(
    sample: ChunkedLocalizations,
    precision: FloatArray,
    cell: FloatArray,
    found: Coarse,
    *,
    threads: int | None,
) -> Coarse:
    """Return what was followed, or what is after a course was taken off, if that is more.

    A molecule that comes back once or twice, and fast drift, leave too few molecules that a window
    shares with the next ones; but images of longer windows match, by structures that are much wider
    than a molecule. The course goes through their shifts along straight lines, over the first and
    the last, too.

    Parameters
    ----------
    sample : ChunkedLocalizations
    precision, cell : ndarray, shape (d,)
        ``cell`` is NaN along axes that tell nothing.
    found : Coarse
        What was followed so far.
    threads : int, optional
    """
    best, timeline = found, Timeline.of(sample.frames, sample.jumps)
    for k in WINDOWS:
        if len(sample.frames) <= PER_WINDOW * k:
            continue
        windows = timeline.evenly(min(k, len(timeline.frames)))
        shifts = shifts_of_images(sample, windows, threads)
        if shifts.by_chance or np.count_nonzero(shifts.valid) < _FEWEST:
            continue
        middle = windows.mean_frame[shifts.valid]
        drift = np.where(np.isfinite(cell), shifts.drift[shifts.valid], 0.0)
        course = interpolate(middle, drift, timeline.frames, kind="linear")
        start = FrameDrift(timeline, course)
        again = followed(start.removed(sample), precision, threads)
        if again.valid.mean() > best.valid.mean():
            best = again.after(start, windows.edges, cell, sample.jumps)
            best = replace(best, chosen={**best.chosen, "coarse_by_images": True})
    return best

"""A course through the shifts of images, for a sample that nothing else follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
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
    time = timeline.frames.astype(np.float64)
    for k in WINDOWS:
        if len(sample.frames) <= PER_WINDOW * k:
            continue
        windows = timeline.evenly(min(k, len(time)))
        shifts = shifts_of_images(sample, windows, threads)
        if shifts.by_chance or np.count_nonzero(shifts.valid) < _FEWEST:
            continue
        middle = windows.mean_frame[shifts.valid]
        drift = np.where(np.isfinite(cell), shifts.drift[shifts.valid], 0.0)
        course = np.stack([_line(time, middle, x) for x in drift.T], axis=1)
        start = FrameDrift(timeline, course)
        again = followed(start.removed(sample), precision, threads)
        if again.valid.mean() > best.valid.mean():
            best = again.after(start, windows.edges, cell, sample.jumps)
            best = replace(best, chosen={**best.chosen, "coarse_by_images": True})
    return best


def _line(time: FloatArray, known: FloatArray, values: FloatArray) -> FloatArray:
    """Return straight lines between values, the first and last one going on before and after."""
    slope = np.diff(values) / np.diff(known)
    segment = np.clip(np.searchsorted(known, time, side="right") - 1, 0, len(slope) - 1)
    return np.asarray(values[segment] + slope[segment] * (time - known[segment]))

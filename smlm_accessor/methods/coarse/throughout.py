"""The sample followed through all frames, over jumps of any length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.methods.coarse.from_pairs import JUDGED, better_of
from smlm_accessor.methods.coarse.relocation import FrameDrift, height, relocated
from smlm_accessor.methods.coarse.tracker import CELL, LADDER, Coarse, followed, nothing, sample_of
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.placing import BETWEEN
from smlm_accessor.methods.precision import telling_axes
from smlm_accessor.timeline import Timeline

_MOST, _NEAR = 0.5, 2.0  # of the windows; cells
_PASSES = 2  # relocations: the second one finds what the first could not see


def coarse(
    localizations: ChunkedLocalizations, precision: FloatArray, *, threads: int | None = None
) -> Coarse:
    """Follow the sample through all frames, also over jumps that are too far to be followed.

    Windows are followed from one to the next. Pooled ones, less this drift, are then registered
    onto all others at any shift, unless they lie on each other as they are; where they step, what
    is left is followed again. Of both, and the drift before, that with the highest log-density of
    localizations in the image of all counts; each jump has to gain more than chance. Of a sample
    that is lost most of the time, images may tell a course, see `followed_by_images`. Pairs of
    localizations may tell a more likely course, see `from_pairs`: it counts if what it leaves,
    followed again, stays where it is.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        Its chunks do not matter.
    precision : ndarray, shape (d,)
    threads : int, optional

    Returns
    -------
    Coarse
    """
    if not (np.isfinite(precision[:2]).all() and (precision[:2] > 0).all()):
        return nothing(localizations)
    sample = sample_of(localizations)
    cell = np.where(np.isfinite(precision) & (precision > 0), CELL * precision, np.nan)
    timeline = Timeline.of(sample.frames, sample.jumps)
    found = followed(sample, precision, threads)
    for _ in range(_PASSES):
        start = found.in_frames(timeline)
        moved = relocated(sample, start, found.is_lost(timeline), cell, threads=threads)
        if moved is None:
            break
        again = followed(moved.removed(sample), precision, threads, LADDER[:1])
        more = np.setdiff1d(moved.timeline.jumps, start.timeline.jumps)
        both = replace(moved, drift=moved.drift + again.in_frames(moved.timeline).drift)
        before, placed, after = (
            height(sample, drift, cell, threads) for drift in (start, moved, both)
        )
        cost = BETWEEN * of_a_blink(start, sample, precision, threads)
        if max(placed, after) - before <= cost * len(more):
            break
        if after > placed:
            found = again.after(moved, found.edges, cell, localizations.jumps)
        else:
            found = found.with_drift(moved)
    if np.mean(found.valid) < _MOST:
        from smlm_accessor.methods.coarse.image_course import followed_by_images

        found = followed_by_images(sample, precision, cell, found, threads=threads)
    course = better_of(sample, precision, found, threads=threads)
    if course is found or not course.valid.any() or len(sample.frames) < JUDGED:
        return course
    again = followed(course.in_frames(timeline).removed(sample), precision, threads)
    return course if _stays(again, cell) else found


def of_a_blink(
    drift: FrameDrift,
    localizations: ChunkedLocalizations,
    precision: FloatArray,
    threads: int | None = None,
) -> float:
    """Return how many localizations there are of a blink: these lie better or worse together."""
    along = telling_axes(localizations.positions, precision)
    rows = WeightedLocalizations.of(localizations.along(along), precision[along])
    some = drift.drift[:, along], precision[along], drift.timeline.segment
    events = rows.events(*some, threads=threads)
    return len(localizations.frames) / len(events.frame)


def _stays(again: Coarse, cell: FloatArray) -> bool:
    """Tell whether a sample whose drift was taken off can be followed, and stays where it is.

    Molecules that live for a short time lie on each other with a wrong drift, too.
    """
    if np.mean(again.valid) < _MOST:
        return False
    away = np.abs(again.drift[again.valid] - np.median(again.drift[again.valid], axis=0)) / cell
    return bool(np.mean((away[:, np.isfinite(cell)] < _NEAR).all(axis=1)) > _MOST)


def registered_coarsely(
    localizations: ChunkedLocalizations, precision: FloatArray, *, threads: int | None = None
) -> Registered:
    """Return the coarse drift as the drift of chunks that are its windows."""
    found = coarse(localizations, precision, threads=threads)
    return Registered(0.0 - found.drift, found.evidence, found.valid, edges=found.edges)

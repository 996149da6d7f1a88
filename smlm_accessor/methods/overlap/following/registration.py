"""New localizations, in the order of frames, registered onto a reference."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.correlation.global_shift import find_shift_at_any_scale
from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.following.course import Course
from smlm_accessor.methods.overlap.following.reference import Reference
from smlm_accessor.timeline import Windows

# Rounds with the kernel for drift that is known to a precision or two, and with the best one.
_ROUNDS = (2, 2)
# Of the usual information: new localizations that have less lie elsewhere, or on nothing.
_LOST = 0.4
_FARTHEST = 5.0  # precisions of a step: no kernel sees farther
_SIGNIFICANT = 6.0  # standard deviations of a shift that was found in images
_REACH = 3.0  # smoothings, by which it may be wrong
_EVENTS = 200_000  # of the reference, that are searched
_NONE = 1e-100  # instead of 0 in a denominator
_WINDOWS = 200  # before new ones, that tell where these are expected


class NewWindows(NamedTuple):
    """The windows of new localizations.

    ``time``, (k,), ``value`` and ``variance``, (k, d), and ``free``, (k,), are as in `Course`: the
    variance is infinite if they lie on nothing. ``first`` is the frame with which each begins,
    ``counts`` are its localizations, and ``quality`` is its information, over what it would be if
    the emitters were known.
    """

    time: FloatArray
    value: FloatArray
    variance: FloatArray
    free: BoolArray
    first: IntArray
    counts: IntArray
    quality: FloatArray


def register_new(
    localizations: ChunkedLocalizations,
    reference: Reference,
    course: Course,
    windows_length: float,
) -> NewWindows:
    """Return the drift of windows of new localizations.

    From where the trend through the course goes, windows take steps ``gradient / slope`` in the
    density of the reference, and a trend through old and new windows follows; so for a few rounds.
    The slope is that of events of the reference, times the weight of a window, and so is the
    information of a unit of curvature: single windows are too noisy to tell. If what is new lies
    elsewhere, the sample has jumped, by the shift at which images have most in common.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        New ones, in frames as those of the reference.
    reference : Reference
    course : Course
        Of the windows before.
    windows_length : float
        Frames.
    """
    rows = WeightedLocalizations.of(localizations, reference.precision)
    windows = rows.timeline.regular(windows_length)
    before = course.last(_WINDOWS)
    drift = before.at(rows.timeline.frames.astype(np.float64))
    usual = reference.usual.quality
    found, quality = _followed(rows, reference, before, windows, drift, jumped=False)
    if quality > _LOST * usual:
        return found
    shift = _searched(rows, reference, drift)
    if shift is not None:
        again, better = _followed(rows, reference, before, windows, drift + shift, jumped=True)
        if better > _LOST * usual:
            return again
    nothing = np.full_like(found.value, np.inf)
    return found._replace(variance=nothing)


def _followed(
    rows: WeightedLocalizations,
    reference: Reference,
    before: Course,
    windows: Windows,
    drift: FloatArray,
    *,
    jumped: bool,
) -> tuple[NewWindows, float]:
    """Return the windows, and their quality at the end."""
    usual, precision = reference.usual, reference.precision
    slope = np.maximum(usual.curvature[0], _NONE) / max(float(usual.weight[0]), _NONE)
    per_curvature = np.maximum(usual.curvature[0], _NONE) / np.maximum(usual.squared[0], _NONE)
    free = np.zeros(len(windows), np.bool_)
    free[0] = jumped
    time = windows.mean_frame
    for turn in range(sum(_ROUNDS)):
        fine = turn >= _ROUNDS[0]
        sums = reference.sums(rows, drift, windows, fine=fine)
        of_window = np.maximum(sums.weight, _NONE)[:, None] * slope
        if not fine:  # of a wide kernel the slope is another one
            total = sums.curvature.sum(axis=0) / max(float(sums.weight.sum()), _NONE)
            of_window *= np.maximum(total / slope, _NONE)
        step = np.clip(-sums.gradient / of_window, -_FARTHEST, _FARTHEST)
        value = windows.mean(drift) + precision * step
        variance = precision**2 / (per_curvature * of_window)
        seen = sums.weight > 1e-6 * sums.weight.mean()
        variance = np.where(seen[:, None], variance, np.inf)
        both = before.followed_by(time, value, variance, free)
        level, slopes, _ = both.smoothed()
        k = len(before)
        drift = np.stack(
            [windows.lines(*one) for one in zip(level[k:].T, slopes[k:].T, strict=True)], axis=1
        )
    information = np.maximum(sums.curvature * per_curvature, 0)[:, :2].mean(axis=1)
    of_windows = information / np.maximum(sums.events, _NONE)
    found = time, value, variance, free, windows.edges[:-1], windows.counts, of_windows
    return NewWindows(*found), sums.quality


def _searched(
    rows: WeightedLocalizations, reference: Reference, drift: FloatArray
) -> FloatArray | None:
    """Return by how far new localizations lie from where they are expected, None if unknown."""
    moving = rows.positions - drift[rows.frame]
    known = reference.positions[:: len(reference.positions) // _EVENTS + 1]
    found = find_shift_at_any_scale(
        known[:, :2], moving[:, :2], float(reference.precision[:2].mean())
    )
    if found.significance < _SIGNIFICANT:
        return None
    shift = np.zeros(drift.shape[1])
    shift[:2] = found.shift
    reach = _REACH * found.smoothing
    shift += shift_of_pairs(known, moving + shift, reference.precision, reach)
    return -shift

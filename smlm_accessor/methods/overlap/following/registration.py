"""New localizations, in the order of frames, registered onto a reference."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.correlation.global_shift import find_shift_at_any_scale
from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.following.course import Course
from smlm_accessor.methods.overlap.following.reference import Reference, Sums
from smlm_accessor.timeline import Windows

# Rounds with the kernel for drift that is known to a precision or two, and with the best one.
_ROUNDS = (2, 2)
# Of the usual information: new localizations that have less lie elsewhere, or on nothing.
_LOST = 0.4
_TOLD = 20.0  # information, in localizations at known emitters, by which that is told
_FARTHEST = 5.0  # precisions of a step: no kernel sees farther
_SIGNIFICANT = 6.0  # standard deviations of a shift that was found in images
_REACH = 3.0  # smoothings, by which it may be wrong
_EVENTS = 200_000  # of the reference, that are searched
_NONE = 1e-100  # instead of 0 in a denominator
_SHORTEST = 10.0  # windows of a run: with fewer, whether they lie on nothing is not told
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

    def cut(self, at: int) -> tuple[NewWindows, NewWindows]:
        """Return the windows before one, and those from it on."""
        before = [one[:at] for one in self]
        after = [one[at:] for one in self]
        return NewWindows._make(before), NewWindows._make(after)


def joined_localizations(
    earlier: ChunkedLocalizations, later: ChunkedLocalizations
) -> ChunkedLocalizations:
    """Return localizations and those after them, in one chunk."""
    both = earlier.uncertainty, later.uncertainty
    known = [one for one in both if one is not None]
    return replace(
        earlier,
        positions=np.concatenate([earlier.positions, later.positions]),
        frames=np.concatenate([earlier.frames, later.frames]),
        bounds=np.array([0, len(earlier.frames) + len(later.frames)]),
        uncertainty=np.concatenate(known) if len(known) == 2 else None,
    )


def register_in_runs(
    localizations: ChunkedLocalizations,
    reference: Reference,
    course: Course,
    windows_length: float,
    *,
    over_jumps: bool = True,
) -> NewWindows:
    """Return the windows of `register_new`, of runs of frames one after the other.

    A run is as long as the drift is expected to about a precision, which is as far as the density
    is seen, and has at least a few windows. What comes after a run that lies on nothing is one run.
    """
    found: list[NewWindows] = []
    while len(localizations.frames):
        k = len(localizations.frames)
        first, last = localizations.frames[[0, -1]].tolist()
        lost = found and np.isinf(found[-1].variance[-1]).any()
        if not lost:
            stop = first + _ahead(reference, course, windows_length, first, last)
            k = int(np.searchsorted(localizations.frames, stop))
            rest = int(np.searchsorted(localizations.frames, stop + _SHORTEST * windows_length))
            k = len(localizations.frames) if rest >= len(localizations.frames) else k
        run, localizations = (localizations.take(s) for s in (slice(0, k), slice(k, None)))
        if not k:
            continue
        new = register_new(run, reference, course, windows_length, over_jumps=over_jumps)
        new = _while_known(new, reference, course)
        course = course.followed_by(*new[:4])
        found.append(new)
    return NewWindows(*map(np.concatenate, zip(*found, strict=True)))


def _while_known(new: NewWindows, reference: Reference, course: Course) -> NewWindows:
    """Return the windows, of which those lie on nothing from where the trend is lost.

    Where it is not known to a precision, new localizations may lie on the wrong molecules.
    """
    std = course.last(_WINDOWS).followed_by(*new[:4]).smoothed().std[-len(new.time) :]
    lost = (std > reference.precision).any(axis=1)
    variance = np.where(np.logical_or.accumulate(lost)[:, None], np.inf, new.variance)
    return new._replace(variance=variance)


def _ahead(
    reference: Reference, course: Course, windows_length: float, first: int, last: int
) -> float:
    """Return for how many frames the trend is known to a precision, and at least a few windows."""
    before, ahead = course.last(_WINDOWS), [_SHORTEST * windows_length]
    while ahead[-1] < last - first:
        ahead.append(2 * ahead[-1])
    time = np.maximum(first + np.array(ahead), before.time[-1] + np.arange(1, len(ahead) + 1))
    nothing = np.zeros((len(ahead), len(reference.precision)))
    free = np.zeros(len(ahead), np.bool_)
    expected = before.followed_by(time, nothing, nothing + np.inf, free).smoothed()
    near = (expected.std[len(before) :] < reference.precision).all(axis=1)
    return ahead[max(int(np.count_nonzero(np.logical_and.accumulate(near))) - 1, 0)]


def register_new(
    localizations: ChunkedLocalizations,
    reference: Reference,
    course: Course,
    windows_length: float,
    *,
    over_jumps: bool = True,
) -> NewWindows:
    """Return the drift of windows of new localizations.

    From where the trend through the course goes, windows take steps ``gradient / slope`` in the
    density of the reference, and a trend through old and new windows follows; so for a few rounds.
    The slope is that of events of the reference, times the weight of a window, and so is the
    information of a unit of curvature: single windows are too noisy to tell.

    If all of what is new, or the last half or quarter of it, lies elsewhere, the sample has jumped,
    by the shift at which images have most in common; between the two frames where the weights of
    those before, without it, and of those after, with it, are largest. What lies on nothing has no
    drift.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        New ones, in frames as those of the reference.
    reference : Reference
    course : Course
        Of the windows before.
    windows_length : float
        Frames.
    over_jumps : bool
        Whether a jump is searched for; if not, what comes after it lies on nothing.
    """
    before = course.last(_WINDOWS)
    rows = WeightedLocalizations.of(localizations, reference.precision)
    frames = rows.timeline.frames
    drift = before.at(frames.astype(np.float64))
    windows = rows.timeline.regular(windows_length)
    found, sums = _followed(rows, reference, before, windows, drift, jumped=False)
    lost = _lost_from(sums, reference)
    if lost is None:
        return found
    first = int(windows.bounds[lost])  # of the frames
    shift = _searched(rows, reference, drift, first) if over_jumps else None
    if shift is not None:
        single = rows.timeline.regular(rows.timeline.unit)
        still, moved = (
            reference.sums(rows, one, single, fine=False).weight for one in (drift, drift + shift)
        )
        total = np.append(0.0, np.cumsum(still)) + np.append(np.cumsum(moved[::-1])[::-1], 0.0)
        jump = min(int(np.argmax(total)), len(frames) - 1)
        row = int(np.searchsorted(rows.frame, jump))
        parts = [localizations.take(part) for part in (slice(0, row), slice(row, None))]
        earlier, joined, summed = before, [], []
        for part, start, jumped in zip(parts, (drift, drift + shift), (False, True), strict=True):
            if not len(part.frames):
                continue
            some = WeightedLocalizations.of(part, reference.precision)
            at = start[np.isin(frames, some.timeline.frames)]
            own = some.timeline.regular(windows_length)
            one, sums = _followed(some, reference, earlier, own, at, jumped=jumped)
            earlier = earlier.followed_by(one.time, one.value, one.variance, one.free)
            joined.append(one)
            summed.append(sums)
        if _lost_from(Sums(*map(np.concatenate, zip(*summed, strict=True))), reference) is None:
            return NewWindows(*map(np.concatenate, zip(*joined, strict=True)))
    variance = found.variance.copy()
    variance[lost:] = np.inf
    return found._replace(variance=variance)


def _lost_from(sums: Sums, reference: Reference) -> int | None:
    """Return the window from which on localizations lie on nothing, None if they do not.

    That is told of all windows, and of the last that hold a half, or a quarter, of what all would
    tell, if that is enough to be told.
    """
    usual = reference.usual.quality
    after = np.cumsum(sums.events[::-1])[::-1]
    for part in (1.0, 0.5, 0.25):
        first = int(np.searchsorted(-after, -part * after[0]))
        some = Sums(*(one[first:] for one in sums))
        enough = float(some.events.sum()) * usual > _TOLD
        if enough and some.quality < _LOST * usual:
            return first
    return None


def _followed(
    rows: WeightedLocalizations,
    reference: Reference,
    before: Course,
    windows: Windows,
    drift: FloatArray,
    *,
    jumped: bool,
) -> tuple[NewWindows, Sums]:
    """Return the windows, and their sums at the end."""
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
    return NewWindows(*found), sums


def _searched(
    rows: WeightedLocalizations, reference: Reference, drift: FloatArray, first: int
) -> FloatArray | None:
    """Return by how much localizations from a frame on drifted more, None if nothing tells."""
    some = rows.frame >= first
    moving = rows.positions[some] - drift[rows.frame[some]]
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

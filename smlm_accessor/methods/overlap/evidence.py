"""Whether events lie on those of other times, or seem to by chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.kernels.windows.shares import local_shares
from smlm_accessor.methods.overlap.density import Density, OverlapSums
from smlm_accessor.timeline import Timeline, Windows

#: Precisions: what is known worse is not valid.
UNSURE = 3.0
# Windows that are judged: what is seen in shorter ones depends on those beside them.
_JUDGED = 125
#: Of the localizations of a window: if more lie on nothing, it is not valid.
MOST = 0.5
_AROUND = 5  # windows
_CLEARLY = 3.0  # standard deviations of chance
_LOST = 0.4  # of the usual quality, or share of true pairs: what little windows show is chance
#: Blocks of the field, or windows, effectively, that can be tested.
FEWEST = 8.0


def chance(sums: OverlapSums) -> FloatArray:
    """Return the probability of so much curvature by chance, for each component, shape (d,).

    Without structure, the curvature of the density at an event is 0 on average. Let ``C`` be the
    curvature in a block of the field and ``W`` the weight of its events. The sum of ``C``, over its
    standard error from the residuals ``C - W * sum(C) / sum(W)``, has Student's t distribution. The
    same holds for windows in time instead of blocks of the field, with an error that is larger by
    the root of two, for a pair of events adds to two windows. Structure that differs over the
    field, or fades with time, makes one of both tests too cautious, so the smaller probability
    counts, twice. Where neither is possible, since the user asked for a few chunks of a small
    field, the sign of the sum decides.

    The border of a field that is full of background is structure, too.
    """
    tests = [
        (sums.block_events, sums.block_curvature, 1.0),
        (sums.events, sums.curvature, 2.0),
    ]
    found = [
        chance_of_sum(events, curvature, factor)
        for events, curvature, factor in tests
        if effective_number(events) >= FEWEST
    ]
    if not found:
        return np.where(sums.curvature.sum(axis=0) > 0, 0.0, 1.0)
    return np.asarray(np.minimum(len(found) * np.min(found, axis=0), 1.0))


def lost(quality: FloatArray, duration: IntArray) -> BoolArray:
    """Tell where window after window may lie on nothing: drift may be wrong there.

    Quality is averaged over what is near, by the frames of each window: those beside a jump have a
    single one. Where there is more background, some of these windows show something, see `silent`.
    """
    if len(quality) < 10 * _AROUND:
        return np.zeros(len(quality), dtype=np.bool_)

    frames = duration.astype(np.float64)
    around = _near(quality * frames) / np.maximum(_near(frames), 1)
    return np.asarray(around < _LOST * np.median(around))


def share_of(sums: OverlapSums) -> FloatArray:
    """Return curvature per responsibility, of as many windows as are alike, shape (n_windows,).

    It is the part of the pairs that are of one molecule; 0 where nothing is seen.
    """
    return local_shares(sums.curvature[:, :2].mean(axis=1), sums.weight)


def silent(sums: OverlapSums, share: FloatArray) -> BoolArray:
    """Tell which windows show nothing together with those near them, shape (n_windows,).

    What they seem to show is chance, and would hold the trend at the wrong position. The share of
    true pairs is averaged over windows near each other, by their responsibilities; it is compared
    with that of as many windows as are alike, for there may be more background at some times.
    """
    weight = sums.weight
    if len(weight) < 10 * _AROUND or not share.any():  # none is told from others
        return np.zeros(len(weight), dtype=np.bool_)
    around = _near(sums.curvature[:, :2].mean(axis=1))
    return np.asarray((around <= _LOST * share * _near(weight)) | (share == 0), dtype=np.bool_)


def _near(values: FloatArray) -> FloatArray:
    """Return sums over windows near each other."""
    return np.convolve(np.pad(values, _AROUND // 2, mode="edge"), np.ones(_AROUND), "valid")


def lies_on_nothing(quality: FloatArray, events: FloatArray, seen: BoolArray) -> BoolArray:
    """Tell which windows are in a run of some that were not seen, and lie on nothing together.

    Their information ``quality * events``, summed, is no more than chance makes it, and less than
    the usual quality would make it: both by Student's t, with the standard error from the windows,
    and from events that lie on something or not. Nothing is left of the sample, or it went
    elsewhere. Before a far jump, the sample may have been seen less and less: of a run at the
    beginning or the end, a part that goes on to there may do so by itself, if it has less than the
    quality of the rest would make it: the clearest one. Windows that were seen count with those
    around them if all to an end are lost together.
    """
    result, usual = np.zeros(len(seen), dtype=np.bool_), float(np.median(quality))
    for run in _with_ends(runs(~seen), quality, events):
        windows = run[::-1] if run[0] == 0 else run  # those at the end of the movie are the last
        at_an_end = windows[-1] in (0, len(seen) - 1)
        begin = _begin_of_nothing(quality[windows], events[windows], usual, parts=at_an_end)
        lies = windows[begin:]
        if at_an_end and len(lies):
            lies = _without_what_is_seen(lies, quality, events)
        result[lies] = True
    return result


def _with_ends(found: list[IntArray], quality: FloatArray, events: FloatArray) -> list[IntArray]:
    """Return runs of windows, and those from a run on to an end of the movie, if they are lost.

    A few pairs by chance are the whole quality of a window near the end, where little is seen. So
    all from the run on count together: the longest that has less than so much of the usual quality.
    """
    information, every = quality * events, np.arange(len(quality))
    least = _LOST * float(np.median(quality))
    for longest_first in (
        [every[run[0] :] for run in found],
        [every[: run[-1] + 1] for run in reversed(found)],
    ):
        for part in longest_first:
            if information[part].sum() < least * events[part].sum():
                found = [*found, part]
                break
    return found


def _begin_of_nothing(quality: FloatArray, events: FloatArray, usual: float, *, parts: bool) -> int:
    """Return from which window of a run on all lie on nothing; their number if none does.

    It is the first one, or, of ``parts``, the one from which on this is clearest.
    """

    def left(values: FloatArray) -> FloatArray:
        return np.cumsum(values[::-1])[::-1]

    # A run may have thousands of windows: all its parts at once, by sums of what is left.
    information, of_events = quality * events, left(events)
    total, before = left(information), np.full(len(events), usual)
    some = np.cumsum(events)[:-1] > 0
    before[1:][some] = (np.cumsum(information)[:-1][some]) / np.cumsum(events)[:-1][some]
    n = of_events**2 / np.maximum(left(events**2), 1e-300)
    square = left(np.maximum(information**2, usual**2 * events))
    freedom = np.maximum(n - 1, 1e-9)
    error = np.maximum(np.sqrt(n / freedom * square), 1e-300)
    more = stdtr(freedom, -total / error)
    less = stdtr(freedom, (total - before * of_events) / error)
    may = (n > 1) & (more > FALSE_ALARM)
    some_do = may & (less < FALSE_ALARM / len(events))
    if parts and some_do.any() and not some_do[0]:
        return int(np.where(some_do, less, np.inf).argmin())
    return 0 if may[0] and less[0] < FALSE_ALARM else len(events)  # the whole run is one test


def _without_what_is_seen(part: IntArray, quality: FloatArray, events: FloatArray) -> IntArray:
    """Return a part of windows without those at its begin that lie on something, after all.

    Of a quality that is constant there and 0 afterwards, these windows have the largest likelihood;
    they are left out if that is clear beside the scatter about it.
    """
    information, weight = quality[part] * events[part], np.maximum(events[part], 1e-9)
    total, of_events = np.cumsum(information), np.cumsum(weight)
    gain = np.maximum(total, 0.0) ** 2 / of_events
    k = int(gain.argmax()) + 1
    left = information.copy()
    left[:k] -= weight[:k] * total[k - 1] / of_events[k - 1]
    by_chance = (left**2).sum() / of_events[-1]
    return part[k:] if gain[k - 1] > _CLEARLY**2 * by_chance else part


class Judged(NamedTuple):
    """Windows so long that what is seen in one does not depend on those beside it, and their sums.

    ``nothing``, shape (n_frames,), tells in which frames localizations lie on nothing.
    """

    windows: Windows
    sums: OverlapSums
    nothing: BoolArray

    @property
    def ends_on_nothing(self) -> BoolArray:
        """Tell which frames lie on nothing, and all before or all after them, shape (n_frames,).

        The window beside is one of them, for the sample may have left in it. In between, an emitter
        that is on for long may be most of what is seen for a while.
        """
        bounds, seen = self.windows.bounds, np.flatnonzero(~self.nothing[self.windows.bounds[:-1]])
        result = np.zeros_like(self.nothing)
        if not len(seen):
            return ~result
        if seen[0] > 0:
            result[: bounds[seen[0] + 1]] = True
        if seen[-1] < len(bounds) - 2:
            result[bounds[seen[-1]] :] = True
        return result


def judged(density: Density, drift: FloatArray, timeline: Timeline, *, every: int = 1) -> Judged:
    """Judge whether localizations lie on structures; ``every`` as in `Density.sums`."""
    windows = timeline.evenly(_JUDGED)
    sums = density.sums(drift, windows, every=every)
    nothing = lies_on_nothing(sums.quality, sums.events, ~lost(sums.quality, windows.duration))
    return Judged(windows, sums, nothing[windows.of_frame])


def chance_of_sum(weight: FloatArray, values: FloatArray, factor: float = 1.0) -> FloatArray:
    """Return the probability, for each column, that a sum as large is chance, shape (d,).

    ``values``, shape (n, d), are those of blocks of some ``weight``. The variance of their sum is
    that of their residuals, times ``factor``.
    """
    n, total = effective_number(weight), values.sum(axis=0)
    residuals = values - weight[:, None] * (total / weight.sum())
    error = np.sqrt(factor * n / (n - 1) * (residuals**2).sum(axis=0))
    return np.asarray(stdtr(n - 1, -total / np.maximum(error, 1e-300)))

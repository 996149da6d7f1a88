"""Pooled windows registered onto all others at any shift: what following cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.field.shared_cells import lie_on_each_other
from smlm_accessor.kernels.time_series.change_point import change_points
from smlm_accessor.kernels.time_series.steps import runs
from smlm_accessor.methods.aim.sparse_image import Image, Kernel, WindowDrift, log_density_sums
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.checks import kernel_of
from smlm_accessor.methods.coarse.jump_frames import WIDTH
from smlm_accessor.methods.overlap.jumps.placing import BETWEEN
from smlm_accessor.timeline import Timeline, Windows

if TYPE_CHECKING:
    from smlm_accessor.methods.image_series.window_shifts import WindowShifts

#: Windows, as many as tell their shifts: a jump is near an edge of one, but each has to hold so
#: many localizations to be found among all shifts.
WINDOWS, PER_WINDOW, _FEWEST = (24, 12, 6), 50, 3
_PIXELS = 2**15  # of their padded images: twice and half as many find the same jumps
# Times the usual step between windows: of Gaussian errors, one in a thousand is as large.
_UNUSUAL = 5.0
# Windows that lie on all others nearly as well as on those beside them are nowhere else. In 113
# tables it was at most 0.35 times as well where images found steps that helped, and 0.84 to 1 in
# half of the others. Those that are displaced by so many cells lie there by chance.
_NEARLY, _AWAY = 0.8, 9


@dataclass(frozen=True)
class FrameDrift:
    """Drift of the frames of a timeline, shape (n_frames, d); its jumps are the timeline's."""

    timeline: Timeline
    drift: FloatArray

    def removed(self, localizations: ChunkedLocalizations) -> ChunkedLocalizations:
        """Return the localizations, in the order of frames, without the drift."""
        positions = np.repeat(self.drift, self.timeline.counts, axis=0)
        np.subtract(localizations.positions, positions, out=positions)
        return replace(localizations, positions=positions, jumps=self.timeline.jumps)


@dataclass(frozen=True)
class Steps:
    """How far windows lie from each other: the same between two steps.

    Parameters
    ----------
    windows : Windows
    registered : ndarray of int, shape (n,)
        Numbers of the windows whose shift is known.
    begins : ndarray of int, shape (m,)
        Which of these are the first of a level.
    level : ndarray, shape (m, d)
    """

    windows: Windows
    registered: IntArray
    begins: IntArray
    level: FloatArray

    @classmethod
    def of(
        cls,
        windows: Windows,
        registered: IntArray,
        shift: FloatArray,
        variance: FloatArray,
        least: FloatArray,
    ) -> Steps:
        """Find where shifts step by more than ``least``, and unusually far for their variances.

        Shifts and variances have the shape (n, d). Only ratios of variances matter.
        """
        step = np.abs(np.diff(shift, axis=0))
        error = np.sqrt(variance[1:] + variance[:-1])
        usual = error * np.median(step / error, axis=0)
        far = (step > np.maximum(least, _UNUSUAL * usual)).any(axis=1)
        begins = np.append(0, np.flatnonzero(far) + 1)
        level = [np.median(part, axis=0) for part in np.split(shift, begins[1:])]
        return cls(windows, registered, begins, np.stack(level))

    def ranges(self) -> Iterator[tuple[range, slice]]:
        """Yield levels between which there are steps near each other, and the frames of these.

        These are all frames of the windows beside the steps, as a slice of the timeline. A level of
        a single window may be a mean over both sides of a jump that it holds.
        """
        n, bounds = len(self.begins), self.windows.bounds
        last = np.append(self.begins[1:], len(self.registered)) - 1
        before = 0
        for after in range(1, n):
            if after == n - 1 or last[after] > self.begins[after]:
                start = bounds[self.registered[last[before]]]
                stop = bounds[self.registered[self.begins[after]] + 1]
                yield range(before, after + 1), slice(int(start), int(stop))
                before = after


def relocated(
    localizations: ChunkedLocalizations,
    start: FrameDrift,
    lost: BoolArray,
    cell: FloatArray,
    *,
    threads: int | None,
) -> FrameDrift | None:
    """Register pooled windows, less the drift so far, onto all others; None if nothing steps.

    Nothing is registered if windows lie on each other already, see `lie_on_each_other`. Their
    shifts are found by correlation, among all up to half of the field. Where they step by more than
    a cell the sample jumps; the drift before and after is moved by the median shift. If they do
    not, runs of frames that are lost are looked for in all others, as a whole.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        In the order of frames; their jumps are known.
    start : FrameDrift
    lost : ndarray of bool, shape (n_frames,)
        Where there is no drift so far.
    cell : ndarray, shape (d,)
        NaN along axes that tell nothing.
    threads : int, optional
    """
    still, timeline = start.removed(localizations), start.timeline
    apart = timeline.with_jumps(np.union1d(timeline.jumps, timeline.frames[1:][np.diff(lost)]))
    many = apart.evenly(WINDOWS[0])
    if not lost.any() and _lie_on_each_other(still.positions, many, cell):
        return None
    steps = None
    for k in WINDOWS:
        if steps is None and len(still.frames) > PER_WINDOW * k:
            steps = _steps_by_images(still, apart.evenly(k), cell, threads)
    moved = place(localizations, start, steps, cell, threads)
    if moved is None and lost.any() and not lost.all():
        steps = _steps_of_lost(still, many, lost, cell)
        moved = place(localizations, start, steps, cell, threads)
    return moved


def _lie_on_each_other(positions: FloatArray, windows: Windows, cell: FloatArray) -> bool:
    axes, of_row = slice(np.isfinite(cell).sum()), windows.of_frame.repeat(windows.timeline.counts)
    in_cells = positions[:, axes] / cell[axes]  # along z nothing may be told
    return lie_on_each_other(in_cells, of_row, windows.counts, _AWAY, _NEARLY)


def _steps_by_images(
    still: ChunkedLocalizations, windows: Windows, cell: FloatArray, threads: int | None
) -> Steps | None:
    """Return the steps between the shifts of the images of windows; None if these tell nothing."""
    found = shifts_of_images(still, windows, threads)
    registered = np.flatnonzero(found.valid)
    if found.by_chance or len(registered) < _FEWEST:
        return None
    told = np.isfinite(cell)
    shift = np.where(told, found.drift[registered], 0.0)
    variance = np.where(told, found.variance[registered], 1.0)
    size = np.nan_to_num(cell)
    steps = Steps.of(windows, registered, shift, variance, size)
    erratic = (np.median(np.abs(np.diff(shift, axis=0)), axis=0) > size).any()
    return None if erratic and len(steps.level) == 1 else steps


def shifts_of_images(
    localizations: ChunkedLocalizations, windows: Windows, threads: int | None
) -> WindowShifts:
    """Return how far the images of windows lie from each other."""
    from smlm_accessor.methods.image_series.window_shifts import search_window_shifts

    bounds = np.searchsorted(localizations.frames, windows.edges)
    return search_window_shifts(
        replace(localizations, bounds=bounds, edges=windows.edges, uncertainty=None),
        bin_size=None,
        max_shift=None,
        threads=threads,
        progress=False,
        pixels=_PIXELS,
    )


def _steps_of_lost(
    still: ChunkedLocalizations, windows: Windows, lost: BoolArray, cell: FloatArray
) -> Steps | None:
    """Return the steps at the ends of runs of lost frames that are found; None if none is."""
    from smlm_accessor.kernels.correlation.site_differences import find_site_shift

    axes = np.flatnonzero(np.isfinite(cell))
    positions = still.positions[:, axes]
    of_row = lost[windows.timeline.of_rows]
    lost_window = lost[windows.bounds[:-1]]
    shift = np.zeros((len(windows), len(cell)))
    registered = ~lost_window
    for run in runs(lost_window):
        rows = slice(*np.searchsorted(still.frames, windows.edges[[run[0], run[-1] + 1]]))
        found = find_site_shift(positions[~of_row], positions[rows], cell[axes])
        elsewhere = (np.abs(found.shift) > cell[axes]).any()
        if elsewhere and found.chance < FALSE_ALARM:
            shift[np.ix_(run, axes)] = found.shift
            registered[run] = True
    if not (registered & lost_window).any():
        return None
    numbers = np.flatnonzero(registered)
    begins = np.flatnonzero(np.diff(lost_window[numbers], prepend=~lost_window[numbers[0]]))
    return Steps(windows, numbers, begins, shift[numbers[begins]])


def place(
    localizations: ChunkedLocalizations,
    start: FrameDrift,
    steps: Steps | None,
    cell: FloatArray,
    threads: int | None,
) -> FrameDrift | None:
    """Return the drift moved by the levels, each from the frame on at which it begins.

    None if there is one level only, also in the end.

    It is the change point of the log-density, summed over localizations, of those that are not in
    windows beside a step. At a jump that is known, there is nothing to look for.
    """
    if steps is None or len(steps.level) == 1:
        return None
    timeline = start.timeline
    still = start.removed(localizations).positions
    of_frame = _nearest_level(steps)
    ranges = list(steps.ranges())
    beside = np.zeros(len(timeline.frames), bool)
    for _, frames in ranges:
        beside[frames] = True
    of_rows = timeline.of_rows
    certain = ~beside[of_rows]
    density = _Density.of(still[certain] - steps.level[of_frame[of_rows[certain]]], cell)
    known = np.searchsorted(timeline.frames, _none_if_missing(localizations.jumps))
    jumps = [j for j in np.searchsorted(timeline.frames, timeline.jumps) if not beside[j]]
    for levels, frames in ranges:
        inside = known[(known > frames.start) & (known < frames.stop)]
        if len(inside):
            found = [(0, 0), (len(levels) - 1, int(inside[0]) - frames.start)]
        else:
            first, stop = np.searchsorted(of_rows, [frames.start, frames.stop])
            row = of_rows[first:stop] - frames.start
            gain = [
                density.log_sums(still[first:stop] - steps.level[k], row, threads) for k in levels
            ]
            # Of a level of a single window, at either end, nothing is certain.
            ends = {
                "first": None if levels[0] == 0 and steps.begins[1] == 1 else 0,
                "last": None if steps.begins[levels[-1]] == len(steps.registered) - 1 else -1,
            }
            found = change_points(np.stack(gain), BETWEEN, **ends)
        for state, begins in found:
            of_frame[frames.start + begins : frames.stop] = levels[state]
            jumps += [frames.start + begins] if begins else []
    if not np.ptp(of_frame):
        return None
    jumps = [j for j in np.union1d(jumps, known).astype(int) if 0 < j < len(of_frame)]
    return FrameDrift(
        timeline.with_jumps(timeline.frames[jumps]), start.drift + steps.level[of_frame]
    )


def height(
    localizations: ChunkedLocalizations, drift: FrameDrift, cell: FloatArray, threads: int | None
) -> float:
    """Return the log-density of localizations in the image of all, less their drift."""
    still = drift.removed(localizations).positions
    sums = _Density.of(still, cell).log_sums(still, np.zeros(len(still), np.int64), threads)
    return float(sums.sum())


def _nearest_level(steps: Steps) -> IntArray:
    """Return the level of each frame, that of the window before where it is not known."""
    numbers = np.searchsorted(steps.begins, np.arange(len(steps.registered)), side="right") - 1
    before = np.searchsorted(steps.registered, steps.windows.of_frame, side="right") - 1
    return np.asarray(numbers[np.maximum(before, 0)])


def _none_if_missing(jumps: IntArray | None) -> IntArray:
    return np.empty(0, np.int64) if jumps is None else jumps


@dataclass(frozen=True)
class _Density:
    """The density of localizations, in cells of a sparse image."""

    image: Image
    kernel: Kernel

    @classmethod
    def of(cls, positions: FloatArray, cell: FloatArray) -> _Density:
        """Count localizations, shape (n, d); ``cell`` is NaN along axes that do not count."""
        edge = np.append(cell, np.nan)[:3]
        scale = np.where(np.isfinite(edge), 1 / np.where(np.isfinite(edge), edge, 1.0), 0.0)
        image = Image(scale)
        frames = np.zeros(len(positions), np.int64)
        if len(frames):
            whole = WindowDrift.at_rest(frames, np.array([0, 1]))
            image.add((np.ascontiguousarray(positions), frames), whole)
        return cls(image, kernel_of(scale, WIDTH))

    def log_sums(self, positions: FloatArray, row: IntArray, threads: int | None) -> FloatArray:
        """Return ``sum(log(1 + density / background))`` over the localizations of each row.

        Parameters
        ----------
        positions : ndarray, shape (n, d)
        row : ndarray of int, shape (n,)
            Not decreasing, from 0 to the last, none left out.
        threads : int, optional
        """
        each = WindowDrift.at_rest(row, np.arange(int(row[-1]) + 2))
        arrays = np.ascontiguousarray(positions), row
        return log_density_sums(arrays, each, self.image, self.kernel, threads)

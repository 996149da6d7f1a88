"""Jumps that are too far to be followed: what comes after is moved back before anything else."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.time_series.change_point import change_point
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.sampling import sampled
from smlm_accessor.timeline import Timeline, Windows

_WINDOWS, _PIXELS = 24, 2**14
_PER_WINDOW = 100  # localizations, at least
_SAMPLE = 100_000  # localizations
_FAR = (20.0, 20.0, 4.0)  # cells; along z, structures are about as thick as that
_UNUSUAL = 5.0  # usual steps
_CELL = 2.0  # times the cell, where localizations are looked for


class Pieces(NamedTuple):
    """Parts of the movie, and how far each lies from the first.

    ``jumps``, shape (m,), are the first frames of all but the first; ``shift`` is (m + 1, d).
    """

    jumps: IntArray
    shift: FloatArray

    def at(self, frames: IntArray | FloatArray) -> FloatArray:
        """Return the shift of each frame, shape (n, d)."""
        return np.asarray(self.shift[np.searchsorted(self.jumps, frames, side="right")])

    def removed(self, localizations: ChunkedLocalizations) -> ChunkedLocalizations:
        """Return the localizations with the pieces moved onto each other."""
        known = (
            self.jumps
            if localizations.jumps is None
            else np.union1d(self.jumps, localizations.jumps)
        )
        positions = localizations.positions - self.at(localizations.frames)
        return replace(localizations, positions=positions, jumps=known)


def far_pieces(
    localizations: ChunkedLocalizations, cell: FloatArray, *, threads: int | None
) -> Pieces | None:
    """Return the parts of the movie between far jumps; None if there are none.

    Images of windows of time are correlated, so it does not matter how far, up to half the field.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        Known jumps are at their frames; others are looked for.
    cell : ndarray, shape (d,)
        Edges of the cells in which localizations are followed; NaN along an axis without extent.
    threads : int, optional
    """
    from smlm_accessor.methods.image_series.window_shifts import search_window_shifts

    positions, frames = sampled(localizations, _SAMPLE)
    localizations = replace(localizations, positions=positions, frames=frames, uncertainty=None)
    timeline = Timeline.of(localizations.frames, localizations.jumps)
    k = int(np.clip(len(localizations.frames) / _PER_WINDOW, 4, _WINDOWS))
    windows = timeline.evenly(k)
    bounds = np.searchsorted(localizations.frames, windows.edges)
    found = search_window_shifts(
        replace(localizations, bounds=bounds, edges=windows.edges),
        bin_size=None,
        max_shift=None,
        threads=threads,
        progress=False,
        pixels=_PIXELS,
    )
    valid = np.flatnonzero(found.valid)
    if len(valid) < 2:
        return None
    steps = np.diff(found.drift[valid], axis=0)
    size = np.abs(steps / np.where(cell > 0, cell, np.inf))
    least = np.maximum(_FAR[: size.shape[1]], _UNUSUAL * np.median(size, axis=0))
    far = np.flatnonzero((size > least).any(axis=1))
    jumps: list[int] = []
    shifts = [np.zeros(found.drift.shape[1])]
    for at in far:
        before, after = int(valid[at]), int(valid[at + 1])
        step = steps[at]
        jumps.append(_frame_of(localizations, windows, (before, after), (shifts[-1], step), cell))
        shifts.append(shifts[-1] + step)
    return _ordered(jumps, shifts) if jumps else None


def _ordered(jumps: list[int], shifts: list[FloatArray]) -> Pieces:
    """Return pieces; of jumps at the same frame, what is after the last of them."""
    at, last = np.unique(jumps[::-1], return_index=True)
    index = np.append(0, len(jumps) - last)
    return Pieces(at.astype(np.int64), np.array(shifts)[index])


def _frame_of(
    localizations: ChunkedLocalizations,
    windows: Windows,
    pair: tuple[int, int],
    moved: tuple[FloatArray, FloatArray],
    cell: FloatArray,
) -> int:
    """Return the first frame after a jump: before, localizations lie where others were before."""
    i, j = pair
    known = windows.timeline.known_jump(int(windows.edges[i]), int(windows.edges[j + 1]))
    if known is not None:
        return known
    edges = windows.edges
    # The two windows next to the jump are sharp where they are pure.
    around = np.array(
        [edges[max(i - 3, 0)], edges[i], edges[j + 1], edges[min(j + 4, len(edges) - 1)]]
    )
    a, b, c, d = np.searchsorted(localizations.frames, around)
    size = np.where(cell > 0, _CELL * cell, np.inf)
    step = moved[1]
    before = localizations.positions[a:b]
    after = localizations.positions[c:d] - step
    places = np.concatenate([before, after])
    asked = localizations.positions[b:c]
    stays = _near(asked, places, size)
    goes = _near(asked - step, places, size)
    frames = localizations.frames[b:c]
    at = change_point(stays.astype(float) - goes)
    return int(frames[min(at, len(frames) - 1)])


def _near(localizations: FloatArray, places: FloatArray, size: FloatArray) -> BoolArray:
    """Tell which points are in a cell, or next to one, that has any of the places."""
    axes = np.flatnonzero(np.isfinite(size))
    origin = places[:, axes].min(axis=0, initial=np.inf)

    def keys(values: FloatArray, by: float) -> IntArray:
        cells = np.floor((values[:, axes] - origin) / size[axes] + by).astype(np.int64)
        return np.asarray(cells @ (1_000_003 ** np.arange(len(axes))))

    near = np.zeros(len(localizations), dtype=bool)
    for by in (0.0, 0.5):
        near |= np.isin(keys(localizations, by), keys(places, by))
    return near

"""Find beads, and their localizations in every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.beads.tracks import find_spots, follow
from smlm_accessor.kernels.time_series.interpolation import interpolate
from smlm_accessor.timeline import Timeline

# Frames of a window in which a bead is looked for.
_WINDOW = 32
_FEWEST_WINDOWS = 8
# Sizes of a spot in localization precisions. Where the sample moves fast, it is blurred.
SIZES = (10.0, 25.0, 60.0)
# With so many beads there is no need for a larger spot.
ENOUGH = 3
FEWEST_FRAMES = 10
T = TypeVar("T")


class Beads(NamedTuple):
    """Localizations of beads.

    ``row`` and ``bead``, shape (n,), say which localization is of which bead, in the order of
    frames; ``presence`` and ``start`` (b,), (b, 2) are the part of the frames in which each is
    seen, and where it is in the beginning; ``size`` is that of a spot.
    """

    row: IntArray
    bead: IntArray
    presence: FloatArray
    start: FloatArray
    size: float


def find_beads(
    xy: FloatArray,
    timeline: Timeline,
    precision: float,
    *,
    given: FloatArray | None,
    radius: float | None,
    presence: float,
) -> Beads:
    """Return the beads that are seen in enough of the frames, or those that are given.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        In the order of frames.
    timeline : Timeline
    precision : float
        Of a localization, in x and y.
    given : ndarray, shape (b, 2), optional
        Where beads are in the beginning.
    radius : float, optional
        How far from where it is expected a localization of a bead may be.
    presence : float
        Part of the frames in which a bead is seen at least.
    """
    none = Beads(np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 2)), 0.0)
    if len(timeline.frames) < FEWEST_FRAMES:
        return none
    return by_size(
        lambda size: _find(xy, timeline, size, given, presence),
        none,
        lambda beads: len(beads.presence),
        enough=ENOUGH if given is None else len(given),
        sizes=[2 * radius] if radius is not None else [s * precision for s in SIZES],
    )


def by_size(
    find: Callable[[float], T],
    none: T,
    number: Callable[[T], int],
    *,
    enough: int,
    sizes: Sequence[float],
) -> T:
    """Return what has most beads, of spots of several sizes; larger ones only if they are needed.

    Parameters
    ----------
    find : callable
        Takes the size of a spot.
    none : object
        What there is if nothing is found.
    number : callable
        Takes what was found, and returns how many beads that is.
    enough : int
        Beads.
    sizes : sequence of float
        Those that are no positive lengths are left out.
    """
    best = none
    for size in sizes:
        if not 0 < size < np.inf:
            continue
        found = find(size)
        if number(found) > number(best):
            best = found
        if number(best) >= enough:
            break
    return best


def windows_of(n_frames: int) -> IntArray:
    """Return the window in which each frame is looked at, shape (n_frames,)."""
    length = min(_WINDOW, max(n_frames // _FEWEST_WINDOWS, 5))
    return np.arange(n_frames) // length


def _find(
    xy: FloatArray, timeline: Timeline, size: float, given: FloatArray | None, presence: float
) -> Beads:
    m = len(timeline.frames)
    of_frame = windows_of(m)
    n_frames = np.bincount(of_frame)
    frame = timeline.of_rows
    spots = find_spots(xy, frame, of_frame[frame], n_frames, size)
    # The last window may be short, and what is rarely missing is missing here and there.
    enough = 0.9 * presence if given is None else 0.0
    tracks = follow(spots, len(n_frames), size, presence=enough, given=given)
    # Where beads are in windows without any is not known, and not needed.
    kept = long_enough(tracks.seen, n_frames, presence, given=given is not None)
    start = tracks.start[kept]
    if not len(start):
        return Beads(np.zeros(0, int), np.zeros(0, int), np.zeros(0), start, size)
    middle = np.bincount(of_frame, weights=np.arange(m)) / n_frames
    seen = tracks.seen[:, kept].any(axis=1)
    drift = interpolate(middle[seen], tracks.drift[seen], np.arange(m, dtype=float), kind="linear")
    # Close to a jump, a localization may still be where the beads were, or already where they go.
    steps = tracks.drift[np.clip([of_frame - 1, of_frame, of_frame + 1], 0, len(n_frames) - 1)]
    choices = [drift, *steps] if _jumps(tracks.drift[seen], size) else [drift]
    distances = _distances(xy, frame, start, choices)
    rows, beads = nearest_in_each_frame(distances, frame, size / 2)
    count = np.bincount(beads, minlength=len(start))
    part = count / m
    good = part >= (presence if given is None else 0.0)
    number = np.cumsum(good) - 1
    of_good = good[beads]
    return Beads(rows[of_good], number[beads[of_good]], part[good], start[good], size)


def long_enough(seen: BoolArray, n_frames: IntArray, presence: float, *, given: bool) -> BoolArray:
    """Tell which tracks may be a bead, by the windows in which each is seen, shape (k, b)."""
    if given:
        return np.asarray(seen.any(axis=0))
    part = (seen * n_frames[:, None]).sum(axis=0) / n_frames.sum()
    return np.asarray(part >= 0.9 * presence)


def _jumps(drift: FloatArray, size: float) -> bool:
    return bool(np.abs(np.diff(drift, axis=0)).max(initial=0.0) > size / 2)


def nearest_in_each_frame(
    distances: Iterable[FloatArray], frame: IntArray, radius: float
) -> tuple[IntArray, IntArray]:
    """Return the localization of each bead in each frame, the nearest, and the number of the bead.

    Parameters
    ----------
    distances : iterable of ndarray, shape (n,)
        For each bead, how far localizations are from where it is expected.
    frame : ndarray, shape (n,)
    radius : float
        What is farther does not count.
    """
    rows, beads = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for bead, distance in enumerate(distances):
        near = np.flatnonzero(distance <= radius)
        order = near[np.lexsort((distance[near], frame[near]))]
        first = np.concatenate([[True], frame[order][1:] != frame[order][:-1]])[: len(order)]
        rows.append(order[first])
        beads.append(np.full(int(first.sum()), bead))
    return np.concatenate(rows), np.concatenate(beads)


def _distances(
    xy: FloatArray, frame: IntArray, start: FloatArray, choices: list[FloatArray]
) -> Iterator[FloatArray]:
    """Yield, for each bead, how far localizations are from the nearest place where it may be."""
    for place in start:
        distance = np.full(len(xy), np.inf)
        for drift in choices:
            off = xy - place - drift[frame]
            distance = np.minimum(distance, np.hypot(off[:, 0], off[:, 1]))
        yield distance

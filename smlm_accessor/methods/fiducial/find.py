"""Find beads, follow them, and pick the localization of each in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.beads.tracks import find_spots, follow
from smlm_accessor.kernels.neighbours.nena import precision
from smlm_accessor.timeline import Timeline

# Frames of a window in which a bead is looked for.
_WINDOW = 32
_FEWEST_WINDOWS = 8
# Sizes of a spot in localization precisions. Where the sample moves fast, it is blurred.
_SIZES = (10.0, 25.0, 60.0)
# With so many beads there is no need for a larger spot.
_ENOUGH = 3
_FEWEST_FRAMES = 10
# Of the presence that is asked for, in windows: the last may be short, and spots are rarely missed.
_PRESENCE_IN_WINDOWS = 0.9


@dataclass(frozen=True)
class BeadPaths:
    """Where each bead is at any frame.

    ``knots`` are the middles of windows, ``edges`` their first frames; ``position`` has shape (k,
    b, 2). A localization of a bead is no farther than ``radius`` from there.
    """

    knots: FloatArray
    edges: IntArray | FloatArray
    position: FloatArray
    radius: float

    def __len__(self) -> int:
        return int(self.position.shape[1])

    def start(self) -> FloatArray:
        """Return where beads are in the beginning, shape (b, 2)."""
        return np.asarray(self.position[:1].reshape(-1, 2))

    def distance(self, xy: FloatArray, frames: IntArray, bead: int) -> FloatArray:
        """Return how far localizations are from a bead."""
        path = self.position[:, bead]
        expected = np.stack([np.interp(frames, self.knots, c) for c in path.T], axis=1)
        out = np.hypot(*(xy - expected).T)
        if np.abs(np.diff(path, axis=0)).max(initial=0.0) > self.radius:
            # Close to a jump, it may still be where it was, or already where it goes.
            window = np.clip(np.searchsorted(self.edges, frames, side="right") - 1, 0, None)
            for step in (-1, 0, 1):
                near = path[np.clip(window + step, 0, len(path) - 1)]
                out = np.minimum(out, np.hypot(*(xy - near).T))
        return np.asarray(out)

    def on_path(self, xy: FloatArray, frames: IntArray) -> BoolArray:
        """Tell which localizations belong to any of the beads, shape (n,)."""
        found = np.zeros(len(xy), dtype=bool)
        for bead in range(len(self)):
            found |= self.distance(xy, frames, bead) <= self.radius
        return found


class Beads(NamedTuple):
    """Beads and their localizations.

    ``row`` and ``bead``, shape (n,), say which localization is of which bead; ``presence`` (b,) is
    the part of the frames, or of the time, in which each is seen. ``trace`` (b,) are the numbers of
    beads whose traces the table knows, and ``rate`` (b,) how many localizations each of them has
    for a frame of the table, where it is seen; else they are None.
    """

    row: IntArray
    bead: IntArray
    presence: FloatArray
    paths: BeadPaths
    trace: IntArray | None = None
    rate: FloatArray | None = None


def find_beads(
    positions: FloatArray,
    frames: IntArray,
    uncertainty: FloatArray | None,
    *,
    given: FloatArray | None,
    radius: float | None,
    presence: float,
) -> Beads:
    """Return the beads that are seen in enough of the frames, or those that are given.

    Spots of several sizes are tried, larger ones only as long as there are few beads. A
    localization of a bead is within ``radius``, half the size of a spot, of where it is expected.
    Localizations are in the order of frames; their precision is found if not given.
    """
    xy, timeline = np.ascontiguousarray(positions[:, :2]), Timeline.of(frames)
    nothing = np.zeros(0, dtype=np.int64)
    paths = BeadPaths(np.zeros(0), nothing, np.zeros((0, 0, 2)), 0.0)
    best = Beads(nothing, nothing, np.zeros(0), paths)
    if len(timeline.frames) < _FEWEST_FRAMES:
        return best
    if radius is None:
        usual = precision(positions, frames, uncertainty)[:2]
        known = usual[np.isfinite(usual)]
        sizes = [s * float(known.max()) for s in _SIZES if len(known)]
    else:
        sizes = [2 * radius]
    for size in sizes:
        if not 0 < size < np.inf:
            continue
        found = _find(xy, frames, timeline, size, given, presence)
        best = max(best, found, key=lambda beads: len(beads.paths))
        if len(best.paths) >= (_ENOUGH if given is None else len(given)):
            break
    return best


def _find(
    xy: FloatArray,
    frames: IntArray,
    timeline: Timeline,
    size: float,
    given: FloatArray | None,
    presence: float,
) -> Beads:
    m = len(timeline.frames)
    of_frame = np.arange(m) // min(_WINDOW, max(m // _FEWEST_WINDOWS, 5))
    n_frames = np.bincount(of_frame)
    frame = timeline.of_rows
    spots = find_spots(xy, frame, of_frame[frame], n_frames, size)
    least = presence if given is None else 0.0
    tracks = follow(spots, len(n_frames), size, presence=_PRESENCE_IN_WINDOWS * least, given=given)
    seen = (tracks.seen * n_frames[:, None]).sum(axis=0) / m
    kept = (seen >= _PRESENCE_IN_WINDOWS * least) & (seen > 0)
    knots = np.bincount(of_frame, weights=timeline.frames) / n_frames
    edges = timeline.frames[np.flatnonzero(np.diff(of_frame, prepend=-1))]
    paths = BeadPaths(knots, edges, tracks.position[:, kept], size / 2)
    row, bead = _nearest_in_each_frame(paths, xy, frames)
    part = np.bincount(bead, minlength=len(paths)) / m
    good = part >= least
    number, of_good = np.cumsum(good) - 1, good[bead]
    paths = BeadPaths(knots, edges, paths.position[:, good], paths.radius)
    return Beads(row[of_good], number[bead[of_good]], part[good], paths)


def _nearest_in_each_frame(
    paths: BeadPaths, xy: FloatArray, frames: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the row of the nearest localization in each frame, and of which bead it is."""
    rows = [np.zeros(0, dtype=np.int64)]
    for bead in range(len(paths)):
        distance = paths.distance(xy, frames, bead)
        near = np.flatnonzero(distance <= paths.radius)
        order = near[np.lexsort((distance[near], frames[near]))]
        rows.append(order[np.diff(frames[order], prepend=-np.inf) > 0])
    return np.concatenate(rows), np.repeat(np.arange(-1, len(paths)), [len(r) for r in rows])

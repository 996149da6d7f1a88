"""Every bead's own path, and which localizations lie on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.beads.paths import follow_each
from smlm_accessor.kernels.beads.tracks import find_spots
from smlm_accessor.methods.fiducial.find import (
    ENOUGH,
    FEWEST_FRAMES,
    SIZES,
    Beads,
    by_size,
    long_enough,
    nearest_in_each_frame,
    windows_of,
)
from smlm_accessor.timeline import Timeline


@dataclass(frozen=True)
class Paths:
    """Where each bead is at any frame.

    Parameters
    ----------
    knots : ndarray, shape (k,)
        Frames, the middles of windows.
    edges : ndarray, shape (k,)
        First frames of the windows.
    place : ndarray, shape (k, b, 2)
    radius : float
        How far from there a localization of a bead may be.
    """

    knots: FloatArray
    edges: IntArray
    place: FloatArray
    radius: float

    @property
    def n(self) -> int:
        """Number of beads."""
        return int(self.place.shape[1])

    def start(self) -> FloatArray:
        """Return where beads are in the beginning, shape (b, 2)."""
        return np.asarray(self.place[0]) if len(self.place) else np.zeros((0, 2))

    def distance(self, xy: FloatArray, frames: IntArray, bead: int) -> FloatArray:
        """Return how far localizations are from a bead."""
        path = self.place[:, bead]
        expected = np.stack([np.interp(frames, self.knots, c) for c in path.T], axis=1)
        out = np.hypot(*(xy - expected).T)
        if np.abs(np.diff(path, axis=0)).max(initial=0.0) > self.radius:
            # Close to a jump, it may still be where it was, or already where it goes.
            window = np.clip(np.searchsorted(self.edges, frames, side="right") - 1, 0, None)
            for step in (-1, 0, 1):
                near = path[np.clip(window + step, 0, len(path) - 1)]
                out = np.minimum(out, np.hypot(*(xy - near).T))
        return np.asarray(out)

    def on_path(self, xy: FloatArray, frames: IntArray) -> np.ndarray:
        """Tell which localizations belong to any of the beads, shape (n,)."""
        found = np.zeros(len(xy), dtype=bool)
        for bead in range(self.n):
            found |= self.distance(xy, frames, bead) <= self.radius
        return found


def find_paths(
    xy: FloatArray,
    frames: IntArray,
    precision: float,
    *,
    given: FloatArray | None,
    radius: float | None,
    presence: float,
) -> tuple[Paths, Beads]:
    """Return the paths of beads, and the localization of each in every frame.

    Parameters
    ----------
    xy : ndarray, shape (n, 2)
        In the order of frames.
    frames : ndarray, shape (n,)
    precision, given, radius, presence
        As for `find_beads`.
    """
    timeline = Timeline.of(frames)
    if len(timeline.frames) < FEWEST_FRAMES:
        return _none()
    return by_size(
        lambda size: _find(xy, frames, timeline, size, given, presence),
        _none(),
        lambda found: found[0].n,
        enough=ENOUGH if given is None else len(given),
        sizes=[2 * radius] if radius is not None else [s * precision for s in SIZES],
    )


def _find(
    xy: FloatArray,
    frames: IntArray,
    timeline: Timeline,
    size: float,
    given: FloatArray | None,
    presence: float,
) -> tuple[Paths, Beads]:
    m = len(timeline.frames)
    of_frame = windows_of(m)
    n_frames = np.bincount(of_frame)
    frame = timeline.of_rows
    spots = find_spots(xy, frame, of_frame[frame], n_frames, size)
    enough = 0.9 * presence if given is None else 0.0
    followed = follow_each(spots, len(n_frames), size, presence=enough, given=given)
    kept = long_enough(followed.seen, n_frames, presence, given=given is not None)
    first = np.flatnonzero(np.diff(of_frame, prepend=-1))
    knots = np.bincount(of_frame, weights=timeline.frames) / n_frames
    paths = Paths(knots, timeline.frames[first], followed.place[:, kept], size / 2)
    if not paths.n:
        return _none()
    distances = (paths.distance(xy, frames, bead) for bead in range(paths.n))
    row, of = nearest_in_each_frame(distances, frame, paths.radius)
    part = np.bincount(of, minlength=paths.n) / m
    good = part >= (presence if given is None else 0.0)
    number, of_good = np.cumsum(good) - 1, good[of]
    paths = Paths(paths.knots, paths.edges, paths.place[:, good], paths.radius)
    return paths, Beads(row[of_good], number[of[of_good]], part[good], paths.start(), size)


def _none() -> tuple[Paths, Beads]:
    nothing = np.zeros(0, dtype=np.int64)
    paths = Paths(np.zeros(0), nothing, np.zeros((0, 0, 2)), 0.0)
    return paths, Beads(nothing, nothing, np.zeros(0), np.zeros((0, 2)), 0.0)

"""Beads: spots that are seen in nearly all frames, followed through the movie."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

# A window shows a spot where localizations are in this part of its frames.
_SEEN = 0.6
# A spot belongs to a track if it is as close as this part of the size of a spot.
_CLOSE = 0.5
# A track is trusted that was seen in this part of the windows since it began.
_FIRM = 0.6


class Spots(NamedTuple):
    """Spots of each window: ``window`` (n,), increasing, and ``position`` (n, 2)."""

    window: IntArray
    position: FloatArray


def find_spots(
    positions: FloatArray, frame: IntArray, window: IntArray, n_frames: IntArray, size: float
) -> Spots:
    """Find spots in which nearly all frames of a window have a localization.

    Parameters
    ----------
    positions : ndarray, shape (n, 2)
    frame, window : ndarray of int, shape (n,)
        Frame of each localization, and window it belongs to; both increase.
    n_frames : ndarray, shape (k,)
        Frames of each window.
    size : float
        Edge of the square in which localizations are one spot.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> positions = rng.uniform(0, 100, (200, 2))
    >>> positions[::2] = [40, 60] + rng.normal(0, 0.2, (100, 2))
    >>> frame = np.arange(200) // 2
    >>> spots = find_spots(positions, frame, frame // 50, np.array([50, 50]), 2.0)
    >>> spots.position.round()
    array([[40., 60.],
           [40., 60.]])
    """
    corner = positions.min(axis=0)
    columns = int((positions[:, 1].max() - corner[1]) / size) + 3
    rows = int((positions[:, 0].max() - corner[0]) / size) + 3
    needed = np.maximum(_SEEN * n_frames, 2.0)
    places, windows, heights = [], [], []
    for shift in ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5)):
        cell = np.floor((positions - corner) / size + shift).astype(np.int64)
        key = (window * rows + cell[:, 0]) * columns + cell[:, 1]
        order = np.argsort(key, kind="stable")
        sorted_key, sorted_frame = key[order], frame[order]
        new_key = np.concatenate([[True], sorted_key[1:] != sorted_key[:-1]])
        new_frame = new_key | np.concatenate([[True], sorted_frame[1:] != sorted_frame[:-1]])
        first = np.flatnonzero(new_key)
        seen = np.add.reduceat(new_frame.astype(np.int64), first)
        of = window[order[first]]
        last = np.append(first[1:], len(key))
        for c in np.flatnonzero(seen >= needed[of]):
            places.append(np.median(positions[order[first[c] : last[c]]], axis=0))
            windows.append(int(of[c]))
            heights.append(int(seen[c]))
    return _distinct(np.array(windows, dtype=np.int64), np.reshape(places, (-1, 2)), heights, size)


def _distinct(window: IntArray, position: FloatArray, height: list[int], size: float) -> Spots:
    """Keep the best of those spots of a window that are closer than their size."""
    kept: list[int] = []
    by_window: dict[int, list[int]] = {}
    for i in np.lexsort([*position.T, -np.array(height, dtype=np.int64), window]):
        others = by_window.setdefault(int(window[i]), [])
        if all(np.abs(position[i] - position[j]).max() > size for j in others):
            others.append(int(i))
            kept.append(int(i))
    return Spots(window[kept], position[kept])


class Tracks(NamedTuple):
    """Beads, and how all of them move together.

    ``start`` (n_beads, 2) is where each bead would be in the window in which ``drift`` is 0,
    ``drift`` (k, 2) how far all have moved, ``seen`` (k, n_beads) in which windows each is found.
    """

    start: FloatArray
    drift: FloatArray
    seen: BoolArray


def follow(
    spots: Spots,
    n_windows: int,
    size: float,
    *,
    presence: float,
    given: FloatArray | None = None,
) -> Tracks:
    """Link spots from window to window.

    All tracks are moved by what most of them have moved; so a track may be lost for a while. If
    none goes on where it is expected, all may have jumped: then the shift counts that continues
    most of them.

    Parameters
    ----------
    spots : Spots
    n_windows : int
    size : float
        Of a spot.
    presence : float
        Tracks that cannot be seen in this part of the windows any more are given up.
    given : ndarray, shape (n_beads, 2), optional
        Where beads are in the beginning; others are not looked for.
    """
    cuts = np.searchsorted(spots.window, np.arange(n_windows + 1))
    # Of each track: where it would be without drift, in how many windows it was seen, the first.
    start = np.zeros((0, 2)) if given is None else np.array(given, dtype=np.float64)
    count, first = np.zeros(len(start), dtype=np.int64), np.zeros(len(start), dtype=np.int64)
    seen = np.zeros((n_windows, len(start)), dtype=bool)
    drift, now = np.zeros((n_windows, 2)), np.zeros(2)
    may_miss = (1 - presence) * n_windows
    for w in range(n_windows):
        here = spots.position[cuts[w] : cuts[w + 1]]
        match = _match(start + now, here, _CLOSE * size)
        firm = count >= np.maximum(_FIRM * (w - first), 1)
        if not (match[firm] >= 0).any() and firm.any() and len(here):
            jump = _jump(start[firm] + now, here, size)
            if jump.any():
                now = now + jump
                match = _match(start + now, here, _CLOSE * size)
        trusted = np.flatnonzero((match >= 0) & firm)
        if len(trusted):
            now = now + np.median(here[match[trusted]] - start[trusted] - now, axis=0)
        drift[w] = now
        seen[w] = match >= 0
        count += match >= 0
        if given is None:
            kept = w + 1 - count <= may_miss
            late = w > may_miss
            free = np.setdiff1d(np.arange(0 if late else len(here)), match)
            new = here[free] - now
            start = np.concatenate([start[kept], new])
            count = np.concatenate([count[kept], np.ones(len(new), dtype=np.int64)])
            first = np.concatenate([first[kept], np.full(len(new), w)])
            fresh = np.zeros((n_windows, len(new)), dtype=bool)
            fresh[w] = True
            seen = np.concatenate([seen[:, kept], fresh], axis=1)
    return Tracks(start, drift, seen)


def _match(expected: FloatArray, here: FloatArray, close: float) -> IntArray:
    """Return the nearest spot to where each track is expected, -1 if none is close."""
    if not len(expected) or not len(here):
        return np.full(len(expected), -1, dtype=np.int64)
    distance = np.linalg.norm(expected[:, None] - here, axis=2)
    nearest = distance.argmin(axis=1)
    each = distance[np.arange(len(expected)), nearest]
    match = np.where(each <= close, nearest, -1)
    # One spot for one track.
    for spot in np.unique(match[match >= 0]):
        rivals = np.flatnonzero(match == spot)
        match[rivals[np.argsort(each[rivals])[1:]]] = -1
    return match


def _jump(expected: FloatArray, here: FloatArray, size: float) -> FloatArray:
    """Return the shift that continues most tracks: more than half, and two if there are two."""
    best, most = np.zeros(2), max(min(2, len(expected)), len(expected) // 2 + 1) - 1
    shifts = (here - expected[:, None]).reshape(-1, 2)
    for shift in shifts[np.argsort(np.linalg.norm(shifts, axis=1), kind="stable")]:
        n = int((_match(expected + shift, here, _CLOSE * size) >= 0).sum())
        if n > most:
            best, most = shift, n
    return best

"""Beads: spots that are seen in nearly all frames, followed over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

# A window shows a spot where localizations are in this part of its frames.
_SEEN = 0.6
# A spot belongs to a bead if it is as close as this part of the size of a spot.
_CLOSE = 0.5
# The motion of a bead counts if it was seen in this part of the windows since it began.
_FIRM = 0.6


class Spots(NamedTuple):
    """Spots of each window: ``window`` (n,), increasing, and ``position`` (n, 2)."""

    window: IntArray
    position: FloatArray


def find_spots(
    positions: FloatArray, frame: IntArray, window: IntArray, n_frames: IntArray, size: float
) -> Spots:
    """Find squares of edge ``size`` in which nearly all frames of a window have a localization.

    Localizations, of shape (n, 2), and their ``frame`` and ``window`` are in the order of time;
    ``n_frames``, (k,), are the frames of each window.

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
    found, windows, heights = [], [], []
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
            found.append(np.median(positions[order[first[c] : last[c]]], axis=0))
            windows.append(int(of[c]))
            heights.append(int(seen[c]))
    return _distinct(np.array(windows, dtype=np.int64), np.reshape(found, (-1, 2)), heights, size)


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


class BeadTracks(NamedTuple):
    """Where beads are in each window.

    ``position`` (k, b, 2), in windows in which a bead is not ``seen`` (k, b) as far from the common
    motion of all as in between it is before and after.
    """

    position: FloatArray
    seen: BoolArray


def follow(
    spots: Spots,
    n_windows: int,
    size: float,
    *,
    presence: float,
    given: FloatArray | None = None,
) -> BeadTracks:
    """Link spots from window to window.

    Each bead is expected where it was last, moved by the common motion since: the median motion of
    all that are found. So a bead may be lost for a while, and it may move by itself, slowly. If no
    bead is found where it is expected, all may have jumped: then the shift counts that continues
    most of them.

    Beads that cannot be seen in the part ``presence`` of the windows any more are given up. Where
    beads are ``given`` in the beginning, (b, 2), others are not looked for.

    Examples
    --------
    >>> window = np.repeat(np.arange(20), 3)
    >>> still = np.tile([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]], (20, 1))
    >>> loose = still + np.where(np.arange(60)[:, None] % 3 == 1, window[:, None] * 1.0, 0.0)
    >>> tracks = follow(Spots(window, loose), 20, 4.0, presence=0.8)
    >>> tracks.position[-1].tolist()
    [[0.0, 0.0], [69.0, 19.0], [0.0, 50.0]]
    """
    cuts = np.searchsorted(spots.window, np.arange(n_windows + 1))
    # Of each bead, where it would be without common motion, and when it was first seen.
    still = np.zeros((0, 2)) if given is None else np.array(given, dtype=np.float64)
    first = np.zeros(len(still), dtype=np.int64)
    position = np.full((n_windows, len(still), 2), np.nan)
    common, now = np.zeros((n_windows, 2)), np.zeros(2)
    may_miss = (1 - presence) * n_windows
    for w in range(n_windows):
        here = spots.position[cuts[w] : cuts[w + 1]]
        match = _match(still + now, here, _CLOSE * size)
        count = np.isfinite(position[:w, :, 0]).sum(axis=0)
        firm = count >= np.maximum(_FIRM * (w - first), 1)
        if not (match[firm] >= 0).any() and firm.any() and len(here):
            now = now + _jump(still[firm] + now, here, size)
            match = _match(still + now, here, _CLOSE * size)
        trusted = np.flatnonzero((match >= 0) & firm)
        if len(trusted):
            now = now + np.median(here[match[trusted]] - still[trusted] - now, axis=0)
            match = _match(still + now, here, _CLOSE * size)
        common[w] = now
        found = match >= 0
        position[w, found] = here[match[found]]
        still[found] = here[match[found]] - now
        if given is None:
            kept = w + 1 - count - found <= may_miss
            new = here[np.setdiff1d(np.arange(len(here) if w <= may_miss else 0), match)]
            fresh = np.full((n_windows, len(new), 2), np.nan)
            fresh[w] = new
            position = np.concatenate([position[:, kept], fresh], axis=1)
            still = np.concatenate([still[kept], new - now])
            first = np.concatenate([first[kept], np.full(len(new), w)])
    seen = np.isfinite(position[:, :, 0])
    for bead, at in enumerate(seen.T):
        own = position[at, bead] - common[at]
        for axis in range(2 if at.any() else 0):
            bridged = np.interp(np.arange(n_windows), np.flatnonzero(at), own[:, axis])
            position[~at, bead, axis] = (common[:, axis] + bridged)[~at]
    return BeadTracks(position, seen)


def _match(expected: FloatArray, here: FloatArray, close: float) -> IntArray:
    """Return the spot of each bead, the nearest pairs first; -1 if none that is free is close."""
    match = np.full(len(expected), -1, dtype=np.int64)
    if not len(expected) or not len(here):
        return match
    distance = np.linalg.norm(expected[:, None] - here, axis=2)
    beads, found = np.nonzero(distance <= close)
    free = np.ones(len(here), dtype=bool)
    for i in np.argsort(distance[beads, found], kind="stable"):
        if match[beads[i]] < 0 and free[found[i]]:
            match[beads[i]], free[found[i]] = found[i], False
    return match


def _jump(expected: FloatArray, here: FloatArray, size: float) -> FloatArray:
    """Return the shift that continues most beads: more than half, and two if there are two."""
    best, most = np.zeros(2), max(min(2, len(expected)), len(expected) // 2 + 1) - 1
    shifts = (here - expected[:, None]).reshape(-1, 2)
    for shift in shifts[np.argsort(np.linalg.norm(shifts, axis=1), kind="stable")]:
        n = int((_match(expected + shift, here, _CLOSE * size) >= 0).sum())
        if n > most:
            best, most = shift, n
    return best

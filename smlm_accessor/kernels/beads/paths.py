"""Where each bead is in each window of a movie, also one that moves by itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.beads.tracks import Spots, follow

# A bead that moves by itself may go so far, in sizes of a spot, from one window to the next.
_OWN_STEP = 0.5


class BeadPaths(NamedTuple):
    """Where beads are: ``place`` (k, b, 2), bridged where they are not ``seen`` (k, b)."""

    place: FloatArray
    seen: BoolArray


def follow_each(
    spots: Spots,
    n_windows: int,
    size: float,
    *,
    presence: float,
    given: FloatArray | None = None,
) -> BeadPaths:
    """Follow beads one by one: each is looked for where it was, moved by what most others moved.

    Parameters
    ----------
    spots, n_windows, size
        As for `follow`.
    presence : float
        Part of the windows in which a bead has to be seen, unless it is given.
    given : ndarray, shape (b, 2), optional
        Where beads are in the beginning.

    Examples
    --------
    >>> window = np.repeat(np.arange(20), 3)
    >>> still = np.tile([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]], (20, 1))
    >>> loose = still + np.where(np.arange(60)[:, None] % 3 == 1, window[:, None] * 1.0, 0.0)
    >>> paths = follow_each(Spots(window, loose), 20, 4.0, presence=0.8)
    >>> paths.place[-1].tolist()
    [[0.0, 0.0], [69.0, 19.0], [0.0, 50.0]]
    """
    common = follow(spots, n_windows, size, presence=presence, given=given).drift
    cuts = np.searchsorted(spots.window, np.arange(n_windows + 1))
    # Of each bead: where it was last, how far all had moved then, and what it was like since.
    last = np.zeros((0, 2)) if given is None else np.array(given, dtype=np.float64)
    since = np.zeros_like(last)
    place = np.full((n_windows, len(last), 2), np.nan)
    may_miss = (1 - presence) * n_windows
    for w in range(n_windows):
        here = spots.position[cuts[w] : cuts[w + 1]]
        match = _pairs(last + common[w] - since, here, _OWN_STEP * size)
        found = match >= 0
        place[w, found] = here[match[found]]
        last[found], since[found] = here[match[found]], common[w]
        if given is not None:
            continue
        missed = w + 1 - np.isfinite(place[: w + 1, :, 0]).sum(axis=0)
        kept = missed <= may_miss
        new = here[np.setdiff1d(np.arange(len(here) if w <= may_miss else 0), match)]
        fresh = np.full((n_windows, len(new), 2), np.nan)
        fresh[w] = new
        place = np.concatenate([place[:, kept], fresh], axis=1)
        last = np.concatenate([last[kept], new])
        since = np.concatenate([since[kept], np.broadcast_to(common[w], new.shape)])
    seen = np.isfinite(place[:, :, 0])
    return BeadPaths(_bridged(place, seen, common), seen)


def _pairs(expected: FloatArray, here: FloatArray, close: float) -> np.ndarray:
    """Return the spot nearest to each place, -1 if none is close or another place is closer."""
    match = np.full(len(expected), -1, dtype=np.int64)
    if not len(expected) or not len(here):
        return match
    distance = np.linalg.norm(expected[:, None] - here, axis=2)
    for flat in np.argsort(distance, axis=None):
        bead, spot = divmod(int(flat), len(here))
        if distance[bead, spot] > close:
            break
        if match[bead] < 0 and spot not in match:
            match[bead] = spot
    return match


def _bridged(place: FloatArray, seen: BoolArray, common: FloatArray) -> FloatArray:
    """Fill the windows in which a bead is not seen: it goes with the others."""
    out = place.copy()
    windows = np.arange(len(place))
    for bead in range(place.shape[1]):
        at = np.flatnonzero(seen[:, bead])
        if not len(at):
            continue
        own = place[at, bead] - common[at]
        for axis in range(2):
            out[:, bead, axis] = common[:, axis] + np.interp(windows, at, own[:, axis])
    return out

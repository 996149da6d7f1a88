"""Beads whose traces the table knows, each with times of its own: monitoring beads of MINFLUX."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.localizations import LocalizationArrays
from smlm_accessor.methods.fiducial.find import BeadPaths, Beads, find_beads
from smlm_accessor.timeline import Timeline

_TIMES = 20  # equal parts of the time: a bead is present in those in which it is seen
_RADII = 5.0  # steps of a bead, root mean square: how far from its path its localizations are


def beads_of(
    localizations: LocalizationArrays,
    *,
    given: FloatArray | None,
    radius: float | None,
    presence: float,
) -> Beads:
    """Return the beads: traces that last, or else what `find_beads` finds."""
    positions, frames = localizations.positions, localizations.frames
    if localizations.trace is not None and len(frames) > 1 and frames[-1] > frames[0]:
        found = traced_beads(positions, frames, localizations.trace, given=given, presence=presence)
        if found is not None:
            return found
    return find_beads(
        *(positions, frames, localizations.uncertainty),
        given=given,
        radius=radius,
        presence=presence,
    )


def traced_beads(
    positions: FloatArray,
    frames: IntArray,
    trace: IntArray,
    *,
    given: FloatArray | None,
    presence: float,
) -> Beads | None:
    """Return the traces that last as beads do, None if there are none.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    frames : ndarray, shape (n,)
        Increasing. Beads are localized in turns, so no two need be seen in the same frame.
    trace : ndarray, shape (n,)
        Negative where it is not known.
    given : ndarray, shape (b, 2), optional
        Where the beads are in the beginning that are wanted: for each the nearest is taken.
    presence : float
        Part of the time in which a bead has to be seen, if none are given.
    """
    labels, of = np.unique(trace, return_inverse=True)
    part_of_time = np.searchsorted(_edges(frames), frames, side="right") - 1
    seen = np.zeros((_TIMES, len(labels)), dtype=bool)
    seen[part_of_time, of] = True
    part = seen.mean(axis=0)
    lasting = (part >= (presence if given is None else 2 / _TIMES)) & (labels >= 0)
    kept = np.flatnonzero(lasting)
    if not len(kept):
        return None
    first = np.unique(of, return_index=True)[1]
    if given is not None:
        apart = np.linalg.norm(given[:, None] - positions[first[kept], :2], axis=2)
        kept = kept[np.unique(np.argmin(apart, axis=1))]
    number = np.full(len(labels), -1)
    number[kept] = np.arange(len(kept))
    row = np.flatnonzero(number[of] >= 0)
    row = row[np.argsort(number[of[row]], kind="stable")]
    bead = number[of[row]]
    n_frames = len(Timeline.of(frames).frames)
    rate = np.bincount(bead) / (n_frames * part[kept])
    return Beads(row, bead, part[kept], _paths(positions, frames, row, bead), labels[kept], rate)


def _paths(positions: FloatArray, frames: IntArray, row: IntArray, bead: IntArray) -> BeadPaths:
    """Return where each bead is, from its means in equal parts of the time."""
    edges = _edges(frames)
    knots = edges + (edges[1] - edges[0]) / 2
    b = int(bead[-1]) + 1
    path, steps = np.empty((_TIMES, b, 2)), np.empty(b)
    for k in range(b):
        rows = row[bead == k]
        of = np.searchsorted(edges, frames[rows], side="right") - 1
        n = np.bincount(of, minlength=_TIMES)
        at = np.flatnonzero(n)
        for axis in range(2):
            mean = np.bincount(of, positions[rows, axis], _TIMES)[at] / n[at]
            path[:, k, axis] = np.interp(np.arange(_TIMES), at, mean)
        steps[k] = np.sqrt(np.mean(np.diff(positions[rows, :2], axis=0) ** 2))
    return BeadPaths(knots, edges, path, _RADII * float(np.median(steps)))


def _edges(frames: IntArray) -> FloatArray:
    """Return where equal parts of the time begin."""
    return np.linspace(frames[0], frames[-1], _TIMES, endpoint=False)

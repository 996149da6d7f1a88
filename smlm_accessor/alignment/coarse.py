"""The rough transformation of one set of localizations onto another: all shifts, all angles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.correlation.global_shift import (
    CLEAR,
    MOST_PIXELS,
    find_global_shift,
    find_shift_at_any_scale,
    pixels_at,
)

#: Least significance that is no chance; with hundreds of angles there are more chances.
CLEAR_TURNED = 6.0
_FINEST = 0.7  # precisions: the last smoothing
_TURNS = (64, 128)  # smoothings in that extent, at all angles


class CoarseAlignment(NamedTuple):
    """A rough transformation: turned by ``angle`` about the origin, then shifted.

    ``significance`` is how far its correlation stands out from chance, in standard deviations;
    ``reach`` how far from its true position it may leave a localization; ``step`` the difference
    of angles that were tried.
    """

    angle: float
    shift: FloatArray
    significance: float
    reach: float
    step: float = 0.0

    @property
    def is_clear(self) -> bool:
        """Whether this is more than chance."""
        return self.significance >= (CLEAR_TURNED if self.angle else CLEAR)


def coarse_alignment(
    reference: FloatArray,
    moving: FloatArray,
    *,
    precision: float,
    max_shift: float | None,
    turn: bool,
    progress: bool,
) -> CoarseAlignment:
    """Return the best transformation found, clear or not.

    Positions have shape (n, 2), the moving ones about their centre. The ``precision`` of
    localizations is NaN if not known; ``max_shift`` is along each axis. With ``turn`` all angles
    are looked at if nothing is found without turning.
    """
    largest = None if max_shift is None else np.full(2, max_shift)
    extent = by_column.extent(reference) + by_column.extent(moving)
    radius = float(np.linalg.norm(by_column.extent(moving))) / 2
    finest = _FINEST * precision if np.isfinite(precision) else 0.0

    def too_fine(smoothing: float) -> bool:
        return smoothing < finest or pixels_at(extent, smoothing) > MOST_PIXELS

    def at_angles(angles: FloatArray, smoothing: float, *, shown: bool) -> CoarseAlignment:
        places = map_threads(
            lambda angle: find_global_shift(reference, turned(moving, angle), smoothing, largest),
            list(angles),
            progress=shown,
            description="angles",
        )
        k = int(np.argmax([p.significance for p in places]))
        step = float(angles[1] - angles[0])
        reach = 2 * smoothing + step / 2 * radius
        return CoarseAlignment(
            float(angles[k]), places[k].shift, places[k].significance, reach, step
        )

    best = find_shift_at_any_scale(reference, moving, finest, largest)
    still = CoarseAlignment(0.0, best.shift, best.significance, 2 * best.smoothing)
    if not turn or still.is_clear:
        return still
    # A full circle, in steps that move no localization by more than the smoothing.
    found = still._replace(significance=-np.inf)
    for parts in _TURNS:
        smoothing = float(extent.max()) / parts
        angles = np.linspace(-np.pi, np.pi, 2 * int(np.ceil(np.pi * radius / smoothing)) + 1)[:-1]
        at_best = at_angles(angles, smoothing, shown=progress)
        found = max(found, at_best, key=lambda f: f.significance)
    # What is no chance becomes clearer where structures are seen better.
    while not too_fine(smoothing := (found.reach - found.step * radius / 2) / 4):
        angles = np.asarray(found.angle + found.step / 2 * np.arange(-2.0, 3.0))
        finer = at_angles(angles, smoothing, shown=False)
        if finer.significance < found.significance:
            break
        found = finer
    return max(still, found, key=lambda f: f.significance / (CLEAR_TURNED if f.angle else CLEAR))


def turned(points: FloatArray, angle: float) -> FloatArray:
    """Turn positions of shape (n, 2) about the origin."""
    if angle == 0:
        return points
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s], [-s, c]]))

"""The rough transformation of one set of localizations onto another: all shifts, all angles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.placement import Place, pixels_at, place

#: Least clarity that is not taken for chance. Of unrelated tables it was below 4 in 100 trials;
#: with hundreds of angles there are more chances.
CLEAR = 5.0
CLEAR_TURNED = 6.0
_CERTAIN = 15.0  # standard deviations: no finer scale is needed
# Smoothings in the extent of both fields together: fewer would see the illumination, or a cell.
_COARSEST = 128
_MOST_PIXELS = 2**24  # of a correlation
_FINEST = 0.7  # precisions: the last smoothing
_TURNS = (64, 128)  # smoothings in that extent, at all angles


class CoarseAlignment(NamedTuple):
    """A rough transformation: turned by ``angle`` about the origin, then shifted.

    ``clarity`` is how far its correlation stands out from chance, in standard deviations;
    ``reach`` how far from its true position it may leave a localization; ``step`` the difference
    of angles that were tried.
    """

    angle: float
    shift: FloatArray
    clarity: float
    reach: float
    step: float = 0.0

    @property
    def is_clear(self) -> bool:
        """Whether this is more than chance."""
        return self.clarity >= (CLEAR_TURNED if self.angle else CLEAR)


def coarse_alignment(
    reference: FloatArray,
    moving: FloatArray,
    *,
    precision: float,
    max_shift: float | None,
    turn: bool,
    progress: bool,
) -> CoarseAlignment:
    """Return the best place found, clear or not.

    Parameters
    ----------
    reference, moving : ndarray, shape (n, 2)
        The moving points about their centre.
    precision : float
        Of localizations; NaN if not known.
    max_shift : float, optional
        Along each axis.
    turn : bool
        Look at all angles if nothing is found without turning.
    progress : bool
        Show a progress bar.
    """
    largest = None if max_shift is None else np.full(2, max_shift)
    extent = np.ptp(reference, axis=0) + np.ptp(moving, axis=0)
    finest = _FINEST * precision if np.isfinite(precision) else 0.0
    best = _at_all_scales(reference, moving, extent, finest, largest)
    found = CoarseAlignment(0.0, best.shift, best.clarity, 2 * best.smoothing)
    if not turn or found.is_clear:
        return found
    return max(found, _at_all_angles(reference, moving, extent, finest, largest, progress),
               key=lambda f: f.clarity / (CLEAR_TURNED if f.angle else CLEAR))  # fmt: skip


def _at_all_scales(
    reference: FloatArray,
    moving: FloatArray,
    extent: FloatArray,
    finest: float,
    largest: FloatArray | None,
) -> Place:
    """Look from coarse to fine, since what tables share may be molecules or only shapes."""
    smoothing = float(extent.max()) / _COARSEST
    best = Place(np.full(2, np.nan), -np.inf, smoothing)
    while True:
        now = place(reference, moving, smoothing, largest)
        best = max(best, now, key=lambda p: p.clarity)
        smoothing /= 2
        if (
            best.clarity > _CERTAIN
            or pixels_at(extent, smoothing) > _MOST_PIXELS
            or smoothing < finest
        ):
            return best


def _at_all_angles(
    reference: FloatArray,
    moving: FloatArray,
    extent: FloatArray,
    finest: float,
    largest: FloatArray | None,
    progress: bool,
) -> CoarseAlignment:
    """Turn a full circle, in steps that move no point by more than the smoothing."""
    radius = float(np.linalg.norm(np.ptp(moving, axis=0))) / 2
    best = CoarseAlignment(0.0, np.full(2, np.nan), -np.inf, np.inf)
    for parts in _TURNS:
        smoothing = float(extent.max()) / parts
        angles = np.linspace(-np.pi, np.pi, 2 * int(np.ceil(np.pi * radius / smoothing)) + 1)[:-1]
        best = max(best, _at_angles(reference, moving, angles, smoothing, largest, progress),
                   key=lambda f: f.clarity)  # fmt: skip
    # What is no chance becomes clearer where structures are seen better.
    while True:
        smoothing, step = (best.reach - best.step * radius / 2) / 4, best.step / 2
        if smoothing < finest or pixels_at(extent, smoothing) > _MOST_PIXELS:
            break
        angles = np.asarray(best.angle + step * np.arange(-2.0, 3.0))
        now = _at_angles(reference, moving, angles, smoothing, largest, False)
        if now.clarity < best.clarity:
            break
        best = now
    return best


def _at_angles(
    reference: FloatArray,
    moving: FloatArray,
    angles: FloatArray,
    smoothing: float,
    largest: FloatArray | None,
    progress: bool,
) -> CoarseAlignment:
    def at(angle: float) -> Place:
        return place(reference, turned(moving, angle), smoothing, largest)

    places = map_threads(at, list(angles), progress=progress, description="angles")
    k = int(np.argmax([p.clarity for p in places]))
    step = float(angles[1] - angles[0])
    radius = float(np.linalg.norm(np.ptp(moving, axis=0))) / 2
    reach = 2 * smoothing + step / 2 * radius
    return CoarseAlignment(float(angles[k]), places[k].shift, places[k].clarity, reach, step)


def turned(points: FloatArray, angle: float) -> FloatArray:
    """Turn positions of shape (n, 2) about the origin."""
    if angle == 0:
        return points
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s], [-s, c]]))

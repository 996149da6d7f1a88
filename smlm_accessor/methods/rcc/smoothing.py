"""The smoothing at which the drift is most precise."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.window_length import longer_by, smoothed
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.timeline import Windows

# Sharpness of maxima that are chance. The finer these are, the smaller their variance seems.
_CHANCE = 3.0
# Smaller smoothings that are tried without a gain: rings have little between their size and width.
_WORSE = 2
# Part of one that is near: how far localizations of a molecule are from each other. With smaller
# ones maxima are chance, unless the precision is not as large as it seemed: then the variance is
# smaller by this factor.
_LEAST_NEAR, _CLEARLY = 0.5, 0.5
# No structure is so much smaller than the pixels of the search.
_FINEST = 2.0**-14
# Smoothings that are tried at most, if none shows anything.
_COARSEST = 10
# As sharp as this, a smoothing can be made smaller by two steps at once.
_VERY_SHARP = 60.0


def choose_smoothing(
    aligner: Aligner,
    windows: Windows,
    drift: FloatArray,
    valid: BoolArray,
    smoothing: FloatArray,
    *,
    near: bool = False,
) -> tuple[FloatArray, Aligned]:
    """Halve the smoothing for as long as that makes the variance of shifts smaller.

    First in x and y, then along z, from that with which the drift, (k, d), was found, or one that
    is ``near`` the best: twice how far localizations of a molecule are apart. Then the drift is
    good to about a precision, and all begin there. A smoothing in x and y that is asked for is
    taken. Also returned is the alignment with it of a sample of the localizations.
    """
    if aligner.smoothing is not None:
        found = aligner.align_sample(windows, drift, smoothing, valid)
        smoothing = np.append([aligner.smoothing] * 2, smoothing[2:])
        drift = _continued(found, drift)
        return smoothing, aligner.align_sample(windows, drift, smoothing, found.valid)
    smoothing, found = _descend(aligner, windows, drift, valid, smoothing, slice(0, 2), near=near)
    if len(smoothing) == 3:
        drift = drift if near else _continued(found, drift)
        return _descend(aligner, windows, drift, found.valid, smoothing, slice(2, 3), near=near)
    return smoothing, found


def _descend(
    aligner: Aligner,
    windows: Windows,
    drift: FloatArray,
    valid: BoolArray,
    smoothing: FloatArray,
    axes: slice,
    *,
    near: bool,
) -> tuple[FloatArray, Aligned]:
    """Return the best smoothing along some axes, and what is aligned with it."""

    def attempt(drift: FloatArray, factor: float) -> tuple[float, float, Aligned]:
        now = smoothing.copy()
        now[axes] *= factor
        found = aligner.align_sample(windows, drift, now, valid)
        if not found.valid.any() or np.median(found.sharpness[found.valid]) < _CHANCE:
            return np.inf, factor, found
        return _usual_variance(found, axes), factor, found

    tried: list[tuple[float, float, Aligned]] = []
    start, factor, worse = drift, 1.0, 0
    while worse < _WORSE and factor > _FINEST:
        variance, _, found = now = attempt(drift, factor)
        worse = worse + 1 if tried and not variance < min(v for v, _, _ in tried) else 0
        tried.append(now)
        if not near:
            length = longer_by(found.drift, found.variance, found.valid)
            smooth = smoothed(found.drift, found.valid, length, windows.segment)
            drift = _continued(found._replace(drift=smooth), drift)
        least = float((smoothing[axes] * factor).min())
        factor /= 4 if least**2 > _VERY_SHARP**2 * variance and not near else 2
    best = min(tried, key=lambda one: one[0])
    if near:
        likely = min((one for one in tried if one[1] >= _LEAST_NEAR), key=lambda one: one[0])
        best = best if best[0] < _CLEARLY * likely[0] else likely
    # Pixels may have been smaller than the structure.
    factor = 1.0
    while best is tried[0] or best[1] > 1:
        factor *= 2
        now = attempt(start, factor)
        tried.append(now)
        if not now[0] < best[0] and not (np.isinf(best[0]) and len(tried) <= _COARSEST):
            break
        best = now
    smoothing = smoothing.copy()
    if near:
        smoothing[axes] *= _least({factor: variance for variance, factor, _ in tried}, best[1])
    else:
        smoothing[axes] *= best[1]
    return smoothing, best[2]


def _least(variances: dict[float, float], best: float) -> float:
    """Return the factor at which a parabola through the logarithms of variances is least."""
    beside = [variances.get(factor, np.inf) for factor in (best / 2, best, 2 * best)]
    if not np.isfinite(beside).all():
        return best
    low, least, high = np.log(beside)
    away = 0.5 * (low - high) / max(low + high - 2 * least, 1e-9)
    return best * float(2 ** np.clip(away, -0.5, 0.5))


def _usual_variance(found: Aligned, axes: slice) -> float:
    return float(np.median(found.variance[found.valid][:, axes], axis=0).sum())


def _continued(found: Aligned, drift: FloatArray) -> FloatArray:
    """Return where windows are now; those that were lost stay where they were."""
    return np.where(found.valid[:, None], found.drift, drift)

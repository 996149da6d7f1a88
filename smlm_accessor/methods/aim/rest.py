"""Segments in which nothing shows that the sample moved: there, a curve would be noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import chdtrc

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.methods.aim.dependence import dependence
from smlm_accessor.methods.aim.fit import WindowFit
from smlm_accessor.methods.aim.sparse_image import WindowDrift


def at_rest_unless_moving(fit: WindowFit, windows: WindowDrift, jumps: IntArray) -> WindowDrift:
    """Return windows that have their mean in each segment in which the sample may be at rest.

    A score test. All windows of such a segment are placed at their mean and take one Newton step;
    where the sample is at rest, ``sum((step - mean)**2 / variance)`` is chi-square distributed. The
    drift that was fitted cannot be tested like this: windows that share blinks have followed each
    other, which makes it larger than its variance. It is kept without a test where it is larger
    than one precision, root mean square: an image at rest would be blurred too much.

    Parameters
    ----------
    fit : WindowFit
    windows : WindowDrift
        Fitted.
    jumps : ndarray of int
        First frame after each.
    """
    segment = np.searchsorted(jumps, windows.middle, side="right")
    drift, slope = windows.drift.copy(), windows.slope.copy()
    tested = []
    for i in np.unique(segment[windows.known]):
        of_segment = windows.known & (segment == i)
        mean = np.average(drift[of_segment], axis=0, weights=windows.counts[of_segment])
        away = (drift[of_segment] - mean)[:, fit.axes] / fit.precision[fit.axes]
        if np.sqrt(np.mean(away**2, axis=0)).max() <= 1:
            drift[of_segment], slope[of_segment] = mean, 0.0
            tested.append(of_segment)
    rest = replace(windows, drift=drift, slope=slope)
    step, variance = fit.refit(rest)
    variance *= dependence(fit, rest)
    moving = np.zeros(len(drift), bool)
    for of_segment in tested:
        moving |= of_segment & scatters(step.drift[of_segment], variance[of_segment])
    keep = moving[:, None]
    return replace(
        windows,
        drift=np.where(keep, windows.drift, drift),
        slope=np.where(keep, windows.slope, slope),
    )


def scatters(drift: FloatArray, variance: FloatArray) -> bool:
    """Tell whether drifts differ by more than their variance explains, in one of 1,000 by chance.

    Parameters
    ----------
    drift, variance : ndarray, shape (k, d)
        Variances that are NaN or 0 tell nothing.
    """
    told: BoolArray = np.nan_to_num(variance) > 0
    weight = np.where(told, 1 / np.where(told, variance, 1.0), 0.0)
    total = weight.sum(axis=0)
    mean = (weight * drift).sum(axis=0) / np.where(total > 0, total, 1.0)
    freedom = told.sum() - np.count_nonzero(total)
    chi_square = (weight * (drift - mean) ** 2).sum()
    return bool(freedom > 0 and chdtrc(freedom, chi_square) <= FALSE_ALARM)

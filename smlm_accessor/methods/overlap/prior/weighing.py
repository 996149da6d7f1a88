"""Whether localizations contradict what is known beforehand, and how both count together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.chance import FALSE_ALARM
from smlm_accessor.kernels.time_series.disagreement import disagreement
from smlm_accessor.kernels.windows.joint_drift import joint_drift
from smlm_accessor.methods.overlap.couplings import couplings, information_of
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.timeline import Timeline

_WINDOWS = 62  # half of the fewest between which the drift is solved
_EVENTS = 100_000  # that are paired with others
# Of the mean information of a window: where localizations tell nothing, their variance is so large
# that what is known beforehand never contradicts it.
_FREE = 1e-8


def weighed(
    prior: Prior,
    drift: FloatArray,
    timeline: Timeline,
    density: Density,
) -> Prior:
    r"""Return a prior whose errors are larger if localizations contradict it, along each axis.

    Let localizations by themselves ask for the drift :math:`\hat d` of windows, with the
    information :math:`L` between them; the prior has :math:`q`, with variances :math:`v`. Of
    :math:`q - \hat d` a constant is free, and its covariance is :math:`L^{-1} + f v`. The factor
    is 1 unless chance would hardly explain what they differ by, see `disagreement`.

    Parameters
    ----------
    prior : Prior
    drift : ndarray, shape (n_frames, d)
        About where the localizations lie best.
    timeline : Timeline
    density : Density
    """
    windows = timeline.evenly(_WINDOWS)
    step, variance = prior.on(windows, drift)
    pairs = couplings(density, drift, windows, n_events=_EVENTS)
    factor, off, expected = prior.factor.copy(), prior.found.copy(), prior.expected.copy()
    told = information_of(pairs, density.precision, windows.counts > 0)
    for axis, (info, gradient) in enumerate(told):
        trace = float(np.trace(info))
        if not trace > 0:
            continue
        # A constant is free, and windows without localizations are.
        covariance = np.linalg.inv(info + _FREE * trace / len(info) * np.eye(len(info)))
        own = covariance @ -gradient
        covariance = (
            covariance
            * joint_drift(
                *(info, -gradient, windows.mean_frame, windows.segment),
                windows.counts.astype(float),
            ).noise
        )
        found = disagreement(
            step[:, axis] - own, np.asarray(covariance), variance[:, axis], FALSE_ALARM
        )
        if found.factor > 1:
            if factor[axis] == 1:
                off[axis], expected[axis] = found.found, found.expected
            factor[axis] *= found.factor
    return replace(prior, factor=factor, found=off, expected=expected)

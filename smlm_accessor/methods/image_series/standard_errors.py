"""The standard errors of shifts, such as ``offset_std`` of cc: a jackknife over field blocks."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field.jackknife import variances
from smlm_accessor.methods.image_series.registration import Shifts


def jackknifed(shifts: Shifts) -> Shifts:
    """Return shifts with variances that do not take localizations for independent.

    They are the sums of the squared influences of field blocks, less what is common to all shifts;
    see `jackknife.variances`. An axis without extent has none, and stays NaN.
    """
    valid = shifts.valid
    if shifts.influence is None:
        return shifts
    variance = shifts.variance.copy()
    variance[valid] = variances(shifts.influence[valid], variance[valid])
    return shifts._replace(variance=variance)


def offset_std(shifts: Shifts) -> FloatArray:
    """Return one standard deviation of each shift, ``sqrt(variance)``; NaN if it is not valid."""
    return np.where(shifts.valid[:, None], np.sqrt(shifts.variance), np.nan)

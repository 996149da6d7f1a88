"""The usual localization precision along each axis."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.neighbours.nena import precision as usual_precision
from smlm_accessor.kernels.neighbours.nena import with_axial
from smlm_accessor.methods.chunked import ChunkedLocalizations


def precision_along(localizations: ChunkedLocalizations, given: float | None = None) -> FloatArray:
    """Return the usual precision along each axis, or the one that is given.

    It is NaN or 0 in x and y if there is nothing to tell it from. Along z it is then twice as large
    as in x.
    """
    d = localizations.positions.shape[1]
    if given is not None:
        return np.full(d, given, dtype=np.float64)
    return with_axial(
        usual_precision(localizations.positions, localizations.frames, localizations.uncertainty)
    )


def telling_axes(positions: FloatArray, precision: FloatArray) -> IntArray:
    """Return the axes along which positions differ, and are known to some precision."""
    told = np.isfinite(precision) & (precision > 0)
    return np.flatnonzero(told & (by_column.extent(positions) > 0))

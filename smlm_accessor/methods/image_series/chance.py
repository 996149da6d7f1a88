"""Whether matches of images are chance."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray

_PART = 0.05  # of the field
_LENGTHS = 3.0  # smoothings
_FEWEST = 4  # images
_MOST = 0.3  # of the bends are smaller


def erratic(drift: FloatArray, valid: BoolArray, smoothing: float, extent: float) -> bool:
    """Tell whether images lie here and there in the field, as those without anything in common.

    A long blink in one image and another one in the next look like the same molecule: such a match
    is clear, and wrong. A sample that moves far, but steadily, is no chance.

    Parameters
    ----------
    drift : ndarray, shape (k, 2)
        In the order of time.
    valid : ndarray of bool, shape (k,)
        Others are left out.
    smoothing, extent : float
        Of the correlation, and of the field.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> erratic(rng.uniform(-500, 500, (10, 2)), np.full(10, True), 20, 1000)
    True
    >>> erratic(np.outer(np.arange(10), [90, 0]), np.full(10, True), 20, 1000)
    False
    """
    known = drift[valid][:, :2]
    if len(known) < _FEWEST:
        return False
    # Each that went astray by itself bends the course three times.
    bends = np.abs(np.diff(known, 2, axis=0)).max(axis=1)
    bend = float(np.quantile(bends, _MOST, method="lower"))
    return bend > max(_PART * extent, _LENGTHS * smoothing)

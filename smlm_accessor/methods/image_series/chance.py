"""Whether matches of images are chance."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray

_PART = 0.05  # of the field
_LENGTHS = 3.0  # smoothing lengths
_FEWEST = 4  # images
_MOST = 0.3  # of the second differences are smaller


def erratic(drift: FloatArray, valid: BoolArray, smoothing: float, extent: float) -> bool:
    """Tell whether images lie here and there in the field, as those without anything in common.

    A long blink in one image and another one in the next look like the same molecule: such a match
    is significant, and wrong. A sample that moves far, but steadily, is no chance. So second
    differences of the drift, (k, d), in the order of time, are compared with the ``extent`` of the
    field and the smoothing: their lower 30 % quantile, as each image that went astray by itself
    makes three of them large.
    """
    known = drift[valid][:, :2]
    if len(known) < _FEWEST:
        return False
    bends = np.abs(np.diff(known, 2, axis=0)).max(axis=1)
    bend = float(np.quantile(bends, _MOST, method="lower"))
    return bend > max(_PART * extent, _LENGTHS * smoothing)

"""A bounded sample of localizations that consists of whole frames."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, IntArray
from smlm_accessor.kernels.hashing import split_mix64


def whole_frames(frames: IntArray, size: int) -> BoolArray:
    """Choose whole frames by a hash of their number, until there are ``size`` localizations.

    The choice is the same for any order of the rows, and follows no period that a sequence of
    excitation could have. At most one frame more is chosen, and all if there are fewer.

    Examples
    --------
    >>> import numpy as np
    >>> frames = np.repeat(np.arange(100), 3)
    >>> chosen = whole_frames(frames, 30)
    >>> int(chosen.sum()), len(np.unique(frames[chosen]))
    (30, 10)
    """
    if len(frames) <= size:
        return np.ones(len(frames), dtype=np.bool_)
    h = split_mix64(frames)
    chosen: BoolArray = h <= np.partition(h, size - 1)[size - 1]
    return chosen

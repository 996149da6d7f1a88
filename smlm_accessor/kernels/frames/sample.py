"""A bounded sample of localizations that consists of whole frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smlm_accessor._typing import BoolArray, IntArray


def split_mix64(number: IntArray) -> npt.NDArray[np.uint64]:
    """Return 64 bits for each number, as good as random.

    The finalizer of splitmix64: Steele et al., OOPSLA 2014, DOI 10.1145/2660193.2660195.

    Examples
    --------
    >>> bool(abs(split_mix64(np.arange(10_000)).mean() / 2.0**64 - 0.5) < 0.01)
    True
    """
    h = number.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(h ^ (h >> np.uint64(31)))


def whole_frames(frames: IntArray, size: int) -> BoolArray:
    """Choose whole frames by a hash of their number, until there are enough localizations.

    The choice depends neither on the order of the rows nor on chance, and follows no period that an
    excitation sequence could have.

    Parameters
    ----------
    frames : ndarray, shape (n,)
        Frame of each localization.
    size : int
        Localizations wanted; at most one frame more is chosen, and all if there are fewer.

    Returns
    -------
    ndarray of bool, shape (n,)

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

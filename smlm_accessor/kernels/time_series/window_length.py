"""How long segments should be, and where to cut them."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

#: Segments, at least and at most, that are chosen.
FEWEST = 8
MOST = 1000
# Of a curve through the means of segments of a random walk: what is left of the variance of a
# mean, and the mean squared distance, as part of the squared second difference. From a simulation
# with the interpolation that corrections use.
_NOISE = 0.73
_MOTION = 0.12
# Squared third differences of a random walk are so many times its squared second differences.
_THIRD = 8 / 3
# Of smooth motion, the mean squared distance as part of the squared second difference.
_SMOOTH = 0.01
# A jump has a second difference that says nothing of the rest: so many, the largest, do not count.
_TRIMMED = 0.05
# Mean of a squared normal number of unit variance without that part.
_MEAN_OF_REST = 0.759
# Noise may be this much larger than it seems before it is taken for motion.
_MARGIN = 1.1
# Longer segments have to be better by this factor.
_CLEARLY = 0.85


def longer_by(
    drift: FloatArray, variance: FloatArray, valid: BoolArray, share: float = 1.0
) -> float:
    """Return the factor by which segments should be longer, 1/4 at least.

    Parameters
    ----------
    drift, variance : ndarray, shape (k, d)
        Of segments of about the same length.
    valid : ndarray of bool, shape (k,)
        Others do not count.
    share : float
        Part of the localizations that the drift is from; segments are for all of them.
    """
    drift, variance = drift[valid], variance[valid]
    if len(drift) < FEWEST:
        return 1.0
    noise = np.median(variance, axis=0)
    if not (noise > 0).all() or not np.isfinite(noise).all():
        return 1.0
    final = share * noise
    bend = _bend(drift, noise) / final
    best, cost = 1.0, float((_NOISE + bend).sum())
    scale = 2
    while len(drift) // scale >= FEWEST:
        n = len(drift) // scale
        means = drift[: n * scale].reshape(n, scale, -1).mean(axis=1)
        now = float((_NOISE / scale + _bend(means, noise / scale) / final).sum())
        if now < _CLEARLY * cost:
            best, cost = float(scale), now
        scale *= 2
    if best > 1 or not bend.any():
        return best
    return float(np.clip(np.sqrt(_NOISE / float(bend.mean())), 0.25, 1.0))


def _bend(means: FloatArray, noise: FloatArray) -> FloatArray:
    """Return the mean squared distance of a curve through means from the drift, but for noise.

    Of a random walk, from third differences, which smooth motion does not have; of smooth motion,
    from second differences.
    """
    least = _MARGIN * noise
    out = _SMOOTH * np.maximum(_mean_square(np.diff(means, 2, axis=0)) - 6 * least, 0.0)
    third = np.maximum(_mean_square(np.diff(means, 3, axis=0)) - 20 * least, 0.0)
    return np.asarray(out + _MOTION / _THIRD * third)


def _mean_square(differences: FloatArray) -> FloatArray:
    squared = np.sort(differences**2, axis=0)
    n = max(len(squared) - max(round(_TRIMMED * len(squared)), 1), 1)
    return np.asarray(squared[:n].mean(axis=0) / _MEAN_OF_REST)


def smoothed(drift: FloatArray, valid: BoolArray, length: float, piece: IntArray) -> FloatArray:
    """Average the drift of neighbouring segments, about so many, of the same piece."""
    if length <= 1:
        return drift
    half = max(round(length / 2), 1)
    out = drift.copy()
    for k in np.unique(piece):
        index = np.flatnonzero(valid & (piece == k))
        for place, i in enumerate(index):
            # As many on either side, so that a line stays a line.
            n = min(half, place, len(index) - 1 - place)
            out[i] = drift[index[place - n : place + n + 1]].mean(axis=0)
    return out

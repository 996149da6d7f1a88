"""How long the windows should be between which drift is interpolated.

Longer windows hold more localizations, so their drift is less noisy; but a curve through the means
of long windows follows the motion of the sample less well. With a variance of ``noise`` of each
mean, and differences ``d2`` and ``d3`` of second and third order of the true means, the mean
squared distance of the curve from the drift is

``0.73 noise + 0.12 / (8/3) <d3**2> + 0.01 <d2**2>``

where the third differences show a random walk and the second ones smooth motion.
"""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

#: Windows, at least and at most, that are chosen.
FEWEST = 8
MOST = 1000
#: Lengths that are tried, and factors between numbers of windows that are taken for equal.
ROUNDS = 6
SIMILAR = (0.75, 1.25)
# Measured on simulated random walks with `Windows.curve`, as the tests do: the part of the variance
# of a mean that is left in the curve, and the mean squared distance of the curve from the walk in
# units of its mean squared second difference.
_NOISE = 0.73
_MOTION = 0.12
# The mean squared third difference of a random walk in units of its mean squared second difference.
_THIRD = 8 / 3
# As `_MOTION`, for smooth motion.
_SMOOTH = 0.01
# The part of the differences, the largest, that does not count: a jump is no usual motion.
_TRIMMED = 0.05
# Mean of the squares of standard normal numbers without that part.
_MEAN_OF_REST = 0.759
# Noise may be this much larger than its variance says before it is taken for motion.
_MARGIN = 1.1
# Windows become longer only if the expected squared distance falls by this factor.
_CLEARLY = 0.85


def longer_by(
    drift: FloatArray, variance: FloatArray, valid: BoolArray, share: float = 1.0
) -> float:
    """Return the factor by which windows of about the same length should be longer, 1/4 at least.

    The factor has the least expected squared distance of the curve from the drift, in units of
    noise, summed over components. Longer windows, by powers of two, are tried on means of
    neighbours. Shorter ones follow from the balance of noise and a random walk: ``0.73 noise`` is
    inversely proportional to the length, the distance because of motion proportional to it. The
    drift, (k, d), is from the part ``share`` of all localizations; the curve will be from all of
    them.
    """
    drift, variance = drift[valid], variance[valid]
    if len(drift) < FEWEST:
        return 1.0
    noise = np.median(variance, axis=0)
    if not (noise > 0).all() or not np.isfinite(noise).all():
        return 1.0
    final = share * noise
    bend = _distance(drift, noise) / final
    best, cost = 1.0, float((_NOISE + bend).sum())
    scale = 2
    while len(drift) // scale >= FEWEST:
        n = len(drift) // scale
        means = drift[: n * scale].reshape(n, scale, -1).mean(axis=1)
        now = float((_NOISE / scale + _distance(means, noise / scale) / final).sum())
        if now < _CLEARLY * cost:
            best, cost = float(scale), now
        scale *= 2
    if best > 1 or not bend.any():
        return best
    return float(np.clip(np.sqrt(_NOISE / float(bend.mean())), 0.25, 1.0))


def _distance(means: FloatArray, noise: FloatArray) -> FloatArray:
    """Return the mean squared distance of the curve from the drift because of motion, shape (d,).

    Noise adds 6 and 20 times its variance to the squared differences of second and third order.
    """
    least = _MARGIN * noise
    second = np.maximum(_mean_square(np.diff(means, 2, axis=0)) - 6 * least, 0.0)
    third = np.maximum(_mean_square(np.diff(means, 3, axis=0)) - 20 * least, 0.0)
    return np.asarray(_SMOOTH * second + _MOTION / _THIRD * third)


def _mean_square(differences: FloatArray) -> FloatArray:
    """Return the mean square of normal numbers, from the smallest of them."""
    squared = np.sort(differences**2, axis=0)
    n = max(len(squared) - max(round(_TRIMMED * len(squared)), 1), 1)
    return np.asarray(squared[:n].mean(axis=0) / _MEAN_OF_REST)


def smoothed(drift: FloatArray, valid: BoolArray, length: float, segment: IntArray) -> FloatArray:
    """Return running means over about ``length`` valid windows of the same segment.

    As many windows count on either side, fewer near the ends of a segment: a line stays a line.
    """
    if length <= 1:
        return drift
    half = max(round(length / 2), 1)
    out = drift.copy()
    for k in np.unique(segment):
        index = np.flatnonzero(valid & (segment == k))
        for at, i in enumerate(index):
            n = min(half, at, len(index) - 1 - at)
            out[i] = drift[index[at - n : at + n + 1]].mean(axis=0)
    return out

"""How wide the smallest structures are: a precision, where no molecule is seen twice in a row."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.neighbours.layers import LayerNeighbours

_MOST = 30_000  # localizations that are looked at
_WINDOWS = (512, 128, 32, 8)  # of all frames; shorter ones first: drift widens structures
_OCTAVES = 13
_PER_OCTAVE = 2
_CLEAR = 8.0  # standard deviations of chance
_FEWEST = 30  # pairs more than by chance
_RICHER = 0.5  # times as many as by chance: the edges of a field make a few more at any radius
_FARTHEST = 8.0  # usual distances of neighbours
# Below the precision, pairs grow with the area; where they do so with this power of the radius, it
# is 1.5 precisions for points and 2.5 for lines.
_POWER = 1.5
_RADIUS = 1.8


def cluster_scale(positions: FloatArray, frames: IntArray, *, most: int = _MOST) -> float:
    """Return the standard deviation of the smallest structures in x and y; NaN if there are none.

    Pairs of localizations within a radius are counted, in windows of time over which drift is
    small. By chance their number grows with the area; structures add to it, at first with the area,
    too, and beyond their own width more slowly. Positions are in the order of frames; ``most`` of
    them are looked at.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> molecules = rng.uniform(0, 1000, (100, 2))
    >>> positions = molecules[rng.integers(100, size=5000)] + rng.normal(0, 5, (5000, 2))
    >>> 3 < cluster_scale(positions, np.arange(5000)) < 8
    True
    """
    extent = float(by_column.extent(positions[:, :2]).max()) if len(positions) > 1 else 0.0
    if extent == 0:
        return np.nan
    time = (frames - frames[0]) / (frames[-1] - frames[0] + 1)
    for n_windows in _WINDOWS:
        radii, extra, chance = _pairs(
            positions, np.floor(time * n_windows).astype(np.int64), extent, most
        )
        clear = (extra > _CLEAR * np.sqrt(chance + 1)) & (extra > _RICHER * chance)
        significant = clear & (extra > _FEWEST)
        if not significant.any():
            continue
        # Where pairs are clearly more than by chance, how they grow with the radius.
        first = int(np.argmax(significant))
        seen = clear[first:]
        count = int(np.argmin(seen)) if not seen.all() else len(seen)
        knee = _knee(extra[first : first + count])
        if knee is not None:
            return float(radii[first + knee]) / _RADIUS
    return np.nan


def _knee(pairs: FloatArray) -> int | None:
    """Return where pairs begin to grow clearly more slowly than their power of the radius."""
    for i in range(_PER_OCTAVE, len(pairs) - _PER_OCTAVE):
        fewer, more = pairs[i - _PER_OCTAVE], pairs[i + _PER_OCTAVE]
        power = np.log2(more / fewer) / 2
        error = np.sqrt(1 / fewer + 1 / more) / np.log(2) / 2
        if power + error < _POWER:
            return i
    return None


def _pairs(
    positions: FloatArray, window: IntArray, extent: float, most: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return radii, how many pairs more than by chance lie within them, and how many by chance."""
    step = len(positions) // most + 1
    rows = np.flatnonzero(window % step == 0)[:most]
    if len(rows) < 2:
        return np.zeros(1), np.zeros(1), np.zeros(1)
    layers = LayerNeighbours.of(positions.take(rows, axis=0), window[rows])
    # From far below the usual distance of neighbours to somewhat above it.
    usual = float(np.median(np.sqrt(layers.nearest(0)[1])))
    if not 0 < usual < 2 * extent:
        return np.zeros(1), np.zeros(1), np.zeros(1)
    farthest = min(_FARTHEST * usual, extent / 16)
    radii = farthest * 2.0 ** -(np.arange(_OCTAVES * _PER_OCTAVE)[::-1] / _PER_OCTAVE)
    pairs = layers.pairs(radii).astype(np.float64)
    chance = pairs[-1] * (radii / radii[-1]) ** 2
    return radii, pairs - chance, chance

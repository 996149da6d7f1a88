"""The field cut into places, and the places dealt out to two halves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.images.grid import field_of

_PLACES = 144  # in the field, about
_SMALLEST = 4.0  # reaches of the kernel
_WIDEST_MARGIN = 0.1  # of the field
_SIDE = 1 << 20  # places along an axis, at most


@dataclass(frozen=True)
class FieldBlocks:
    """Squares of the field in x and y, each in one of two halves.

    Parameters
    ----------
    corner, extent, width : ndarray, shape (2,)
        Of the field, and of a place.
    keys : ndarray, shape (n_places,)
        Of the places that are not empty, increasing.
    second : ndarray of bool, shape (n_places,)
        Whether a place is in the second half.
    """

    corner: FloatArray
    extent: FloatArray
    width: FloatArray
    keys: IntArray
    second: BoolArray

    def of(self, positions: FloatArray) -> IntArray:
        """Return the number of the place of each position; the next one where it was empty."""
        found = np.searchsorted(self.keys, _key(positions, self.corner, self.width))
        return np.minimum(found, len(self.keys) - 1)

    def inner(self, positions: FloatArray, margin: float) -> BoolArray:
        """Return which positions are farther from the edges of the field than a margin.

        A camera's edges do not move with the sample; once drift is removed, they do.
        """
        margins = np.minimum(margin, _WIDEST_MARGIN * self.extent)
        inside = positions[:, :2] - self.corner
        return np.asarray(((inside >= margins) & (inside <= self.extent - margins)).all(axis=1))


def make_field_blocks(positions: FloatArray, reach: float) -> FieldBlocks:
    """Cut the field into places, and deal them out so that both halves hold about as much.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    reach : float
        Of the kernel along x and y.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.uniform(0, 1000, (5000, 2))
    >>> places = make_field_blocks(x, reach=5.0)
    >>> int(places.second[places.of(x)].sum())
    2500
    """
    lower, upper = field_of(positions[:, :2])
    extent = upper - lower
    side = float(np.sqrt(np.prod(extent) / _PLACES)) if (extent > 0).all() else 0.0
    width = np.full(2, max(side, float(extent.max()) / _PLACES, _SMALLEST * reach))
    keys, counts = np.unique(_key(positions, lower, width), return_counts=True)
    # The fullest first, each to the half that holds less; equally full ones as by chance.
    order = np.lexsort([split_mix64(keys), -counts])
    second = np.zeros(len(keys), dtype=np.bool_)
    held = [0, 0]
    for place in order.tolist():
        half = int(held[1] < held[0])
        second[place] = bool(half)
        held[half] += int(counts[place])
    return FieldBlocks(lower, extent, width, keys, second)


def _key(positions: FloatArray, corner: FloatArray, width: FloatArray) -> IntArray:
    cell = np.floor((positions[:, :2] - corner) / width)
    cell = np.clip(cell, -_SIDE // 2, _SIDE // 2 - 1).astype(np.int64) + _SIDE // 2
    return np.asarray(cell @ np.array([_SIDE, 1]))

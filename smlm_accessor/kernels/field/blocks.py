"""The field cut into squares, by which it is seen how far an estimate depends on chance.

Localizations of one molecule, and structures that reach over a few of them, are not independent of
each other; what lies in different squares is, nearly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.grid import field_of

_WANTED = 64  # squares over the field
_ENOUGH = 20.0  # squares that count, for a standard deviation good to a sixth
_MOST = 1024
_HALVINGS = 8


class FieldBlocks(NamedTuple):
    """Squares in x and y, numbered from 0.

    Parameters
    ----------
    lower : ndarray, shape (2,)
        Corner of the field.
    width : float
        Edge of a square; 0 if there is one square only.
    shape : tuple of int
        Squares along both axes. What lies outside the field belongs to the squares at its border.
    """

    lower: FloatArray
    width: float
    shape: tuple[int, int]

    @property
    def n(self) -> int:
        """Number of squares."""
        return self.shape[0] * self.shape[1]

    def of(self, positions: FloatArray) -> IntArray:
        """Return the number of the square of each position, shape (n,)."""
        if self.n == 1:
            return np.zeros(len(positions), dtype=np.int64)
        cell = np.floor((positions[:, :2] - self.lower) / self.width)
        cell = np.clip(cell, 0, np.array(self.shape) - 1).astype(np.int64)
        return np.asarray(cell[:, 0] * self.shape[1] + cell[:, 1])


def make_field_blocks(positions: FloatArray) -> FieldBlocks:
    """Cut the field into about 64 squares; into more where most of it is empty.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
        Of which only x and y count.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> 50 < make_field_blocks(rng.uniform(0, 80, (1000, 2))).n < 90
    True
    """
    lower, upper = field_of(positions[:, :2])
    extent = upper - lower
    one = FieldBlocks(lower, 0.0, (1, 1))
    if not extent.max() > 0:
        return one
    area = float(np.prod(extent))
    width = max(np.sqrt(area / _WANTED), float(extent.max()) / _WANTED)
    found = one
    for _ in range(_HALVINGS):
        shape = np.maximum(np.ceil(extent / width * (1 - 1e-9)), 1).astype(int)
        if found.n > 1 and shape.prod() > _MOST:
            break
        found = FieldBlocks(lower, float(width), (int(shape[0]), int(shape[1])))
        if effective_number(np.bincount(found.of(positions))) >= _ENOUGH:
            break
        width /= 2
    return found


def effective_number(weights: FloatArray | IntArray) -> float:
    """Return how many equal squares would be as good as these.

    Examples
    --------
    >>> effective_number(np.array([5, 5, 5, 5])), effective_number(np.array([100, 0, 0, 0]))
    (4.0, 1.0)
    """
    squares = float(np.sum(np.square(weights, dtype=float)))
    return float(np.sum(weights, dtype=float)) ** 2 / squares if squares > 0 else 0.0

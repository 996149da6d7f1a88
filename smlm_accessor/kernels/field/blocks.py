"""Field blocks: the field cut into squares.

Localizations of one molecule, and structures that reach over a few of them, depend on each other.
Those of different blocks are nearly independent, which the jackknife and halves of the field use.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.field.jackknife import effective_number
from smlm_accessor.kernels.images.grid import field_of

_WANTED = 64  # blocks over the field
ENOUGH = 20  # effective blocks, for a standard deviation good to a sixth
_MOST = 1024
_WIDEST_MARGIN = 0.1  # of the field


class FieldBlocks(NamedTuple):
    """Squares in x and y, numbered from 0.

    Parameters
    ----------
    lower, extent : ndarray, shape (2,)
        Corner and size of the field.
    width : float
        Edge of a block; 0 if the field has no extent.
    """

    lower: FloatArray
    extent: FloatArray
    width: float

    @classmethod
    def covering(cls, positions: FloatArray, n: int, least: float = 0.0) -> FieldBlocks:
        """Cut the field into about ``n`` blocks, none of which is narrower than ``least``."""
        lower, upper = field_of(positions[:, :2])
        extent = upper - lower
        longest = float(extent.max())
        width = max(float(np.sqrt(np.prod(extent) / n)), longest / n, least) if longest > 0 else 0.0
        return cls(lower, extent, width)

    @property
    def shape(self) -> tuple[int, int]:
        """Blocks along both axes; those at the border hold what lies outside the field, too."""
        if not self.width > 0:
            return 1, 1
        rows, columns = np.maximum(np.ceil(self.extent / self.width * (1 - 1e-9)), 1).tolist()
        return int(rows), int(columns)

    @property
    def n(self) -> int:
        """Number of blocks."""
        return self.shape[0] * self.shape[1]

    def of(self, positions: FloatArray) -> IntArray:
        """Return the number of the block of each position, shape (n,)."""
        if self.n == 1:
            return np.zeros(len(positions), dtype=np.int64)
        number = np.zeros(len(positions), dtype=np.int64)
        for x, lower, n in zip(positions[:, :2].T, self.lower, self.shape, strict=True):
            cell = x - lower  # one axis at a time, in place
            cell /= self.width
            np.clip(np.floor(cell, out=cell), 0, n - 1, out=cell)
            number *= n
            number += cell.astype(np.int64)
        return number


def make_field_blocks(positions: FloatArray) -> FieldBlocks:
    """Cut the field into about 64 blocks; into more where most of it is empty.

    Blocks are halved until the effective number of blocks (Kish), by their localizations, is 20.
    """
    blocks = FieldBlocks.covering(positions, _WANTED)
    while True:
        finer = blocks._replace(width=blocks.width / 2)
        enough = effective_number(np.bincount(blocks.of(positions))) >= ENOUGH
        if enough or blocks.n == 1 or finer.n > _MOST:
            return blocks
        blocks = finer


def away_from_edges(
    xy: FloatArray, lower: FloatArray, upper: FloatArray, margin: float
) -> BoolArray:
    """Tell which positions lie inside a field by a margin, which is a tenth of it at most.

    The edges of a camera do not move with the sample: localizations enter on one side and leave on
    the other, and even background that ends at the same place would draw the edges together.
    """
    least = np.minimum(margin, _WIDEST_MARGIN * (upper - lower))
    return by_column.in_all((xy >= lower + least) & (xy <= upper - least))

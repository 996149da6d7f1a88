"""Field blocks, dealt out to two halves of the field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.hashing import split_mix64

_BLOCKS = 144  # in the field, about: halves then hold alike much, and errors are known to 6 %


class FieldHalves(NamedTuple):
    """Field blocks, and whether each is in the second half, shape (n_blocks,)."""

    blocks: FieldBlocks
    in_second: BoolArray

    def of(self, positions: FloatArray) -> tuple[IntArray, BoolArray]:
        """Return the block of each position, and whether it is in the second half."""
        block = self.blocks.of(positions)
        return block, self.in_second[block]


def make_field_halves(positions: FloatArray, least: float) -> FieldHalves:
    """Cut the field into blocks, and deal them out so that both halves hold about as much.

    Parameters
    ----------
    positions : ndarray, shape (n, d)
    least : float
        Edge of a block, at least: longer than what localizations in it have in common.

    Examples
    --------
    >>> x = np.random.default_rng(1).uniform(0, 1000, (5000, 2))
    >>> int(make_field_halves(x, least=20.0).of(x)[1].sum())
    2500
    """
    blocks = FieldBlocks.covering(positions, _BLOCKS, least)
    counts = np.bincount(blocks.of(positions), minlength=blocks.n)
    # The fullest first, each to the half that holds less; equally full ones as by chance.
    order = np.lexsort([split_mix64(np.arange(blocks.n)), -counts])
    in_second = np.zeros(blocks.n, dtype=np.bool_)
    held = [0, 0]
    for block in order.tolist():
        half = int(held[1] < held[0])
        in_second[block] = bool(half)
        held[half] += int(counts[block])
    return FieldHalves(blocks, in_second)

"""Field blocks, dealt out to two halves of the field."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.density.cells import MOST_CELLS
from smlm_accessor.kernels.field.blocks import FieldBlocks
from smlm_accessor.kernels.hashing import split_mix64
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows

_BLOCKS = 144  # in the field, about: halves then hold alike much, and errors are known to 6 %


class FieldHalves(NamedTuple):
    """Field blocks that are not empty, and whether each is in the second half.

    ``key``, increasing, is the place of each block on a lattice that goes on beyond the field: a
    few localizations far outside are blocks of their own and do not count to those at the border.
    """

    blocks: FieldBlocks
    key: IntArray
    in_second: BoolArray

    def of(self, positions: FloatArray) -> tuple[IntArray, BoolArray]:
        """Return the block of each position, and whether it is in the second half.

        Where there was nothing before, it is the next block.
        """
        block = np.searchsorted(self.key, _key(self.blocks, positions))
        block = np.minimum(block, len(self.key) - 1)
        return block, self.in_second[block]


def make_field_halves(positions: FloatArray, least: float) -> FieldHalves:
    """Cut the field into blocks, and deal them out so that both halves hold about as much.

    The edge of a block is at ``least`` longer than what localizations in it have in common.

    Examples
    --------
    >>> x = np.random.default_rng(1).uniform(0, 1000, (5000, 2))
    >>> int(make_field_halves(x, least=20.0).of(x)[1].sum())
    2500
    """
    blocks = FieldBlocks.covering(positions, _BLOCKS, least)
    ordered = sorted_rows(_key(blocks, positions))[1]
    begins, counts = equal_runs(ordered)
    key = ordered[begins]
    # The fullest first, each to the half that holds less; equally full ones as by chance.
    order = np.lexsort([split_mix64(key), -counts])
    in_second = np.zeros(len(key), dtype=np.bool_)
    held = [0, 0]
    for block in order.tolist():
        half = int(held[1] < held[0])
        in_second[block] = bool(half)
        held[half] += int(counts[block])
    return FieldHalves(blocks, key, in_second)


def _key(blocks: FieldBlocks, positions: FloatArray) -> IntArray:
    width = blocks.width if blocks.width > 0 else 1.0
    half, key = MOST_CELLS // 2, np.zeros(len(positions), dtype=np.int64)
    for x, lower in zip(positions[:, :2].T, blocks.lower, strict=True):
        cell = (x - lower) / width  # one axis at a time, in place
        np.clip(np.floor(cell, out=cell), -half, half - 1, out=cell)
        key *= MOST_CELLS
        key += cell.astype(np.int64) + half
    return key

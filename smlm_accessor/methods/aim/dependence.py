"""How far localizations of a window depend on each other: those of one blink do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.field.jackknife import inflation
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows
from smlm_accessor.methods.aim.fit import WindowFit
from smlm_accessor.methods.aim.sparse_image import WindowDrift

# Windows that are looked at, at most, and no fewer: with 50 blocks of the field in each, the factor
# is good to 2 %, and to 4 %.
_MOST, _FEWEST = 128, 32
_ENOUGH = 50_000  # localizations in them


def dependence(fit: WindowFit, motion: WindowDrift) -> FloatArray:
    """Return by how much variances are larger than those of independent localizations, shape (3,).

    The gradients of all others are summed by field block in each window. The factor is the variance
    of these sums by the jackknife over the summed squared gradients of each localization.

    Parameters
    ----------
    fit : WindowFit
    motion : WindowDrift
        The final one.
    """
    known = motion.known & (motion.counts > 0)
    if known.sum() < 2 or len(fit.axes) < 2:
        return np.ones(3)
    most = int(np.clip(_ENOUGH / motion.counts[known].mean(), _FEWEST, _MOST))
    known[known] = np.arange(known.sum()) % -(-known.sum() // most) == 0
    positions, frames = fit.arrays
    window = np.repeat(np.arange(len(known)), motion.counts)
    rows = np.flatnonzero(known[window])
    there = positions[rows, :2] - motion.drift[window[rows], :2]
    blocks = make_field_blocks(there)
    order, key = np.arange(len(window)), window * blocks.n
    by_block, key[rows] = sorted_rows(key[rows] + blocks.of(there))
    order[rows] = rows[by_block]
    begin, _ = equal_runs(key)
    of, block = np.divmod(key[begin], blocks.n)
    asked = known[of]
    # Each block of a window as if it were a window, against all but the whole window.
    drift = np.where(asked[:, None], motion.drift[of], np.nan)
    part = WindowDrift(np.append(begin, len(key)), drift, motion.slope[of], motion.middle[of])
    in_blocks = replace(fit.localizations, positions=positions[order], frames=frames[order])
    del window, rows, there, order, key, by_block  # as long as the table
    sums = replace(fit, localizations=in_blocks).gradient_sums(motion, part, motion.rows[of])
    sums, block, of = sums[asked], block[asked], of[asked]
    row = np.cumsum(known)[of] - 1
    counts = motion.counts[known]
    influence, variance = np.zeros((len(counts), blocks.n, 3)), np.zeros((len(counts), 3))
    influence[row, block] = sums[:, :3] / counts[row, None]
    np.add.at(variance, row, sums[:, 3:6] / counts[row, None] ** 2)
    return inflation(influence, variance, counts)

"""How far localizations of a segment depend on each other: those of one blink do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.field.jackknife import variances
from smlm_accessor.methods.aim.fit import Fit
from smlm_accessor.methods.coarse.sparse_image import WindowDrift, pulls

_MOST = 1000  # segments
_SQUARES = 3  # column of the sums in which the squared pulls begin


def dependence(fit: Fit, motion: WindowDrift) -> FloatArray:
    """Return by how much variances are larger than those of independent localizations, shape (3,).

    The pulls of all others are summed by squares of the field in each segment: the squares of these
    sums, less what all segments have in common, against the squared pulls of each localization.

    Parameters
    ----------
    fit : Fit
    motion : WindowDrift
        The final one.
    """
    factor = np.ones(3)
    counts = np.diff(motion.bounds)
    known = np.isfinite(motion.drift).all(axis=1) & (counts > 0)
    if known.sum() < 2 or len(fit.axes) < 2:
        return factor
    # Some of many segments tell it well enough.
    known[known] = np.arange(known.sum()) % -(-known.sum() // _MOST) == 0
    positions, frames = fit.localizations.positions, fit.localizations.frames
    segment = np.repeat(np.arange(len(counts)), counts)
    there = positions[:, :2] - np.nan_to_num(motion.drift[segment, :2])
    blocks = make_field_blocks(there)
    key = segment * blocks.n + blocks.of(there)
    order = np.argsort(key, kind="stable")
    key = key[order]
    begin = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    of, place = np.divmod(key[begin], blocks.n)
    asked = known[of]
    # Each square of a segment as if it were one, against all but the whole segment.
    drift = np.where(asked[:, None], motion.drift[of], np.nan)
    part = WindowDrift(np.append(begin, len(key)), drift, motion.slope[of], motion.middle[of])
    around = np.stack([motion.bounds[of], motion.bounds[of + 1]], axis=1)
    localizations = replace(fit.localizations, positions=positions[order], frames=frames[order])
    sorted_fit = replace(fit, localizations=localizations)
    image, kernel = sorted_fit.image(motion), fit.kernel
    sums = pulls(sorted_fit.arrays, motion, image, kernel, around, part, fit.threads)
    sums, place, of = sums[asked], place[asked], of[asked]
    row = np.cumsum(known)[of] - 1
    moves = np.zeros((int(known.sum()), blocks.n, 3))
    moves[row, place] = sums[:, :3] / counts[of, None]
    found = variances(moves)
    if found is None:
        return factor
    squares = np.zeros((len(moves), 3))
    np.add.at(squares, row, sums[:, _SQUARES : _SQUARES + 3])
    weights = counts[known, None]
    expected = (squares / weights).sum(axis=0)
    seen = (found * weights).sum(axis=0)
    factor[expected > 0] = seen[expected > 0] / expected[expected > 0]
    return np.maximum(factor, 1.0)

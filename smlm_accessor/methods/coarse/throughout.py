"""The sample followed through all frames, over jumps of any length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.checks import relocated
from smlm_accessor.methods.coarse.far_jumps import far_pieces
from smlm_accessor.methods.coarse.tracker import (
    AGREE,
    CELL,
    Coarse,
    followed,
    followed_ones,
    nothing,
)


def coarse(
    localizations: ChunkedLocalizations, precision: FloatArray, *, threads: int | None = None
) -> Coarse:
    """Follow the sample through all frames, also over jumps that are too far to be followed.

    Parameters
    ----------
    localizations : ChunkedLocalizations
        Its chunks do not matter.
    precision : ndarray, shape (d,)
    threads : int, optional

    Returns
    -------
    Coarse
    """
    if not (np.isfinite(precision[:2]).all() and (precision[:2] > 0).all()):
        return nothing(localizations)
    found = followed(localizations, precision, threads)
    pieces = far_pieces(localizations, CELL * precision, threads=threads)
    if pieces is None:
        return found
    together = followed(pieces.removed(localizations), precision, threads)
    if not together.score > found.score * (1 + AGREE):
        return found
    together = replace(together, drift=together.drift + pieces.at(together.middle))
    drift = np.zeros((len(together.drift), 3))
    drift[:, : localizations.positions.shape[1]] = together.drift
    far = np.setdiff1d(pieces.jumps, _known(localizations))
    arrays = followed_ones(localizations)
    edges, far = relocated(arrays, together.edges, drift, _scale(precision), far)
    jumps = np.union1d(
        np.setdiff1d(together.jumps, pieces.jumps), np.union1d(far, _known(localizations))
    )
    chosen = {**together.chosen, "jumps": jumps.tolist()}
    middle = WindowDrift.at_rest(arrays[1], edges).middle
    return replace(together, edges=edges, jumps=jumps, middle=middle, chosen=chosen)


def _scale(precision: FloatArray) -> FloatArray:
    """Return cells per unit length, 0 along axes that tell nothing."""
    cell = CELL * np.append(precision, np.nan)[:3]
    return np.where(np.isfinite(cell) & (cell > 0), 1 / np.where(cell > 0, cell, 1.0), 0.0)


def _known(localizations: ChunkedLocalizations) -> IntArray:
    return np.empty(0, dtype=np.int64) if localizations.jumps is None else localizations.jumps

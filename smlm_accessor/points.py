"""Localizations in the order of frames, cut into chunks: what methods take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.chunking import Chunks
from smlm_accessor.kernels.frame_order import in_order
from smlm_accessor.methods._registry import ChunkedPoints
from smlm_accessor.table import Localizations

# A chunk with fewer localizations than both counts as empty: this number, and this part of what
# chunks usually have.
_FEW = 50
_FEW_OF_USUAL = 0.05


def chunked(localizations: Localizations, cut: Chunks) -> ChunkedPoints:
    """Return the usable localizations about their centre, whatever the order of rows."""
    frames, positions = localizations.frames, localizations.positions
    uncertainty = localizations.uncertainty
    usable = localizations.finite
    if not usable.all():
        frames, positions = frames[usable], positions[usable]
        uncertainty = None if uncertainty is None else uncertainty[usable]
    order = in_order(frames, positions)
    frames, positions = frames[order], positions[order]
    center = _center(positions)
    positions -= center
    return ChunkedPoints(
        positions=positions,
        frames=frames,
        bounds=np.searchsorted(frames, cut.edges),
        components=localizations.components,
        uncertainty=None if uncertainty is None else uncertainty[order],
        edges=cut.edges,
        center=center,
    )


def _center(positions: FloatArray) -> FloatArray:
    """Return the mean, rounded to a millionth of the extent.

    So the last digits of the coordinates that a method gets, and with them which one of several
    equally good answers it finds, do not depend on the order of the rows.
    """
    extent = float(np.ptp(positions, axis=0).max())
    if extent == 0:
        return np.asarray(positions[0])
    step = 2.0 ** np.floor(np.log2(extent) - 20)
    return np.asarray(np.round(positions.mean(axis=0) / step) * step)


def without_small_chunks(points: ChunkedPoints) -> ChunkedPoints:
    """Empty the chunks that are tiny beside the others.

    What is left over at an end of a movie would be registered badly; as the target it would spoil
    all the others.
    """
    counts = np.diff(points.bounds)
    small = counts < min(_FEW, _FEW_OF_USUAL * float(np.median(counts[counts > 0])))
    keep = np.repeat(~small, counts)
    if keep.all():
        return points
    return replace(
        points,
        positions=points.positions[keep],
        frames=points.frames[keep],
        bounds=np.concatenate([[0], np.cumsum(np.where(small, 0, counts))]),
        uncertainty=None if points.uncertainty is None else points.uncertainty[keep],
    )

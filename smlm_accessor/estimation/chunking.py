"""Localizations in the order of frames, cut into chunks: what methods take."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels import by_column
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.table.localizations import Localizations

# A chunk with fewer localizations than both counts as empty: this number, and this part of what
# chunks usually have.
_FEW = 50
_FEW_OF_USUAL = 0.05


def chunked(
    localizations: Localizations, edges: IntArray, jumps: IntArray | None = None
) -> ChunkedLocalizations:
    """Return the usable localizations about their centre, whatever the order of rows."""
    usable = localizations.finite
    if not usable.all():
        localizations = localizations.take(usable)
    ordered = localizations.sorted()
    positions, center = centered(ordered.positions)
    return ChunkedLocalizations(
        positions,
        ordered.frames,
        np.searchsorted(ordered.frames, edges),
        ordered.components,
        uncertainty=ordered.uncertainty,
        trace=ordered.trace,
        edges=edges,
        center=center,
        jumps=jumps,
    )


def centered(positions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Subtract the mean, rounded to a millionth of the extent, in place; return it, too.

    So the last digits of the coordinates that a method gets, and with them which one of several
    equally good answers it finds, do not depend on the order of the rows.
    """
    extent = float(by_column.extent(positions).max())
    if extent == 0:
        center = positions[0].copy()
    else:
        step = 2.0 ** np.floor(np.log2(extent) - 20)
        center = np.round(by_column.mean(positions) / step) * step
    positions -= center
    return positions, center


def is_small(counts: IntArray) -> BoolArray:
    """Tell which chunks have hardly any localizations, beside the others."""
    return np.asarray(counts < min(_FEW, _FEW_OF_USUAL * float(np.median(counts[counts > 0]))))


def without_small_chunks(localizations: ChunkedLocalizations) -> ChunkedLocalizations:
    """Empty the chunks that are tiny beside the others.

    What is left over at an end of a movie would be registered badly; as the target it would spoil
    all the others.
    """
    counts = np.diff(localizations.bounds)
    small = is_small(counts)
    return localizations.take(np.repeat(~small, counts)) if small.any() else localizations

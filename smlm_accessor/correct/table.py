"""Correct a table by a drift."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import constant, example, is_partitioned, map_partitions, source_of
from smlm_accessor.drift import components_of
from smlm_accessor.drift.between_chunks import DEFAULT_BY, FrameTransformations
from smlm_accessor.drift.by_table import one_table
from smlm_accessor.drift.static import is_static
from smlm_accessor.drift.times import counted
from smlm_accessor.errors import AlreadyCorrectedWarning, DriftError
from smlm_accessor.models import (
    Drift,
    DriftModel,
    at_frames,
    counts_for,
    for_table,
    require_drift_or_model,
    transformations_of,
)
from smlm_accessor.table import history
from smlm_accessor.table.columns import find_columns
from smlm_accessor.table.localizations import (
    Localizations,
    known_range,
    read_localizations,
    write_positions,
)
from smlm_accessor.timeline import MOST_FRAMES


def correct(
    table: pd.DataFrame,
    drift: Drift | None = None,
    *,
    by: str | None = None,
    outside: str | None = None,
    **estimate_options: Any,
) -> pd.DataFrame:
    """Return a new table, corrected by a drift; see ``table.smlm.correct``.

    A dask DataFrame is corrected partition by partition, when it is computed.
    """
    if drift is None:
        from smlm_accessor.estimation.estimate import estimate_drift

        drift = estimate_drift(table, **estimate_options)
    else:
        require_unused(estimate_options)
    if isinstance(drift, xr.Dataset):
        drift = counted(one_table(drift))  # once, not for each part and step
    if is_partitioned(table):
        lazy: pd.DataFrame = _correct_partitions(table, drift, by, outside)
        return lazy
    result = _corrected(table, drift, by=by, outside=outside)
    result.attrs = _recorded(table.attrs, drift, by, outside)
    return result


def require_unused(estimate_options: Mapping[str, Any]) -> None:
    """Raise `DriftError` if there are options for an estimate, which a given drift needs not."""
    if estimate_options:
        raise DriftError(
            f"{', '.join(estimate_options)} would be used to estimate drift, but a drift is given; "
            "leave out one or the other"
        )


def _correct_partitions(table: Any, drift: Drift, by: str | None, outside: str | None) -> Any:
    """Return a dask DataFrame that is corrected partition by partition when it is computed."""
    meta = _corrected(example(table), drift, by=by, outside=outside)  # checks all but the rows
    meta.attrs = _recorded(meta.attrs, drift, by, outside)
    columns = find_columns(meta)
    known = None if _any_frame(drift) else known_range(source_of(table), columns)
    every: IntArray | None = None
    if outside is None and known is not None and not columns.clock.is_time and _are_few(known):
        every = np.arange(known[0], known[1] + 1)
    elif known is not None and columns.clock.is_time:
        every = np.array(known)
    if outside is None and every is not None:
        # Warns here and once, not in every partition.
        _per_frame(drift, counts_for(drift, columns, every), by, outside)
        outside = "hold"
    step = partial(_corrected, by=by, outside=outside, attrs=meta.attrs)
    changes = columns.moving
    return map_partitions(table, step, meta, constant(drift), changes=changes)


def _are_few(known: tuple[int, int]) -> bool:
    return known[1] - known[0] < MOST_FRAMES


def _corrected(
    table: pd.DataFrame,
    drift: Drift,
    *,
    by: str | None,
    outside: str | None,
    attrs: Mapping[Hashable, Any] | None = None,
) -> pd.DataFrame:
    """Return a table with corrected coordinates, and other ``attrs`` if they are given."""
    localizations = read_localizations(table, need_frames=not _any_frame(drift))
    corrected = _moved(localizations, drift, by, outside)
    result = write_positions(table, localizations.columns, corrected)
    if attrs is not None:
        result.attrs = dict(attrs)
    return result


def _recorded(
    attrs: Mapping[Any, Any], drift: Drift, by: str | None, outside: str | None
) -> dict[Any, Any]:
    """Return attrs with the correction in their history; warn if it is not the first."""
    facts = _facts(drift)
    facts["by"] = "model" if isinstance(drift, DriftModel) else by or DEFAULT_BY
    facts["outside"] = outside
    facts["static"] = _any_frame(drift) or None
    if not (facts["inverse"] or facts["static"]) and history.times_corrected(attrs) > 0:
        warnings.warn(
            "This table has been corrected before (see table.attrs['smlm_history']). To refine a "
            "correction, chain the two drifts with first.smlm.compose(second) and correct the "
            "original table.",
            AlreadyCorrectedWarning,
            stacklevel=4,
        )
    return history.record(attrs, "correct", **facts)


def _any_frame(drift: Drift) -> bool:
    """Whether the correction is the same for all frames."""
    return isinstance(drift, xr.Dataset) and is_static(drift)


@dataclass(frozen=True)
class CorrectionByFrame:
    """The correction of some frames, found once for whatever lies in them.

    Parameters
    ----------
    frames : ndarray of int, shape (m,)
        Increasing.
    of_frames : FrameTransformations
    """

    frames: IntArray
    of_frames: FrameTransformations

    @classmethod
    def of(
        cls,
        localizations: Localizations,
        drift: Drift,
        frames: IntArray,
        *,
        by: str | None = None,
        outside: str | None = None,
    ) -> CorrectionByFrame:
        """Return the correction of frames, as `corrected_positions` has it of a table like this."""
        counts = counts_for(drift, localizations.columns, frames)
        of_frames = at_frames(drift, counts, by=by, outside=outside)
        return cls(frames, for_table(of_frames, drift, localizations))

    def __call__(self, positions: FloatArray, frames: IntArray) -> FloatArray:
        """Return where positions, shape (n, d), in some of these frames are after it."""
        return _apply(positions.copy(), self.of_frames, np.searchsorted(self.frames, frames))


def corrected_positions(
    localizations: Localizations,
    drift: Drift,
    *,
    by: str | None = None,
    outside: str | None = None,
) -> FloatArray:
    """Return where localizations are after the correction, shape (n, d), in their unit."""
    copied = replace(localizations, positions=localizations.positions.copy())
    return _moved(copied, drift, by, outside)


def _moved(
    localizations: Localizations,
    drift: Drift,
    by: str | None,
    outside: str | None,
) -> FloatArray:
    """Return corrected positions; where nothing turns or stretches, in the same array."""
    require_drift_or_model(drift, "table.smlm.correct(drift)", by=by)
    frames = counts_for(drift, localizations.columns, localizations.frames)
    per_frame, index = _per_frame(drift, frames, by, outside)
    per_frame = for_table(per_frame, drift, localizations)
    return _apply(localizations.positions, per_frame, index)


def _per_frame(
    drift: Drift, frames: IntArray, by: str | None, outside: str | None
) -> tuple[FrameTransformations, IntArray]:
    """Return the transformations of the frames there are, and which one each row takes."""
    if not len(frames):
        distinct, index = frames, frames
    elif int(frames.max()) - int(frames.min()) < 2 * len(frames) + 10_000:
        since_first = frames - frames.min()
        present = np.zeros(int(since_first.max()) + 1, dtype=np.bool_)
        present[since_first] = True  # a table is faster than sorting
        distinct = frames.min() + np.flatnonzero(present)
        index = since_first if present.all() else (np.cumsum(present) - 1)[since_first]
    elif (steps := np.diff(frames, prepend=frames[0])).min() >= 0:  # in order
        begins = steps > 0
        begins[0] = True
        distinct, index = frames[begins], np.cumsum(begins) - 1
    else:
        distinct, index = np.unique(frames, return_inverse=True)
    return at_frames(drift, distinct, by=by, outside=outside), index


def _facts(drift: Drift) -> dict[str, Any]:
    """Return what the history of the corrected table keeps of the drift."""
    source = transformations_of(drift)
    attrs = drift.attrs
    return {
        "components": components_of(source),
        "method": attrs.get("method"),
        "target": attrs.get("target"),
        "origin": attrs.get("origin"),
        "model": attrs.get("model"),
        "inverse": bool(attrs.get("inverse", 0)),
        "parameters": attrs.get("parameters"),
    }


def _apply(positions: FloatArray, per_frame: FrameTransformations, index: IntArray) -> FloatArray:
    """Return corrected positions, in place where nothing turns or stretches."""
    if per_frame.matrix is not None:
        positions = np.einsum("nij,nj->ni", per_frame.matrix[index], positions)
    for j, offset in enumerate(np.ascontiguousarray(per_frame.offset.T)):
        positions[:, j] += offset[index]  # one axis at a time is three times faster
    return positions if per_frame.local is None else per_frame.local.applied(positions, index)

"""Transformations of frames as a table needs them: its components, its unit."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor._typing import IntArray
from smlm_accessor.drift import components_of, is_static
from smlm_accessor.drift.between_chunks import FrameTransformations
from smlm_accessor.drift.times import FRAME_DURATION, clock_of
from smlm_accessor.errors import DriftError
from smlm_accessor.models.any_drift import Drift, transformations_of
from smlm_accessor.table.columns import Columns
from smlm_accessor.table.localizations import Localizations
from smlm_accessor.table.units import unit_factor


def counts_for(drift: Drift, columns: Columns, frames: IntArray) -> IntArray:
    """Return counts of a table's clock as counts of a drift's clock.

    Raises
    ------
    DriftError
        If one counts frames and the other seconds, and neither says how long a frame is.
    """
    source = transformations_of(drift)
    if is_static(source) or clock_of(source) == columns.clock:
        return frames
    return columns.clock.to(clock_of(source), frames, _frame_duration(source, columns))


def times_for(drift: Drift, columns: Columns, times: IntArray) -> IntArray:
    """Return counts of a drift's clock as counts of a table's clock; raises as `counts_for`."""
    source = transformations_of(drift)
    if clock_of(source) == columns.clock:
        return times
    return clock_of(source).to(columns.clock, times, _frame_duration(source, columns))


def edges_for(drift: Drift, columns: Columns, edges: IntArray) -> IntArray:
    """Return edges by a drift's clock as edges by a table's: the first counts at or after them.

    Raises as `counts_for`.
    """
    source = transformations_of(drift)
    if clock_of(source) == columns.clock:
        return edges
    return clock_of(source).edges_to(columns.clock, edges, _frame_duration(source, columns))


def _frame_duration(source: xr.Dataset, columns: Columns) -> float:
    """Return the seconds of a frame: as who counts frames says, else the other."""
    said = [source.attrs.get(FRAME_DURATION), columns.frame_duration]
    known = [float(one) for one in (said[::-1] if columns.frame is not None else said) if one]
    if known:
        return known[0]
    theirs, ours = ("seconds", "frames") if columns.time is None else ("frames", "seconds")
    raise DriftError(
        f"The drift counts time in {theirs}, the table in {ours}. Say how many seconds a frame "
        "takes: table = smlm_accessor.set_columns(table, frame_duration=0.05)"
    )


def for_table(
    per_frame: FrameTransformations, drift: Drift, localizations: Localizations
) -> FrameTransformations:
    """Return the transformations with the components and in the unit of a table.

    Raises
    ------
    DriftError
        If they turn or stretch axes that the table does not have, or if the units do not convert.
    """
    given = components_of(transformations_of(drift))
    per_frame = _for_components(per_frame, given, localizations)
    return _in_unit(per_frame, drift.attrs.get("length_unit"), localizations)


def _for_components(
    per_frame: FrameTransformations, given: tuple[str, ...], localizations: Localizations
) -> FrameTransformations:
    """Fit a drift in x, y to a table in x, y, z, and a shift in x, y, z to one in x, y."""
    wanted = localizations.components
    if given == wanted:
        return per_frame
    n, common = len(per_frame.offset), min(len(given), len(wanted))
    local = per_frame.local
    if len(given) > len(wanted) and (per_frame.matrix is not None or local is not None):
        raise DriftError(
            f"The drift turns or stretches {', '.join(given)} but the table has only "
            f"{', '.join(wanted)}; estimate it from such a table"
        )
    offset = np.zeros((n, len(wanted)))
    offset[:, :common] = per_frame.offset[:, :common]
    if per_frame.matrix is None:
        wide = None if local is None else local.widened(len(wanted))
        return FrameTransformations(None, offset, wide)
    matrix = np.tile(np.eye(len(wanted)), (n, 1, 1))
    matrix[:, :common, :common] = per_frame.matrix
    return FrameTransformations(matrix, offset)


def _in_unit(
    per_frame: FrameTransformations, unit: str | None, localizations: Localizations
) -> FrameTransformations:
    """Convert offsets to the table's unit where both units are known."""
    wanted = localizations.length_unit
    if unit is None or wanted is None or unit == wanted:
        return per_frame
    factor = unit_factor(unit, wanted, localizations.columns.pixel_size)
    if factor is None:
        raise DriftError(
            f"The drift is in {unit} but the table is in {wanted}. Say how many nm a camera pixel "
            "is: table = smlm_accessor.set_columns(table, pixel_size=130)"
        )
    local = None if per_frame.local is None else per_frame.local.scaled(factor)
    return FrameTransformations(per_frame.matrix, per_frame.offset * factor, local)

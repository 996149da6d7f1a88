"""Tables in which some localizations have no z: x and y of all rows, z of those that have it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import NotPassedError, is_partitioned, rows_where, source_of
from smlm_accessor.drift import build
from smlm_accessor.drift.local import local_like
from smlm_accessor.drift.times import counted, timed
from smlm_accessor.errors import InvalidChunkWarning, SmlmError, SmlmWarning
from smlm_accessor.models import at_frames
from smlm_accessor.table.columns import find_columns, selection, set_columns
from smlm_accessor.table.dtypes import numbers


class PartsByZ(NamedTuple):
    """All rows without z, the rows with z, and how many lack it."""

    flat: pd.DataFrame
    with_z: pd.DataFrame
    n_missing: int


def with_missing_z(
    table: pd.DataFrame, estimate: Callable[[pd.DataFrame], xr.Dataset]
) -> xr.Dataset:
    """Return the drift of a table, by parts if rows lack z.

    A table of dask is not gone over once more to find out: the steps of the estimate tell.
    """
    parts = parted(table)
    if parts is None:
        try:
            return estimate(table)
        except NotPassedError:
            parts = _parts_of_partitioned(table)
    return of_parts(parts, estimate)


def has_all_z(part: pd.DataFrame) -> bool:
    """Whether no row has x and y, but no z."""
    return not _count_without_z(part)


def parted(table: pd.DataFrame) -> PartsByZ | None:
    """Return the parts of a table of pandas in which z is missing somewhere; None of any other."""
    if is_partitioned(table) or not isinstance(table, pd.DataFrame):
        return None
    missing = _count_without_z(table)
    if not missing:
        return None
    label = find_columns(table).z
    return PartsByZ(_without_z(table), table.loc[_is_number(table[label])], missing)


def _parts_of_partitioned(table: Any) -> PartsByZ:
    columns = find_columns(table)
    return PartsByZ(
        _without_z(table),
        rows_where(table, columns.z, _is_number),
        _count_in_partitions(table),
    )


def _count_in_partitions(table: Any) -> int:
    source = source_of(table)
    counts = source.reduce(_count_without_z, _total, only=selection(source.example))
    return source.result(counts)


def _total(counts: Sequence[int]) -> int:
    return sum(counts)


def _count_without_z(table: pd.DataFrame) -> int:
    """Return how many rows have x and y, but no z: 0 if there is no such column, or no numbers."""
    columns = find_columns(table)
    if columns.z is None:
        return 0
    problems: list[str] = []
    finite = {a: np.isfinite(numbers(table[c], problems)) for a, c in columns.positions.items()}
    return 0 if problems else int((finite["x"] & finite["y"] & ~finite["z"]).sum())


def _is_number(column: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series(np.isfinite(numbers(column, [])), index=column.index)


def _without_z(table: pd.DataFrame) -> pd.DataFrame:
    return set_columns(table, z=None, uncertainty_z=None, pixel_z=None, unit_z=None)


def as_judged(table: pd.DataFrame, drift: xr.Dataset) -> pd.DataFrame:
    """Return a table without z where the drift has none and rows lack it; else the table."""
    if "z" in drift["component"].values or find_columns(table).z is None:
        return table
    count = _count_in_partitions if is_partitioned(table) else _count_without_z
    return _without_z(table) if count(table) else table


def of_parts(parts: PartsByZ, estimate: Callable[[pd.DataFrame], xr.Dataset]) -> xr.Dataset:
    """Return the drift in x and y of all rows, and in z of the rows that have it; say so.

    Where the rows with z are too few to tell its drift, the result has x and y only.
    """
    flat = counted(estimate(parts.flat))
    n = len(parts.flat)
    said = f"{parts.n_missing} of {n} localizations have no z. They count for x and y"
    found, why = _of_z(parts.with_z, estimate)
    if found is None:
        warnings.warn(f"{said}; z is not corrected: {why}", SmlmWarning, stacklevel=5)
        return timed(flat)
    warnings.warn(f"{said}; the drift in z is that of the others", SmlmWarning, stacklevel=5)
    return timed(_joined(flat, found))


def _of_z(
    table: pd.DataFrame, estimate: Callable[[pd.DataFrame], xr.Dataset]
) -> tuple[xr.Dataset | None, str]:
    if not len(table):
        return None, "no localization has it"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InvalidChunkWarning)
            found = counted(estimate(table))
    except SmlmError as error:
        return None, f"of those that have it the drift cannot be told ({error})"
    if not found["valid"].values.any() or "z" not in found["component"].values:
        return None, "those that have it are too few to tell its drift"
    return found, ""


def _joined(flat: xr.Dataset, found: xr.Dataset) -> xr.Dataset:
    """Return a drift with x and y of one and z of the other, in the chunks of the first."""
    frames = np.round(flat["frame"].values).astype(np.int64)
    z = at_frames(found, frames, outside="hold").offset[:, 2]
    n = len(frames)
    matrix = np.tile(np.eye(3), (n, 1, 1))
    matrix[:, :2, :2] = flat["matrix"].values
    center = np.append(flat["center"].values, found["center"].values[2])
    result = build(
        offset=np.column_stack([flat["offset"].values, z]),
        components="xyz",
        frame=flat["frame"].values,
        frame_start=flat["frame_start"].values,
        frame_stop=flat["frame_stop"].values,
        matrix=matrix,
        offset_std=np.column_stack([flat["offset_std"].values, _nearest_std(found, frames)]),
        n_localizations=flat["n_localizations"].values,
        valid=flat["valid"].values,
        quality=flat["quality"].values,
        center=center,
        segment=flat["segment"].values,
        attrs=_attrs(flat),
    )
    return local_like(result, flat)


def _attrs(drift: xr.Dataset) -> dict[str, Any]:
    return {str(name): value for name, value in drift.attrs.items()}


def _nearest_std(found: xr.Dataset, frames: IntArray) -> FloatArray:
    """Return the standard error of z of the nearest chunk that is valid."""
    valid = np.flatnonzero(found["valid"].values)
    distance = np.abs(found["frame"].values[valid][None] - frames[:, None])
    return np.asarray(found["offset_std"].values[valid[np.argmin(distance, axis=1)], 2])

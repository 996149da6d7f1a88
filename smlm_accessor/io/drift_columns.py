"""Drift in the columns of a table, whatever they are called: text, an array, a stage's log."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import build
from smlm_accessor.drift.times import TIME_UNIT, timed
from smlm_accessor.errors import FileError, SmlmWarning
from smlm_accessor.io.limits import require_room
from smlm_accessor.table.clock import FRAMES, SECONDS, SECONDS_IN, Clock
from smlm_accessor.table.conventions import listed
from smlm_accessor.table.units import normal_unit, unit_factor

_LENGTH = "nm|um|\u00b5m|\u03bcm|mm|m|px|pix|pixels?|angstrom"
_TIME = "|".join(SECONDS_IN)
_BRACKETS = re.compile(r"(.+?)[ _]*[\[(]([^\])]+)[\])]")
_SUFFIX = re.compile(rf"(.+?)_({_LENGTH}|{_TIME})")
_DRIFT = re.compile(r"(?:d|delta|drift|displacement)_?([xyz])|([xyz])_?(?:drift|displacement)")
_POSITION = re.compile(
    r"(?:(?:stage|piezo|focus|pos|position)_?)?([xyz])(?:_?(?:stage|piezo|focus|pos|position))?"
)
_CORRECTION = re.compile(r"(?:correction|offset)_?([xyz])|([xyz])_?(?:correction|offset)")
_FRAME = re.compile(r"frames?|frame_?(?:number|num|nr|no|index|idx|ix|id)|images?|image_number")
_CLOCK = re.compile(
    r"t|tim|time|seconds?|sec|elapsed|elapsed_time|time_?stamp|date_?time|date|clock"
)
_EPOCH = 1e8  # seconds; three years of a movie, so that such times count from elsewhere


@dataclass(frozen=True)
class Told:
    """What the user says of a drift: see `read_drift`."""

    pixel_size: float | None = None
    unit: str | None = None
    frame_duration: float | None = None
    time_zero: float | None = None


class _Column(NamedTuple):
    label: Hashable
    core: str  # without unit, in small letters
    unit: str | None


def of_table(table: pd.DataFrame, told: Told, what: str) -> xr.Dataset:
    """Return the drift in a table; ``what`` is how errors call it.

    Raises `FileError` if it has not the columns it needs, `OptionError` if more has to be said.
    """
    if not len(table):
        raise FileError(f"{what} has no rows; write it again")
    columns = [_column(label) for label in table.columns]
    axes, is_position = _axes(columns, what)
    frames, clock, is_log = _frames(table, columns, told, what)
    values, unit = _values(table, axes, told, what)
    names = "xyz" if "z" in axes else "xy"
    full = np.zeros((len(table), len(names)))  # a log of the focus has z only
    for j, axis in enumerate(names):
        if axis in axes:
            full[:, j] = values[axis]
    known = np.isfinite(frames) & np.isfinite(full).any(axis=1)
    if not known.any():
        raise FileError(f"{what} has no finite values; write it again")
    frames, full = frames[known], full[known]
    order = np.argsort(frames, kind="stable")
    frames, full = frames[order], full[order]
    if is_position and is_log:
        full = full - full[0]  # where the stage stands is no drift
    return built(frames.astype(np.int64), full, names, unit, clock)


def built(
    frames: IntArray, values: FloatArray, axes: str, unit: str, clock: Clock = FRAMES
) -> xr.Dataset:
    """Return the transformations of a drift ``+d`` with a row for each frame, or time, there is.

    ``frames`` are counts of the clock. A row of times holds until the next.
    """
    stop = np.append(frames[1:], frames[-1] + 1) if clock.is_time else frames + 1
    return timed(
        build(
            offset=0.0 - values,
            components=axes,
            frame=frames,
            frame_start=frames,
            frame_stop=stop,
            attrs={
                "length_unit": unit,
                "method": "file",
                TIME_UNIT: clock.unit if clock.is_time else None,
            },
        )
    )


def of_array(values: npt.NDArray[Any], told: Told, what: str) -> xr.Dataset:
    """Return the drift in an array: a row for each frame, with or without the frames themselves."""
    if values.dtype.names:
        return of_table(pd.DataFrame.from_records(np.ravel(values)), told, what)
    if values.ndim == 2 and values.shape[0] in (2, 3, 4) and values.shape[1] > 4:
        values = values.T
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise FileError(
            f"{what} has the shape {values.shape}; a drift has a row for each frame, with dx and "
            "dy (and dz), or with the frame before them"
        )
    return of_table(unnamed(values, what), told, what)


def unnamed(values: npt.NDArray[Any], what: str) -> pd.DataFrame:
    """Return a table without names with names: the frames come first, if they are there."""
    n = values.shape[1]
    if n not in (2, 3, 4):
        raise FileError(
            f"{what} has {n} columns without names; a drift has dx and dy (and dz in 3D), or the "
            "columns frame, dx and dy (and dz)"
        )
    has_frames = n == 4 or (n == 3 and counts_frames(values[:, 0]))
    names = ["frame"] * has_frames + ["dx", "dy", "dz"][: n - has_frames]
    return pd.DataFrame(values, columns=names)


def counts_frames(values: npt.NDArray[Any]) -> bool:
    """Whether numbers are whole, not negative, and grow from row to row."""
    numbers = np.asarray(values, dtype=np.float64)
    whole = bool((np.floor(numbers) == numbers).all())
    return len(numbers) > 1 and whole and numbers[0] >= 0 and bool((np.diff(numbers) > 0).all())


def of_numpy_file(path: Path, told: Told) -> xr.Dataset:
    """Return the drift in .npy or .npz."""
    if path.read_bytes()[:2] != b"PK":
        return of_array(np.load(path, mmap_mode="r", allow_pickle=False), told, str(path))
    import zipfile

    with zipfile.ZipFile(path) as archive:
        require_room(path, sum(info.file_size for info in archive.infolist()))
    with np.load(path, allow_pickle=False) as archive:
        return of_mapping({name: archive[name] for name in archive.files}, told, str(path))


def of_mapping(arrays: Mapping[str, npt.NDArray[Any]], told: Told, what: str) -> xr.Dataset:
    """Return the drift in arrays with names: one for each column, or one with several columns."""
    flat = {name: values for name, values in arrays.items() if values.ndim == 1}
    wide = {name: values for name, values in arrays.items() if values.ndim == 2}
    if len(wide) == 1:
        values = next(iter(wide.values()))
        values = values.T if values.shape[0] in (2, 3) and values.shape[1] > 3 else values
        frames = {n: v for n, v in flat.items() if len(v) == len(values)}
        table = unnamed(values, what)
        clock = {n: v for n, v in frames.items() if _FRAME.fullmatch(n) or _CLOCK.fullmatch(n)}
        return of_table(table.assign(**clock), told, what)
    longest = max((len(values) for values in flat.values()), default=0)
    return of_table(pd.DataFrame({n: v for n, v in flat.items() if len(v) == longest}), told, what)


def _column(label: Hashable) -> _Column:
    text = str(label).strip().lower().replace("\u0394", "d").replace("\u03b4", "d")
    unit = None
    if match := _BRACKETS.fullmatch(text) or _SUFFIX.fullmatch(re.sub(r"[\s-]+", "_", text)):
        text, unit = match[1], match[2]
    return _Column(label, re.sub(r"[\s_-]+", "_", text), unit)


def _found(columns: list[_Column], pattern: re.Pattern[str]) -> dict[str, list[_Column]]:
    found: dict[str, list[_Column]] = {}
    for column in columns:
        if match := pattern.fullmatch(column.core):
            found.setdefault(next(filter(None, match.groups())), []).append(column)
    return found


def _axes(columns: list[_Column], what: str) -> tuple[dict[str, tuple[_Column, float]], bool]:
    """Return the columns of the axes with their sign, and whether they are positions."""
    for pattern, sign in ((_DRIFT, 1.0), (_CORRECTION, -1.0), (_POSITION, 1.0)):
        found = _found(columns, pattern)
        if not found:
            continue
        once = all(len(several) == 1 for several in found.values())
        if once and ({"x", "y"} <= set(found) or (pattern is _POSITION and set(found) == {"z"})):
            axes = {axis: (several[0], sign) for axis, several in found.items()}
            return axes, pattern is _POSITION
        break
    raise FileError(
        f"{what} needs the columns frame, dx and dy (and dz in 3D), each once; also understood are "
        "x_drift, drift_x, x [nm], offset_x, and time [s] instead of frame. It has "
        f"{listed(c.label for c in columns)}: rename them"
    )


def _frames(
    table: pd.DataFrame, columns: list[_Column], told: Told, what: str
) -> tuple[FloatArray, Clock, bool]:
    """Return the frame or tick of each row, each once, their clock, and whether there are times."""
    named = [c for c in columns if _FRAME.fullmatch(c.core)]
    clocks = [c for c in columns if _CLOCK.fullmatch(c.core)]
    if not named and len(clocks) == 1 and clocks[0].core == "t" and clocks[0].unit is None:
        values = pd.to_numeric(table[clocks[0].label], errors="coerce").to_numpy(np.float64)
        if counts_frames(values) and told.frame_duration is None:
            named = clocks
    if len(named) > 1 or (not named and len(clocks) > 1):
        raise FileError(
            f"{what} has more than one column that could be the frame or the time: "
            f"{listed(c.label for c in named or clocks)}; leave one"
        )
    if not named and clocks:
        seconds = _seconds(table[clocks[0].label], clocks[0].unit, told, what)
        return *_counts_of_times(seconds, told.frame_duration), True
    frames = _numbers(table, named[0].label, what) if named else _index(table, columns)
    if not (np.isfinite(frames) & (np.floor(frames) == frames) & (np.abs(frames) < 2**53)).all():
        raise FileError(f"{what} has frames that are not whole numbers; write it again")
    if len(np.unique(frames)) < len(frames):
        raise FileError(
            f"{what} has a frame twice; leave one row for each (is it a table of localizations?)"
        )
    return frames, FRAMES, False


def _index(table: pd.DataFrame, columns: list[_Column]) -> FloatArray:
    """Return frames from an index, or a column without a name; else rows count from 0."""
    first = columns[0]
    if str(first.label).startswith("Unnamed: ") or first.core in ("", "index"):
        values = pd.to_numeric(table[first.label], errors="coerce").to_numpy(np.float64)
        if counts_frames(values):
            return np.asarray(values)
    if pd.api.types.is_numeric_dtype(table.index.dtype):
        values = table.index.to_numpy(dtype=np.float64)
        if counts_frames(values):
            return np.asarray(values)
    return np.arange(len(table), dtype=np.float64)


def _counts_of_times(seconds: FloatArray, frame_duration: float | None) -> tuple[FloatArray, Clock]:
    """Return frames, if it is known how long one is, else ticks.

    Of several rows in one of these the first remains, the others are NaN.
    """
    if frame_duration is None:
        clock, counts = SECONDS, np.round(seconds * SECONDS.per_unit)
    else:
        clock, counts = FRAMES, np.floor(seconds / frame_duration)
    seen = pd.Series(counts).duplicated().to_numpy()
    return np.where(seen, np.nan, counts), clock


def _seconds(column: pd.Series[Any], unit: str | None, told: Told, what: str) -> FloatArray:
    """Return the times of the rows of a log, from its zero on."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        seconds = column.to_numpy(dtype=np.float64, na_value=np.nan) * SECONDS_IN.get(
            unit or "s", 1.0
        )
    else:
        stamps = pd.to_datetime(column, errors="coerce")
        if stamps.isna().all():
            raise FileError(f"{what}: {column.name!r} holds {column.iloc[0]!r}, which is no time")
        since = (stamps - pd.Timestamp(0)).dt.total_seconds()
        seconds = np.asarray(since.to_numpy(dtype=np.float64))
    zero = told.time_zero
    if zero is None:
        first = float(np.nanmin(seconds))
        zero = first if abs(first) > _EPOCH else 0.0
        if zero:
            warnings.warn(
                f"{what}: the movie is taken to begin with the first row; if it does not, say when "
                "it does: read_drift(path, time_zero=...)",
                SmlmWarning,
                stacklevel=4,
            )
    return np.asarray(seconds - zero)


def _values(
    table: pd.DataFrame, axes: Mapping[str, tuple[_Column, float]], told: Told, what: str
) -> tuple[dict[str, FloatArray], str]:
    """Return the drift along each axis, and the unit of all."""
    given = {axis: normal_unit(told.unit or c.unit or "nm") for axis, (c, _) in axes.items()}
    units = set(given.values())
    to_nm = told.pixel_size is not None or len(units) > 1
    unit = "nm" if to_nm or units != {"pixel"} else "pixel"
    values = {}
    for axis, (column, sign) in axes.items():
        factor = unit_factor(given[axis], unit, told.pixel_size)
        if factor is None:
            raise FileError(
                f"{what} has some columns in pixels and some in nm. Say how many nm a camera pixel "
                "is: read_drift(path, pixel_size=130)"
            )
        values[axis] = _numbers(table, column.label, what) * factor * sign
    return values, unit


def _numbers(table: pd.DataFrame, label: Hashable, what: str) -> FloatArray:
    column = table[label]
    converted = pd.to_numeric(column, errors="coerce")
    bad = converted.isna() & column.notna()
    if bad.any():
        raise FileError(
            f"{what}: column {label!r} holds {column[bad].iloc[0]!r}, which is not a number; "
            "write it again"
        )
    return np.asarray(converted.to_numpy(dtype=np.float64, na_value=np.nan))

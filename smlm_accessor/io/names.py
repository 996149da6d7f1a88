"""A table in the names and units of a program, as columns or as arrays of numbers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import FileError, OptionError, TableError
from smlm_accessor.table.clock import FRAMES, SECONDS
from smlm_accessor.table.columns import KEY, Columns, find_columns
from smlm_accessor.table.conventions import listed
from smlm_accessor.table.localizations import Localizations, read_localizations
from smlm_accessor.table.units import normal_unit, unit_factor

Column = tuple[Hashable, "pd.Series[Any]"]


@dataclass(frozen=True)
class Names:
    """What a program calls its columns: ``{a}`` is the axis, ``{A}`` in capitals, ``{i}`` counted.

    ``uncertainty`` is the localization precision of one axis, ``lateral`` that of x and y, where
    they have one in common. ``unit_z`` is the unit of z, if that is not the one of x and y.
    """

    position: str
    frame: str
    uncertainty: str
    lateral: str | None = None
    unit: str = "nm"
    unit_z: str | None = None

    def unit_of(self, axis: str) -> str:
        """Return the unit of an axis."""
        return (self.unit_z or self.unit) if axis == "z" else self.unit

    def position_of(self, axis: str) -> str:
        """Return the name of a coordinate."""
        return _of_axis(self.position, axis)

    def uncertainty_of(self, axis: str) -> str:
        """Return the name of a localization precision."""
        return _of_axis(self.uncertainty, axis)


def in_names(table: pd.DataFrame, names: Names, title: str) -> pd.DataFrame:
    """Return a table in which positions, frames and precisions have a program's names and units.

    All other columns stay; levels of the index that have names become columns, any other index is
    left out. Values stay as they are if the names and units are already those of the program.
    Raises `TableError` if a unit is not known, or a name is taken; it calls the format ``title``.
    """
    columns = find_columns(table)
    flat = _index_as_columns(table)
    attrs = {key: value for key, value in table.attrs.items() if key != KEY}
    replaced = {} if _has(columns, names) else _replaced(read_localizations(table), flat, names)
    parts: list[Column] = []
    for position, label in enumerate(flat.columns):
        parts += replaced.get(label, [(label, flat.iloc[:, position])])
    labels = [label for label, _ in parts]
    twice = sorted({str(label) for label in labels if labels.count(label) > 1})
    if twice:
        raise TableError(
            f"as {title} the table would have more than one column {listed(twice)}; rename or "
            "drop one of them"
        )
    result = pd.DataFrame(dict(parts), index=flat.index)
    result.attrs = attrs
    return result


def as_arrays(
    table: pd.DataFrame, names: Names, title: str, spelled: Callable[[str], str] = str
) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of `in_names` as arrays, for formats that hold numbers only.

    Whole numbers with gaps become floating-point numbers; ``spelled`` returns a name as the format
    allows it. Raises `TableError` if a column does not hold numbers, or two have the same name.
    """
    table = in_names(table, names, title)
    arrays: dict[str, npt.NDArray[Any]] = {}
    wrong, twice = [], []
    for position, label in enumerate(table.columns):
        values = _numbers(table.iloc[:, position])
        name = spelled(str(label))
        if values is None:
            wrong.append(label)
        elif name in arrays:
            twice.append(name)
        else:
            arrays[name] = values
    if wrong:
        raise TableError(
            f"{title} holds only numbers, which {listed(wrong)} are not; drop those columns, or "
            "write .parquet or .csv"
        )
    if twice:
        raise TableError(f"as {title} more than one column would be called {listed(twice)}")
    return arrays


def units_of(said: Mapping[str, set[str]], path: Path) -> dict[str, Any]:
    """Return ``unit`` and ``unit_z`` of a table, from what its file says of each axis.

    Raises `FileError` if x and y, or tables in the file, differ in it, or a unit is not known.
    """
    try:
        known = {axis: {normal_unit(unit) for unit in units} for axis, units in said.items()}
    except OptionError as error:
        raise FileError(f"{path}: {error}") from error
    units = {"unit": known.get("x", set()) | known.get("y", set()), "unit_z": known.get("z", set())}
    if any(len(found) > 1 for found in units.values()):
        raise FileError(
            f"{path}: the positions are in different units ({said}). Convert them, so that x and "
            "y have the same."
        )
    return {field: next(iter(found)) for field, found in units.items() if found}


def _of_axis(pattern: str, axis: str) -> str:
    return pattern.format(a=axis, A=axis.upper(), i="xyz".index(axis))


def _index_as_columns(table: pd.DataFrame) -> pd.DataFrame:
    unnamed: list[Hashable] = [i for i, name in enumerate(table.index.names) if name is None]
    if len(unnamed) == table.index.nlevels:
        return table.reset_index(drop=True)
    kept = table.droplevel(unnamed) if unnamed else table
    try:
        return kept.reset_index()
    except ValueError as error:
        raise TableError(
            f"the index and a column have the same name ({error}); rename one"
        ) from None


def _has(columns: Columns, names: Names) -> bool:
    """Whether a table already has the names and units of a program."""
    units = {"x": columns.unit, "y": columns.unit, "z": columns.unit_z or columns.unit}
    return columns.frame == names.frame and all(
        label == names.position_of(axis) and units[axis] == names.unit_of(axis)
        for axis, label in columns.positions.items()
    )


def _replaced(
    localizations: Localizations, flat: pd.DataFrame, names: Names
) -> dict[Hashable, list[Column]]:
    """Return what stands in the place of some columns."""
    columns = localizations.columns
    factors = [_factor(columns, names, axis) for axis in columns.components]
    new: dict[Hashable, list[Column]] = {}
    if columns.frame is not None:
        new[columns.frame] = [(names.frame, flat[columns.frame])]
    elif columns.time is not None and names.frame not in flat.columns:
        new[columns.time] = [
            (columns.time, flat[columns.time]),
            (names.frame, pd.Series(_frames(localizations), index=flat.index)),
        ]
    for j, (axis, label) in enumerate(columns.positions.items()):
        values = flat[label]
        if factors[j] * columns.scale(axis) != 1.0:
            values = _like(values, localizations.positions[:, j] * factors[j])
        new[label] = [(names.position_of(axis), values)]
    if localizations.uncertainty is None:
        return new
    labels = columns.uncertainties
    in_common = names.lateral if labels["x"] == labels["y"] else None
    for j, axis in enumerate(columns.components):
        label = labels[axis]
        if label is None or (axis == "y" and in_common):
            continue
        values = _like(flat[label], localizations.uncertainty[:, j] * factors[j])
        name = in_common if axis == "x" and in_common else names.uncertainty_of(axis)
        new.setdefault(label, []).append((name, values))
    return new


def _frames(localizations: Localizations) -> IntArray:
    """Return the frames of a table with times, for programs that count frames."""
    duration = localizations.columns.frame_duration
    if duration is None:
        raise TableError(
            "the table has times but no frames, which this format needs. Say how many seconds a "
            "frame is: table = smlm_accessor.set_columns(table, frame_duration=0.05)"
        )
    return SECONDS.to(FRAMES, localizations.frames, duration)


def _factor(columns: Columns, names: Names, axis: str) -> float:
    """Return the factor from the length unit of a table to the unit of a program."""
    factor = unit_factor(columns.length_unit, names.unit_of(axis), columns.pixel_size)
    if factor is None:
        unit = columns.length_unit
        missing = "unit='nm'" if unit is None else "pixel_size=130"
        what = "what unit that is" if unit is None else "how many nm a camera pixel is"
        raise TableError(
            f"{axis} is in {unit or 'a unit that is not known'} and has to be written in "
            f"{names.unit_of(axis)}. Say {what}: "
            f"table = smlm_accessor.set_columns(table, {missing})"
        )
    return factor


def _like(column: pd.Series[Any], values: FloatArray) -> pd.Series[Any]:
    """Return values in single precision if the column had it."""
    dtype = np.float32 if column.dtype == np.float32 else np.float64
    return pd.Series(values.astype(dtype), index=column.index)


def _numbers(column: pd.Series[Any]) -> npt.NDArray[Any] | None:
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = column.cat.categories.dtype
        column = column.astype(np.float64 if column.isna().any() else categories)
    dtype: Any = column.dtype
    if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_complex_dtype(dtype):
        return None
    if not isinstance(dtype, np.dtype):
        plain = getattr(dtype, "numpy_dtype", np.dtype(np.float64))
        if column.isna().any() and plain.kind != "f":
            plain = np.dtype(np.float64)
        return np.asarray(
            column.to_numpy(dtype=plain, na_value=np.nan)
            if plain.kind == "f"
            else column.to_numpy(dtype=plain)
        )
    return np.ascontiguousarray(column.to_numpy())

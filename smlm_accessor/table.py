"""Read the localizations out of a table, and write corrected ones into a new table."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.columns import COPIES_ON_WRITE, Columns, find_columns
from smlm_accessor.errors import OptionError, TableError, listing
from smlm_accessor.units import normal_unit, unit_factor


@dataclass(frozen=True)
class Localizations:
    """The localizations of a table as arrays, in the order of its rows.

    Parameters
    ----------
    positions : ndarray, shape (n, d), C order
        Coordinates in ``length_unit``; NaN where missing.
    frames : ndarray, shape (n,)
        Frame numbers; zeros if the table has none and they were not needed.
    uncertainty : ndarray, shape (n, d), or None
        Localization precision in ``length_unit``; NaN for a component without.
    columns : Columns
        Where they were read from.
    """

    positions: FloatArray
    frames: IntArray
    uncertainty: FloatArray | None
    columns: Columns

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the axes."""
        return self.columns.components

    @property
    def length_unit(self) -> str | None:
        """Unit of the coordinates; None if unknown."""
        return self.columns.length_unit

    @property
    def finite(self) -> BoolArray:
        """Which rows have all coordinates, shape (n,)."""
        return np.asarray(np.isfinite(self.positions).all(axis=1))

    @property
    def usable(self) -> BoolArray | slice:
        """The same, or all rows without a look at each."""
        return slice(None) if np.isfinite(self.positions.sum()) else self.finite


def read_localizations(table: pd.DataFrame, *, need_frames: bool = True) -> Localizations:
    """Read the localizations of a table.

    Parameters
    ----------
    table : DataFrame
    need_frames : bool
        Whether a table without frame numbers is an error.

    Raises
    ------
    TableError
        If columns are missing or hold what cannot be used; all problems at once.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1], "x": [1, 2], "y": [3.0, 4.0]})
    >>> read_localizations(table).positions
    array([[1., 3.],
           [2., 4.]])
    """
    columns = find_columns(table)
    problems: list[str] = []
    scales = _scales(columns, problems)
    positions = np.empty((len(table), len(scales)))
    for j, label in enumerate(columns.positions.values()):
        positions[:, j] = _numbers(table[label], problems)
        if scales[j] != 1.0:
            positions[:, j] *= scales[j]
    uncertainty = _uncertainty(table, columns, scales, problems)
    frames = np.zeros(len(table), dtype=np.int64)
    if columns.frame is not None:
        frames = _frames(_frame_values(table, columns.frame), columns.frame, problems)
    elif need_frames:
        problems.append(
            "there is no column of frame numbers; say which it is: "
            "table = smlm_accessor.set_columns(table, frame='...')"
        )
    if problems:
        raise TableError("This table cannot be used: " + listing(list(dict.fromkeys(problems))))
    return Localizations(positions, frames, uncertainty, columns)


def write_positions(table: pd.DataFrame, columns: Columns, positions: FloatArray) -> pd.DataFrame:
    """Return a new table with other coordinates; everything else comes back as it was.

    Parameters
    ----------
    table : DataFrame
        It is not modified.
    columns : Columns
        Where the coordinates go.
    positions : ndarray, shape (n, d)
        In the length unit of the columns.

    Returns
    -------
    DataFrame
        Coordinates keep a floating-point dtype; any other (integers, categories) becomes the
        floating-point dtype of its kind, since corrected coordinates are not whole numbers.
    """
    result = table.copy(deep=not COPIES_ON_WRITE)
    for j, (component, label) in enumerate(columns.positions.items()):
        values = positions[:, j]
        scale = columns.scale(component)
        if scale != 1.0:
            values = values / scale
        result[label] = pd.Series(
            np.ascontiguousarray(values), index=table.index, copy=False
        ).astype(_floating(table[label].dtype))
    return result


def _floating(dtype: Any) -> Any:
    """Return the dtype in which corrected coordinates of a column are stored."""
    if isinstance(dtype, np.dtype):
        return dtype if dtype.kind == "f" and dtype.itemsize >= 4 else np.dtype(np.float64)
    if isinstance(dtype, pd.CategoricalDtype):
        return np.dtype(np.float64)
    if pd.api.types.is_float_dtype(dtype):
        return dtype
    if isinstance(dtype, pd.ArrowDtype):
        return pd.ArrowDtype(_arrow_double())
    return pd.Float64Dtype() if pd.api.types.is_integer_dtype(dtype) else np.dtype(np.float64)


def _arrow_double() -> Any:
    import pyarrow

    return pyarrow.float64()


def _scales(columns: Columns, problems: list[str]) -> list[float]:
    try:
        return [columns.scale(c) for c in columns.components]
    except TableError as error:
        problems.append(str(error))
        return [np.nan] * len(columns.components)


def _numbers(column: pd.Series[Any], problems: list[str]) -> FloatArray:
    """Return a column as float64, NaN where missing; note what is wrong with it."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        kinds = column.cat.categories.dtype
        # Integers have no way to say that one is missing.
        column = column.astype(object if column.isna().any() else kinds)
    usable = pd.api.types.is_numeric_dtype(column.dtype) and not (
        pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_complex_dtype(column.dtype)
    )
    is_text = isinstance(column.dtype, pd.StringDtype)
    if not usable and (is_text or column.dtype == np.dtype(object)):
        converted = pd.to_numeric(column, errors="coerce")
        bad = converted.isna() & column.notna()
        if pd.api.types.is_complex_dtype(converted.dtype):
            bad = column.map(np.iscomplexobj)
        if not bad.any():
            return np.asarray(converted, dtype=np.float64)
        problems.append(
            f"column {column.name!r} holds {column[bad].iloc[0]!r}, which is not a number; convert "
            "it with pandas.to_numeric, or drop those rows"
        )
    elif not usable:
        problems.append(
            f"column {column.name!r} has dtype {column.dtype}; it must hold numbers: convert it "
            "with pandas.to_numeric"
        )
    else:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.full(len(column), np.nan)


def _frame_values(table: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    if label in table.columns:
        return table[label]
    return pd.Series(table.index.get_level_values(label), name=label)  # type: ignore[arg-type]


def _frames(column: pd.Series[Any], label: Hashable, problems: list[str]) -> IntArray:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "i":
        frames = column.to_numpy(dtype=np.int64)
        if not len(frames) or max(int(frames.max()), -int(frames.min())) < 2**53:
            return frames
    before = len(problems)
    values = _numbers(column, problems)
    if len(problems) > before:
        return np.zeros(len(column), dtype=np.int64)
    finite = np.isfinite(values)
    if not finite.all():
        problems.append(
            f"column {label!r} has {int((~finite).sum())} rows without a frame number; drop them: "
            f"table.dropna(subset=[{label!r}])"
        )
    whole = np.floor(values) == values
    if not whole[finite].all():
        problems.append(
            f"column {label!r} holds {values[finite & ~whole][0]:g}, which is not a whole number; "
            "frame numbers must be whole: round them, or name the right column with set_columns"
        )
    if (np.abs(values[finite]) >= 2**53).any():  # where floats skip numbers
        problems.append(
            f"column {label!r} holds frame numbers beyond 2**53; subtract the first one"
        )
    return np.where(finite & whole & (np.abs(values) < 2**53), values, 0).astype(np.int64)


def _uncertainty(
    table: pd.DataFrame, columns: Columns, scales: list[float], problems: list[str]
) -> FloatArray | None:
    labels = columns.uncertainties
    if labels["x"] is None or labels["y"] is None:
        return None
    result = np.full((len(table), len(labels)), np.nan)
    for j, label in enumerate(labels.values()):
        if label is not None:
            result[:, j] = _numbers(table[label], problems)
            result[:, j] *= _uncertainty_scale(label, columns, scales[j])
    return result


def _uncertainty_scale(label: Hashable, columns: Columns, scale: float) -> float:
    """Return the factor to the length unit; a unit in the column's name counts."""
    named = re.search(r"[\[(]([^\])]+)[\])]", label) if isinstance(label, str) else None
    try:
        unit = normal_unit(named.group(1)) if named else None
    except OptionError:
        unit = None
    if unit is None or columns.length_unit is None:
        return scale
    factor = unit_factor(unit, columns.length_unit, columns.pixel_size)
    return np.nan if factor is None else factor  # nm beside pixels of unknown size: no precision

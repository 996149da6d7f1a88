"""Read the localizations out of a table, and write corrected ones into a new table."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import RowBlocks, Rows, Source
from smlm_accessor.errors import OptionError, TableError, listing
from smlm_accessor.kernels.localizations import LocalizationArrays
from smlm_accessor.table.clock import NO_TIME, Clock
from smlm_accessor.table.columns import COPIES_ON_WRITE, Columns, find_columns
from smlm_accessor.table.dtypes import frame_values, numbers, whole_frames, whole_ticks
from smlm_accessor.table.units import normal_unit, unit_factor

# Rows that are copied at a time: some 10 MB.
_BLOCK = 2**18


@dataclass(frozen=True)
class Localizations(LocalizationArrays):
    """The localizations of a table, in the order of its rows, and the columns they were read from.

    Coordinates and precisions are in ``length_unit``; frames are counts of ``columns.clock``, and
    zeros if the table has none and they were not needed.
    """

    columns: Columns

    @property
    def components(self) -> tuple[str, ...]:
        """Names of the axes."""
        return self.columns.components

    @property
    def clock(self) -> Clock:
        """How time is counted."""
        return self.columns.clock

    @property
    def length_unit(self) -> str | None:
        """Unit of the coordinates; None if unknown."""
        return self.columns.length_unit


def read_localizations(
    table: pd.DataFrame, *, need_frames: bool = True, columns: Columns | None = None
) -> Localizations:
    """Read the localizations of a table, or raise `TableError` with all problems at once.

    A table without frame numbers is one of these if they are needed. The ``columns`` are those that
    `find_columns` finds, unless they are known.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"frame": [0, 1], "x": [1, 2], "y": [3.0, 4.0]})
    >>> read_localizations(table).positions
    array([[1., 3.],
           [2., 4.]])
    """
    columns = find_columns(table) if columns is None else columns
    problems: list[str] = []
    scales = _scales(columns, problems)
    positions = np.empty((len(table), len(scales)))
    for j, label in enumerate(columns.positions.values()):
        column = table[label]
        plain = isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu"
        positions[:, j] = column.to_numpy() if plain else numbers(column, problems)
        if scales[j] != 1.0:
            positions[:, j] *= scales[j]
    uncertainty = _uncertainty(table, columns, scales, problems)
    trace = None if columns.trace is None else _traces(table[columns.trace], problems)
    frames = np.zeros(len(table), dtype=np.int64)
    if columns.when is not None:
        frames = _counted(table, columns, problems)
    elif need_frames:
        problems.append(NO_TIME)
    if problems:
        raise TableError("This table cannot be used: " + listing(list(dict.fromkeys(problems))))
    return Localizations(positions, frames, columns, uncertainty=uncertainty, trace=trace)


def row_blocks(table: Rows) -> Iterator[pd.DataFrame]:
    """Yield blocks of rows, which take little memory; of an empty table, one empty block."""
    if isinstance(table, RowBlocks):
        yield from table
        return
    for start in range(0, max(len(table), 1), _BLOCK):
        yield table.iloc[start : start + _BLOCK]


def columns_of(table: Rows) -> Columns:
    """Return the columns of a table, or of each of the blocks of one."""
    return find_columns(table.example if isinstance(table, RowBlocks) else table)


def without_attrs(table: Rows) -> Rows:
    """Return the same table without ``attrs``, all of which pandas copies with every block of rows.

    And with every column that is looked at. So for those who know the columns.
    """
    if isinstance(table, RowBlocks):
        return table
    bare = table.copy(deep=False)
    bare.attrs = {}
    return bare


def read_in_blocks(table: Rows) -> Iterator[Localizations]:
    """Yield the localizations of a table, block by block."""
    columns = columns_of(table)
    for block in row_blocks(without_attrs(table)):
        yield read_localizations(block, columns=columns)


def read_frames(table: pd.DataFrame, columns: Columns) -> IntArray | None:
    """Return the frames of a table in which no coordinate is missing; None if some are, or may be.

    Where only some rows are wanted, this saves reading the rest.
    """
    for label in columns.positions.values():
        column = table[label]
        if not (isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu"):
            return None
        if not np.isfinite(column.to_numpy().sum()):  # or too large to tell
            return None
    if columns.when is None:
        return None
    problems: list[str] = []
    frames = _counted(table, columns, problems)
    return None if problems else frames


def known_range(source: Source, columns: Columns) -> tuple[int, int] | None:
    """Return the first and the last count of time, None if not known without reading."""
    if columns.when is None:
        return None
    known = source.range_of(columns.when)
    if known is None or not np.isfinite(known).all():
        return None
    first, last = columns.clock.counts(np.array(known) * columns.time_scale).tolist()
    return first, last


def _counted(table: pd.DataFrame, columns: Columns, problems: list[str]) -> IntArray:
    """Return frames, or ticks of the clock; note what is wrong with them."""
    label = columns.when
    values = frame_values(table, label)
    if columns.clock.is_time:
        return whole_ticks(values, label, problems)
    return whole_frames(values, label, problems, means=columns.mean_frames)


def write_positions(table: pd.DataFrame, columns: Columns, positions: FloatArray) -> pd.DataFrame:
    """Return a new table with other coordinates, (n, d), in the length unit of the columns.

    Columns with the same positions in camera pixels move along; everything else comes back as it
    was. Coordinates keep a floating-point dtype; any other
    (integers, categories) becomes the floating-point dtype of its kind, since corrected coordinates
    are not whole numbers.
    """
    result = table.copy(deep=not COPIES_ON_WRITE)
    for j, (component, label) in enumerate(columns.positions.items()):
        values = positions[:, j]
        scale = columns.scale(component)
        if scale != 1.0:
            values = values / scale
        _set(result, label, values)
        if (other := columns.in_pixels.get(component)) is not None:
            _set(result, other, _followed(table[other], table[label], values))
    return result


def _set(table: pd.DataFrame, label: Hashable, values: FloatArray) -> None:
    column = pd.Series(np.ascontiguousarray(values), index=table.index, copy=False)
    table[label] = column.astype(_floating(table[label].dtype))


def _followed(column: pd.Series[Any], before: pd.Series[Any], after: FloatArray) -> FloatArray:
    """Return positions in camera pixels, moved as those in the other unit are.

    The factor between them is the slope of the one over the other, since nothing else tells the
    size of the pixel, or where its axis begins or which way it runs.
    """
    problems: list[str] = []
    pixels, old = numbers(column, problems), numbers(before, problems)
    known = np.isfinite(pixels) & np.isfinite(old)
    if problems or not known.any():
        return pixels
    spread = old[known] - old[known].mean()
    square = float(spread @ spread)
    if square > 0:
        slope = float(spread @ pixels[known]) / square
    else:
        slope = float(pixels[known][0] / old[known][0]) if old[known][0] else 0.0
    return np.asarray(pixels + slope * (after - old))


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


def _uncertainty(
    table: pd.DataFrame, columns: Columns, scales: list[float], problems: list[str]
) -> FloatArray | None:
    labels = columns.uncertainties
    if labels["x"] is None or labels["y"] is None:
        return None
    result = np.full((len(table), len(labels)), np.nan)
    for j, label in enumerate(labels.values()):
        if label is not None:
            result[:, j] = numbers(table[label], problems)
            result[:, j] *= _uncertainty_scale(label, columns, scales[j])
    return result


def _traces(column: pd.Series[Any], problems: list[str]) -> IntArray:
    """Return the number of the trace of each row, -1 where it has none."""
    values = numbers(column, problems)
    known = np.isfinite(values) & (values >= 0)
    return np.where(known, values, -1).astype(np.int64)


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

"""Values of a column as plain numbers, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.table.clock import SECONDS, seconds_in


def numbers(column: pd.Series[Any], problems: list[str]) -> FloatArray:
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


def frame_values(table: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    """Return the frame numbers or times of a table as they are, from a column or the index."""
    if label in table.columns:
        return table[label]
    return pd.Series(table.index.get_level_values(label), name=label)  # type: ignore[arg-type]


def whole_frames(
    column: pd.Series[Any], label: Hashable, problems: list[str], *, means: bool | None = False
) -> IntArray:
    """Return frame numbers as integers, ``means`` rounded; note what is wrong with them."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "i":
        frames = column.to_numpy(dtype=np.int64)
        if (
            not len(frames)
            or column.dtype.itemsize <= 4
            or max(int(frames.max()), -int(frames.min())) < 2**53
        ):
            return frames
    before = len(problems)
    values = numbers(column, problems)
    values = np.round(values) if means else values
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


def whole_ticks(column: pd.Series[Any], label: Hashable, problems: list[str]) -> IntArray:
    """Return times as whole ticks of `SECONDS`; note what is wrong with them."""
    none = np.zeros(len(column), dtype=np.int64)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        problems.append(
            f"column {label!r} holds dates; times are in seconds: "
            f"table.assign({label}=(table[{label!r}] - table[{label!r}].min()).dt.total_seconds())"
        )
        return none
    before = len(problems)
    values = numbers(column, problems) * seconds_in(label)
    if len(problems) > before:
        return none
    finite = np.isfinite(values)
    if not finite.all():
        problems.append(
            f"column {label!r} has {int((~finite).sum())} rows without a time (missing or "
            f"infinite); drop them: table[numpy.isfinite(table[{label!r}])]"
        )
    beyond = finite & (np.abs(values) >= SECONDS.values(2**53))  # where floats skip ticks
    if beyond.any():
        problems.append(
            f"column {label!r} holds {values[beyond][0]:g} s; are these seconds? Convert them, or "
            "subtract the first one"
        )
    return SECONDS.counts(np.where(finite & ~beyond, values, 0.0))

"""The columns of a table as plain arrays of numbers, for formats that hold nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor.errors import TableError
from smlm_accessor.table.conventions import listed


def as_arrays(
    table: pd.DataFrame, title: str, spelled: Callable[[str], str] = str
) -> dict[str, npt.NDArray[Any]]:
    """Return each column as an array; whole numbers with gaps become floating-point numbers.

    Parameters
    ----------
    table : DataFrame
    title : str
        What errors call the format.
    spelled : callable
        Returns a name as the format allows it.

    Raises
    ------
    TableError
        If a column does not hold numbers, or two have the same name.
    """
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

"""How far apart two tables of the same localizations are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import is_partitioned
from smlm_accessor.errors import TableError
from smlm_accessor.kernels import by_column
from smlm_accessor.table.columns import factor_between, find_columns
from smlm_accessor.table.localizations import read_localizations


def rmse(
    table: pd.DataFrame, other: pd.DataFrame, *, remove_constant: bool = True
) -> pd.Series[float]:
    """Return the root mean square difference of two tables; see ``table.smlm.rmse``."""
    columns, others = find_columns(table), find_columns(other)
    if columns.components != others.components:
        raise TableError(
            f"the tables have different components: {', '.join(columns.components)} and "
            f"{', '.join(others.components)}; compare two 2D or two 3D tables"
        )
    factor = factor_between(others, columns)
    if is_partitioned(table) or is_partitioned(other):
        from smlm_accessor.backends.dask.reading import computed_pairs

        found: DifferenceMoments = computed_pairs(
            table, other, partial(_moments, factor), _moments_of_all
        )
    else:
        found = _moments(factor, table, other)

    square = found.square / found.n if found.n else np.full(len(found.mean), np.nan)
    if not remove_constant:
        square = square + np.square(found.mean)
    name = "rmse_constant_removed" if remove_constant else "rmse_absolute"
    components = list(columns.components)
    result = pd.Series(np.sqrt(square), index=pd.Index(components, name="component"), name=name)
    result.attrs = {
        "remove_constant": bool(remove_constant),
        "constant": dict(zip(components, found.mean.tolist(), strict=True)),
        "n_localizations": found.n,
        "n_left_out": found.n_rows - found.n,
    }
    if columns.length_unit is not None:
        result.attrs["length_unit"] = columns.length_unit
    return result


class DifferenceMoments(NamedTuple):
    """Number of differences, their mean (NaN without any), the sum of squares about it, rows."""

    n: int
    mean: FloatArray
    square: FloatArray
    n_rows: int


def _moments(factor: float, table: pd.DataFrame, other: pd.DataFrame) -> DifferenceMoments:
    here = read_localizations(table, need_frames=False)
    there = read_localizations(other, need_frames=False)
    rows = _matching_rows(table.index, other.index)
    positions = there.positions if rows is None else there.positions[rows]
    complete = here.finite & by_column.all_finite(positions)
    difference = here.positions[complete] - factor * positions[complete]
    if not len(difference):
        nothing = np.full(difference.shape[1], np.nan)
        return DifferenceMoments(0, nothing, nothing, len(table))
    mean = difference.mean(axis=0)
    square = np.square(difference - mean).sum(axis=0)
    return DifferenceMoments(len(difference), mean, square, len(table))


def _moments_of_all(parts: Sequence[DifferenceMoments]) -> DifferenceMoments:
    n_rows = sum(part.n_rows for part in parts)
    counted = [part for part in parts if part.n]
    if not counted:
        return parts[0]._replace(n_rows=n_rows)
    n = sum(part.n for part in counted)
    mean = np.sum([part.n * part.mean for part in counted], axis=0) / n
    square = np.sum([p.square + p.n * np.square(p.mean - mean) for p in counted], axis=0)
    return DifferenceMoments(n, mean, square, n_rows)


def _matching_rows(index: pd.Index[Any], other: pd.Index[Any]) -> IntArray | None:
    """Row of `other` for each label of `index`; None if they are the same already."""
    if len(index) != len(other):
        raise TableError(
            f"the tables have {len(index)} and {len(other)} rows; compare the same localizations, "
            "for example table.loc[other.index] if other is a selection of table"
        )
    if index.equals(other):
        return None
    if index.is_unique and other.is_unique:
        rows = other.get_indexer(index)
        missing = int((rows < 0).sum())
        if not missing:
            return np.asarray(rows, dtype=np.int64)
        trouble = f"{missing} of {len(index)} index labels of the one are not in the other"
    else:
        trouble = "their indexes differ and have labels that occur more than once"
    raise TableError(
        f"the rows of the tables cannot be matched: {trouble}; if the rows are in the same order, "
        "compare table.reset_index(drop=True) with other.reset_index(drop=True), else give both "
        "an index with one label per localization"
    )

"""The partitions of a dask DataFrame: what they look like, and one table from another."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from smlm_accessor.backends.blocks import RowBlocks, Rows
from smlm_accessor.backends.steps import opened


def is_partitioned(table: Any) -> bool:
    """Whether a table is a dask DataFrame; dask is not imported to find out."""
    dask = sys.modules.get("dask.dataframe")
    return dask is not None and isinstance(table, dask.DataFrame)


def example(table: Any) -> pd.DataFrame:
    """Return a table like every partition, without rows; a pandas table is its own example."""
    if not is_partitioned(table):
        whole: pd.DataFrame = table
        return whole
    empty: pd.DataFrame = table._meta
    return empty


@dataclass(frozen=True)
class Apply:
    """Applies a function to a partition, as part of a table with these ``attrs``.

    On the way through dask a partition may have lost what its table says about columns and units.
    If rows stay as they are, ``changes`` are the columns that do not.
    """

    function: Callable[..., Any]
    attrs: Mapping[Hashable, Any]
    changes: frozenset[Hashable] | None = None

    def __call__(self, partition: Rows, *others: Any) -> Any:
        """Return what the function makes of the partition."""
        if isinstance(partition, RowBlocks):
            example = partition.example.copy(deep=False)
            example.attrs = dict(self.attrs)
            partition = replace(partition, example=example)
        elif partition.attrs != self.attrs:
            partition = partition.copy(deep=False)
            partition.attrs = dict(self.attrs)
        return self.function(partition, *others)


def map_partitions(
    table: Any,
    function: Callable[..., pd.DataFrame | pd.Series[Any]],
    meta: pd.DataFrame | pd.Series[Any],
    *others: Any,
    changes: Iterable[Hashable],
) -> Any:
    """Return a table whose partitions are made from those of another, lazily, row by row.

    The function takes a partition and the others, a step of which is computed once for all
    partitions, and returns as many rows with the same index; ``meta`` is the result without rows.
    Columns that differ are in ``changes``.
    """
    apply = Apply(function, dict(example(table).attrs), frozenset(changes))
    name = getattr(function, "func", function).__name__.strip("_")  # of a partial, too
    options = {"meta": meta, "enforce_metadata": False, "align_dataframes": False, "token": name}
    return table.map_partitions(apply, *map(opened, others), **options)


def constant(value: Any) -> Any:
    """Return a value that is sent to a worker once, however many partitions need it."""
    from dask.delayed import delayed

    return delayed(value, traverse=False, pure=True)


def with_attrs(table: Any, attrs: Mapping[Hashable, Any]) -> Any:
    """Return the same table with other ``attrs``, lazily."""
    meta = example(table).copy(deep=False)
    meta.attrs = dict(attrs)
    return table.map_partitions(
        _SetAttrs(dict(attrs)), meta=meta, enforce_metadata=False, token="set_attrs"
    )


@dataclass(frozen=True)
class _SetAttrs:
    attrs: Mapping[Hashable, Any]

    def __call__(self, partition: pd.DataFrame) -> pd.DataFrame:
        partition = partition.copy(deep=False)
        partition.attrs = dict(self.attrs)
        return partition


def origin(table: Any) -> tuple[Any, frozenset[Hashable]]:
    """Return the expression that the rows of a table come from, and columns that differ since."""
    expression, changed = table.expr, frozenset[Hashable]()
    while True:
        name = type(expression).__name__
        if name == "MapPartitions":
            function = expression.operand("func")
            if isinstance(function, Apply) and function.changes is not None:
                changed |= function.changes
            elif not isinstance(function, _SetAttrs):
                return expression, changed
        elif name != "Projection":
            return expression, changed
        expression = expression.frame


def same_partitions(table: Any, other: Any) -> bool:
    """Whether two tables have as many partitions, and none that are known to differ."""
    if table.npartitions != other.npartitions:
        return False
    known = table.known_divisions and other.known_divisions
    return not known or table.divisions == other.divisions


def bare_fragment(fragment: Any) -> Any:
    """Return the fragment of pyarrow that dask may have wrapped."""
    return getattr(fragment, "fragment", fragment)


def paths(table: Any) -> Sequence[str]:
    """Return the file each partition is read from, where dask says so."""
    expression, _ = origin(table)
    try:
        if hasattr(expression, "fragments"):
            found = [str(bare_fragment(fragment).path) for fragment in expression.fragments]
        else:
            found = [str(part["piece"][0]) for part in expression._plan["parts"]]
    except (AttributeError, KeyError, TypeError, IndexError):
        return []
    return found if len(found) == table.npartitions else []


def shuffled(table: Any, label: Hashable) -> Any:
    """Return a table sorted by a column or the index, whatever has to be moved for it."""
    if label in table.columns:
        return table.sort_values(label)
    return table.reset_index().set_index(label)


def rows_where(
    table: Any, label: Hashable, function: Callable[[pd.Series[Any]], pd.Series[Any]]
) -> Any:
    """Return the rows for which a function of a column is true, lazily."""
    mask = table[label].map_partitions(function, meta=pd.Series([], dtype=bool))
    return with_attrs(table[mask], example(table).attrs)


def parquet_files(names: Sequence[str]) -> Any:
    """Return Parquet files as one dask DataFrame."""
    import dask.dataframe as dd

    return dd.read_parquet(list(names))


def text_files(paths: Sequence[str], **options: Any) -> Any:
    """Return text files as one dask DataFrame; the options are those of ``dask``'s read_csv."""
    import dask.dataframe as dd

    return dd.read_csv(list(paths), **options)

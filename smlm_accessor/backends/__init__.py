"""Work over blocks: a thread pool, and the partitions of dask, which nothing else knows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pandas as pd

from smlm_accessor.backends.blocks import RowBlocks, Rows
from smlm_accessor.backends.dask.checked import NotPassedError
from smlm_accessor.backends.dask.partitions import (
    constant,
    example,
    is_partitioned,
    map_partitions,
    parquet_files,
    rows_where,
    shuffled,
    text_files,
    with_attrs,
)
from smlm_accessor.backends.dask.registering import register_partitioned
from smlm_accessor.backends.source import Selection, Source, Whole
from smlm_accessor.backends.steps import HandOver, Step
from smlm_accessor.backends.threads import ProgressBar, at_once, fill_rows, map_threads, track

__all__ = [
    "HandOver",
    "NotPassedError",
    "ProgressBar",
    "RowBlocks",
    "Rows",
    "Selection",
    "Source",
    "Step",
    "at_once",
    "cluster",
    "constant",
    "example",
    "fill_rows",
    "is_partitioned",
    "map_partitions",
    "map_threads",
    "parquet_files",
    "register_partitioned",
    "rows_where",
    "shuffled",
    "source_of",
    "text_files",
    "track",
    "with_attrs",
]


def cluster(address: str | None) -> AbstractContextManager[Any]:
    """Compute on the cluster of a scheduler for a while; here, if there is no address."""
    if address is None:
        return nullcontext()
    from smlm_accessor.backends.dask.computing import cluster_at

    return cluster_at(address)


def source_of(table: Any, *, passes: Callable[[pd.DataFrame], bool] | None = None) -> Source:
    """Return the rows of a pandas or dask DataFrame.

    Where a part of a dask DataFrame does not pass a check, the result of a step is a
    `NotPassedError`.
    """
    if not is_partitioned(table):
        return Whole(table)
    from smlm_accessor.backends.dask.partitioned import Partitioned

    return Partitioned(table, passes=passes)

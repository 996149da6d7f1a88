"""Work over blocks: a thread pool, and the partitions of dask, which nothing else knows."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from smlm_accessor.backends.dask.partitions import (
    constant,
    example,
    is_partitioned,
    map_partitions,
    parquet_files,
    shuffled,
    text_files,
    with_attrs,
)
from smlm_accessor.backends.dask.registering import register_partitioned
from smlm_accessor.backends.source import Selection, Source, Whole
from smlm_accessor.backends.steps import HandOver, Step
from smlm_accessor.backends.threads import ProgressBar, map_threads, track

__all__ = [
    "HandOver",
    "ProgressBar",
    "Selection",
    "Source",
    "Step",
    "cluster",
    "constant",
    "example",
    "is_partitioned",
    "map_partitions",
    "map_threads",
    "parquet_files",
    "register_partitioned",
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


def source_of(table: Any) -> Source:
    """Return the rows of a pandas or dask DataFrame."""
    if not is_partitioned(table):
        return Whole(table)
    from smlm_accessor.backends.dask.partitioned import Partitioned

    return Partitioned(table)

"""Work over blocks: a thread pool, and the partitions of dask, which nothing else knows."""

from __future__ import annotations

from typing import Any

from smlm_accessor.blocks.partitions import (
    Apply,
    constant,
    example,
    is_partitioned,
    map_partitions,
    with_attrs,
)
from smlm_accessor.blocks.registering import register_partitioned
from smlm_accessor.blocks.source import Selection, Source, Whole
from smlm_accessor.blocks.threads import map_threads, track

__all__ = [
    "Apply",
    "Selection",
    "Source",
    "constant",
    "example",
    "is_partitioned",
    "map_partitions",
    "map_threads",
    "register_partitioned",
    "source_of",
    "track",
    "with_attrs",
]


def source_of(table: Any) -> Source:
    """Return the rows of a pandas or dask DataFrame."""
    if not is_partitioned(table):
        return Whole(table)
    from smlm_accessor.blocks.partitioned import Partitioned

    return Partitioned(table)

"""Tasks of dask: read a partition, make something small of it, combine, compute."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from dask.delayed import Delayed, delayed

from smlm_accessor.blocks.partitions import example, is_partitioned, paths, same_partitions
from smlm_accessor.errors import SmlmError, TableError

_TOGETHER = 8  # results that are combined in one task


def compute(value: Any, *, progress: bool = False) -> Any:
    """Compute what is delayed, here or on the cluster this process is a client of."""
    if not isinstance(value, Delayed):
        return value
    if not progress:
        return value.compute()
    if "distributed" in sys.modules:
        from distributed import default_client
        from distributed import progress as show

        try:
            future = default_client().compute(value)
        except ValueError:  # there is no cluster
            pass
        else:
            show(future, notebook=False)
            return future.result()
    from dask.diagnostics.progress import ProgressBar

    with ProgressBar(out=sys.stderr):
        return value.compute()


@dataclass(frozen=True)
class Read:
    """Reads one partition: dask's own task, kept from being shared with other steps.

    A partition that two steps share would stay in memory from the first to the second, and with it
    all of the table.
    """

    task: Callable[[], pd.DataFrame]
    name: str

    def __call__(self) -> pd.DataFrame:
        """Return the partition.

        Raises
        ------
        TableError
            If it cannot be read; the message names it.
        """
        try:
            return self.task()
        except (OSError, ValueError, EOFError) as error:
            if isinstance(error, SmlmError):
                raise
            raise TableError(
                f"{self.name} cannot be read ({type(error).__name__}: {error}); write it again, or "
                "leave it out"
            ) from error


def reads_of(table: Any, columns: Sequence[Hashable] | None) -> list[Any]:
    """Return what reads each partition: a `Read`, or what dask does if that needs other tasks."""
    if columns is not None:
        table = table[list(columns)]
    expression = table.optimize().expr
    graph = expression.__dask_graph__()
    files = paths(table)
    reads: list[Any] = []
    for i, key in enumerate(expression.__dask_keys__()):
        name = f"partition {i} of {table.npartitions}" + (f" ({files[i]})" if files else "")
        task = graph[key]
        if callable(task) and not getattr(task, "dependencies", True):
            reads.append(Read(task, name))
        else:
            reads.append(Delayed(key, graph))
    return reads


def reduced(
    reads: Sequence[Any],
    function: Callable[..., Any],
    combine: Callable[[Sequence[Any]], Any],
    others: Sequence[Any],
) -> Delayed:
    """Return what ``function(partition, *others)`` gives for all partitions, combined."""
    run = delayed(_run, pure=False)
    parts = [run(read, i, len(reads), function, *others) for i, read in enumerate(reads)]
    return combined(parts, combine)


def combined(parts: list[Delayed], combine: Callable[[Sequence[Any]], Any]) -> Delayed:
    """Combine results some at a time, so that no task has to hold all of them."""
    together = delayed(combine, pure=False)
    parts = [together(parts[i : i + _TOGETHER]) for i in range(0, len(parts), _TOGETHER)]
    while len(parts) > 1:
        parts = [together(parts[i : i + _TOGETHER]) for i in range(0, len(parts), _TOGETHER)]
    return parts[0]


def _run(read: Any, i: int, n: int, function: Callable[..., Any], *others: Any) -> Any:
    """Read a partition and make something small of it."""
    if isinstance(read, Read):
        name, part = read.name, read()
    else:
        name, part = f"partition {i} of {n}", read
    try:
        return function(part, *others)
    except TableError as error:
        raise TableError(f"{name}: {error}") from error


def computed_pairs(
    table: Any,
    other: Any,
    function: Callable[[pd.DataFrame, pd.DataFrame], Any],
    combine: Callable[[Sequence[Any]], Any],
) -> Any:
    """Apply a function to partitions of two tables that belong together, and combine it, now.

    Raises
    ------
    TableError
        If the tables are not cut into partitions at the same rows, as far as that is known.
    """
    if not (is_partitioned(table) and is_partitioned(other) and same_partitions(table, other)):
        raise TableError(
            "Tables of dask are compared partition by partition, and these are not cut alike: make "
            "one of them from the other, or compare table.compute() with other.compute()"
        )
    both = [dict(example(one).attrs) for one in (table, other)]
    pair = delayed(_pair, pure=False)
    reads = zip(reads_of(table, None), reads_of(other, None), strict=True)
    parts = [
        pair(here, there, i, table.npartitions, both, function)
        for i, (here, there) in enumerate(reads)
    ]
    return combined(parts, combine).compute()


def _pair(
    here: Any, there: Any, i: int, n: int, attrs: Sequence[Any], function: Callable[..., Any]
) -> Any:
    parts = [read() if isinstance(read, Read) else read for read in (here, there)]
    for part, own in zip(parts, attrs, strict=True):
        part.attrs = own
    try:
        return function(*parts)
    except TableError as error:
        raise TableError(f"partition {i} of {n}: {error}") from error

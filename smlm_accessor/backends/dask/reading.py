"""How partitions of dask are read: one by one, made into something small, and combined."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pandas as pd
from dask._task_spec import GraphNode
from dask.dataframe.dask_expr._expr import optimize_blockwise_fusion
from dask.delayed import Delayed, delayed

from smlm_accessor.backends.blocks import RowBlocks, Rows
from smlm_accessor.backends.dask.computing import compute
from smlm_accessor.backends.dask.partitions import (
    Apply,
    example,
    is_partitioned,
    paths,
    same_partitions,
)
from smlm_accessor.errors import SmlmError, TableError

_TOGETHER = 8  # results that are combined in one task


@dataclass(frozen=True)
class Given:
    """Reads a partition that is there already."""

    part: pd.DataFrame

    def __call__(self, values: Mapping[Any, Any]) -> pd.DataFrame:
        """Return it."""
        return self.part


@dataclass(frozen=True)
class _Result:
    key: Any

    def __call__(self, values: Mapping[Any, Any]) -> pd.DataFrame:
        part: pd.DataFrame = values[self.key]
        return part


class Read:
    """Reads one partition: dask's own task, kept from being shared with other steps.

    A partition that two steps share would stay in memory from the first to the second, and with it
    all of the table. The task takes a mapping from the keys of what it ``needs``.
    """

    # No dataclass: dask looks into those, and would run the task by itself.
    def __init__(
        self,
        task: Callable[[Mapping[Any, Any]], Rows],
        name: str,
        needs: tuple[Any, ...] = (),
    ) -> None:
        self.task, self.name, self.needs = task, name, needs

    def __call__(self, values: Sequence[Any] = ()) -> Any:
        """Return the partition, or raise a `TableError` that names it."""
        with self._named():
            part = self.task(dict(zip(self.needs, values, strict=True)))
        return (
            replace(part, read=partial(self._blocks, part)) if isinstance(part, RowBlocks) else part
        )

    def _blocks(self, part: RowBlocks) -> Iterator[pd.DataFrame]:
        blocks = iter(part)
        while True:
            with self._named():
                block = next(blocks, None)
            if block is None:
                return
            yield block

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except TableError as error:
            raise self.named(error) from error
        except (OSError, ValueError, EOFError) as error:
            if isinstance(error, SmlmError):
                raise
            raise TableError(
                f"{self.name} cannot be read ({type(error).__name__}: {error}); write it again, or "
                "leave it out"
            ) from error

    def named(self, error: TableError) -> TableError:
        """Return an error that tells of which part it is."""
        told = str(error).startswith(self.name)
        return error if told else TableError(f"{self.name}: {error}")


def reads_of(
    table: Any, labels: Sequence[Hashable] | None = None
) -> list[tuple[Read, list[Delayed]]]:
    """Return what reads each partition, or some columns of it, and what that needs."""
    if labels is not None:
        table = table[list(labels)]
    # As dask optimizes, but for its tuning, which would read several small partitions as one: then
    # nobody knew which of them cannot be read, or belongs to which of another table.
    expression = optimize_blockwise_fusion(table.expr.simplify().lower_completely())
    graph = expression.__dask_graph__()
    files = paths(table)
    reads = []
    for i, key in enumerate(expression.__dask_keys__()):
        name = f"partition {i} of {table.npartitions}" + (f" ({files[i]})" if files else "")
        task = graph[key]
        needs: tuple[Any, ...] = (key,)
        if isinstance(task, GraphNode):
            needs = tuple(task.dependencies)
        else:  # something that is there already, or the result of a task by another name
            task = _Result(key)
        reads.append((Read(task, name, needs), [Delayed(need, graph) for need in needs]))
    return reads


def reduced(
    reads: Sequence[tuple[Read, list[Delayed]]],
    function: Apply,
    combine: Callable[[Sequence[Any]], Any],
    others: Sequence[Any],
) -> Delayed:
    """Return what ``function(partition, *others)`` gives for all partitions, combined."""
    parts = [_step(read, needed, function, *others) for read, needed in reads]
    return combined(parts, combine)


def _step(read: Read, needed: list[Delayed], function: Apply, *others: Any) -> Delayed:
    """Return a task whose name tells what is done, for dashboards."""
    name = getattr(function.function, "func", function.function)
    name = getattr(name, "__name__", type(name).__name__).strip("_")
    key = f"{name}-{uuid.uuid4().hex}"
    step: Delayed = delayed(_run, pure=False)(read, needed, function, *others, dask_key_name=key)
    return step


def combined(parts: list[Delayed], combine: Callable[[Sequence[Any]], Any]) -> Delayed:
    """Combine results some at a time, so that no task has to hold all of them."""
    together = delayed(combine, pure=False)
    while True:
        parts = [together(parts[i : i + _TOGETHER]) for i in range(0, len(parts), _TOGETHER)]
        if len(parts) == 1:
            return parts[0]


def _run(read: Read, needed: Sequence[Any], function: Callable[..., Any], *others: Any) -> Any:
    """Read a partition and make something small of it."""
    part = read(needed)
    try:
        return function(part, *others)
    except TableError as error:
        raise read.named(error) from error


def computed_parts(
    table: Any, function: Callable[[pd.DataFrame, int], Any], *, progress: bool = False
) -> list[Any]:
    """Apply ``function(partition, number)`` to all partitions, now, and return what it gives."""
    apply = Apply(function, dict(example(table).attrs))
    parts = [_step(read, needed, apply, i) for i, (read, needed) in enumerate(reads_of(table))]
    found: list[Any] = compute(combined(parts, list), progress=progress)
    while found and isinstance(found[0], list):  # combined in several steps
        found = [one for some in found for one in some]
    return found


def computed_pairs(
    table: Any,
    other: Any,
    function: Callable[[pd.DataFrame, pd.DataFrame], Any],
    combine: Callable[[Sequence[Any]], Any],
) -> Any:
    """Apply a function to partitions of two tables that belong together, and combine it, now."""
    if not (is_partitioned(table) and is_partitioned(other) and same_partitions(table, other)):
        raise TableError(
            "Tables of dask are compared partition by partition, and these are not cut alike: make "
            "one of them from the other, or compare table.compute() with other.compute()"
        )
    here, there = (Apply(_itself, dict(example(one).attrs)) for one in (table, other))
    pair = delayed(_pair, pure=False)
    parts = [
        pair(*first, *second, here, there, function)
        for first, second in zip(reads_of(table), reads_of(other), strict=True)
    ]
    return compute(combined(parts, combine))


def _pair(
    read: Read,
    needed: Sequence[Any],
    read_other: Read,
    needed_other: Sequence[Any],
    here: Apply,
    there: Apply,
    function: Callable[..., Any],
) -> Any:
    part, other = here(read(needed)), there(read_other(needed_other))
    try:
        return function(part, other)
    except TableError as error:
        raise TableError(f"{read.name}: {error}") from error


def _itself(part: pd.DataFrame) -> pd.DataFrame:
    return part

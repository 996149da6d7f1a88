"""One way to go over all rows of a table, whether it is in memory or in the partitions of dask.

A step over the rows is a pair of functions: one makes something small of a part of the table, the
other combines several of these. The steps of a table in memory are done at once; those of a dask
DataFrame become tasks, and nothing is read before `Source.result` is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pandas as pd

from smlm_accessor.backends.dask.facts import PartitionFacts
from smlm_accessor.backends.steps import Step, opened

T = TypeVar("T")
P = TypeVar("P")


@dataclass(frozen=True)
class Selection:
    """Labels of the columns that a step reads, and the attrs of such a table."""

    labels: Sequence[Hashable]
    attrs: Mapping[Hashable, Any]


@dataclass(frozen=True)
class Excerpt:
    """Some rows from all over a table, and about which part of all they are."""

    rows: Source
    part: float


class Source(Protocol):
    """The rows of a table."""

    @property
    def example(self) -> pd.DataFrame:
        """A table with the same columns and attrs."""

    @property
    def shows_progress(self) -> bool:
        """Whether `result` can show how far it is."""

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None if it is not known without reading."""

    def range_of(self, label: Hashable) -> tuple[float, float] | None:
        """Return lowest and highest value of a column, None if not known without reading."""

    def within(self, label: Hashable, ranges: Sequence[tuple[float, float]]) -> Source:
        """Return the rows whose column lies in one of the ranges; there may be more rows."""

    def parts(self, wanted: Sequence[bool]) -> Source:
        """Return the rows of some of the parts; `reduce` combines them in the same order."""

    def excerpt(self) -> Excerpt | None:
        """Return rows that are soon read; None if that took nearly as long as reading all."""

    def reduce(
        self,
        function: Callable[..., P],
        combine: Callable[[Sequence[P]], T],
        *others: object,
        only: Selection | None = None,
        in_blocks: bool = False,
    ) -> Step[T]:
        """Apply ``function(part, *others)`` to all parts, and combine what it gives.

        The others may be steps. With ``only``, parts may lack all other columns. A function that
        goes through rows ``in_blocks`` may get `RowBlocks` in the place of a table.
        """

    def call(self, function: Callable[..., T], *arguments: object) -> Step[T]:
        """Apply a function to what other steps gave."""

    def result(self, step: Step[T], *, progress: bool = False) -> T:
        """Return the value of a step."""

    def as_array(self, step: Step[T], shape: tuple[int, ...], dtype: Any) -> Any:
        """Return an array that a step gives; lazily, if it is not there yet."""


@dataclass(frozen=True)
class Whole:
    """A table in memory: a single part."""

    table: pd.DataFrame

    @property
    def example(self) -> pd.DataFrame:  # noqa: D102
        return self.table

    @property
    def shows_progress(self) -> bool:  # noqa: D102
        return False

    @property
    def n_rows(self) -> int:  # noqa: D102
        return len(self.table)

    def range_of(self, label: Hashable) -> tuple[float, float] | None:  # noqa: D102
        return PartitionFacts(frame=self.table).range_of(label)

    def within(self, label: Hashable, ranges: Sequence[tuple[float, float]]) -> Whole:  # noqa: D102
        return self

    def parts(self, wanted: Sequence[bool]) -> Whole:  # noqa: D102
        return self

    def excerpt(self) -> None:  # noqa: D102
        return None

    def reduce(  # noqa: D102
        self,
        function: Callable[..., P],
        combine: Callable[[Sequence[P]], T],
        *others: object,
        only: Selection | None = None,
        in_blocks: bool = False,
    ) -> Step[T]:
        return Step(combine([function(self.table, *map(opened, others))]))

    def call(self, function: Callable[..., T], *arguments: object) -> Step[T]:  # noqa: D102
        return Step(function(*map(opened, arguments)))

    def result(self, step: Step[T], *, progress: bool = False) -> T:  # noqa: D102
        value: T = step.held  # type: ignore[assignment]
        return value

    def as_array(self, step: Step[T], shape: tuple[int, ...], dtype: Any) -> Any:  # noqa: D102
        return step.held

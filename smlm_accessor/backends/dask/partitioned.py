"""The rows of a dask DataFrame."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from dask.delayed import Delayed, delayed

from smlm_accessor.backends.dask.checked import Checked, CheckedPart, require_passed
from smlm_accessor.backends.dask.computing import compute
from smlm_accessor.backends.dask.facts import PartitionFacts, facts
from smlm_accessor.backends.dask.partitions import Apply, example
from smlm_accessor.backends.dask.reading import Given, Read, reads_of, reduced
from smlm_accessor.backends.dask.streaming import Stream, labelled, pieces, streamable
from smlm_accessor.backends.source import Excerpt, Selection, Source
from smlm_accessor.backends.steps import Step, opened

T = TypeVar("T")
P = TypeVar("P")
# Of an excerpt: so many partitions, or row groups; so many rows where these are small; and no more
# than one part in so many of the table, or a second pass would cost little more.
_FEWEST, _ROWS, _PARTS = 3, 500_000, 8


@dataclass(frozen=True)
class Partitioned:
    """A dask DataFrame: every partition is read in the task that needs it, and let go."""

    table: Any
    passes: Callable[[pd.DataFrame], bool] | None = field(default=None, kw_only=True)

    @property
    def example(self) -> pd.DataFrame:  # noqa: D102
        return example(self.table)

    @property
    def shows_progress(self) -> bool:  # noqa: D102
        return True

    @cached_property
    def _facts(self) -> PartitionFacts:
        return facts(self.table)

    @property
    def n_rows(self) -> int | None:  # noqa: D102
        return self._facts.n_rows

    def range_of(self, label: Hashable) -> tuple[float, float] | None:  # noqa: D102
        return self._facts.range_of(label)

    def within(self, label: Hashable, ranges: Sequence[tuple[float, float]]) -> Source:  # noqa: D102
        if label not in self.example.columns:
            return self
        groups = self._row_groups(_within(label, ranges))
        if groups is None:
            return self
        return RowGroups(self.example, groups, passes=self.passes)

    def parts(self, wanted: Sequence[bool]) -> Source:  # noqa: D102
        which = [i for i, is_wanted in enumerate(wanted) if is_wanted]
        return Some(self.table, passes=self.passes, which=which) if which else self

    def excerpt(self) -> Excerpt | None:  # noqa: D102
        groups = self._row_groups()
        if groups is None:
            n = self.table.npartitions
            some = _spread(n, min(n // _PARTS, _FEWEST))
            return (
                Excerpt(Some(self.table, some, passes=self.passes), len(some) / n) if some else None
            )
        rows = np.array([group.row_groups[0].num_rows for group in groups])
        n = max(_FEWEST, math.ceil(_ROWS * len(rows) / max(rows.sum(), 1)))
        some = _spread(len(rows), n)
        while some and rows[some].sum() > rows.sum() / _PARTS:
            some = _spread(len(rows), len(some) - 1)
        if not some:
            return None
        source = RowGroups(self.example, [groups[i] for i in some], passes=self.passes)
        return Excerpt(source, float(rows[some].sum() / rows.sum()))

    def _row_groups(self, wanted: Any = None) -> list[Any] | None:
        """Return the row groups of Parquet files that may hold what is wanted.

        None if the rows are not as they are in files.
        """
        if not self._facts.fragments or self._facts.changed:
            return None
        return [
            group
            for fragment in self._facts.fragments
            for group in fragment.split_by_row_group(wanted)
        ]

    def reduce(  # noqa: D102
        self,
        function: Callable[..., P],
        combine: Callable[[Sequence[P]], T],
        *others: object,
        only: Selection | None = None,
        in_blocks: bool = False,
    ) -> Step[T]:
        attrs = self.example.attrs if only is None else only.attrs
        labels = None if only is None else only.labels
        reads = self._streams(labels) if in_blocks else None
        reads = self._reads(labels) if reads is None else reads
        if self.passes is not None:
            function, combine = CheckedPart(self.passes, function), Checked(combine)
        return Step(reduced(reads, Apply(function, dict(attrs)), combine, [*map(opened, others)]))

    def _reads(self, labels: Sequence[Hashable] | None) -> list[tuple[Read, list[Delayed]]]:
        """Return what reads each part, or some of its columns, and what that needs."""
        return reads_of(self.table, labels)

    def _streams(
        self, labels: Sequence[Hashable] | None
    ) -> list[tuple[Read, list[Delayed]]] | None:
        """Return what reads each part block by block, as far as files allow; else None."""
        like = labelled(self.example, labels)
        if self._pieces is None or not streamable(like):
            return None
        return [(Read(Stream(piece, like), name), []) for piece, name in self._pieces]

    @cached_property
    def _pieces(self) -> list[tuple[Any, str]] | None:
        if not self._facts.fragments or self._facts.changed:
            return None
        return pieces(self.table, self._facts.fragments)

    def call(self, function: Callable[..., T], *arguments: object) -> Step[T]:  # noqa: D102
        function = function if self.passes is None else Checked(function)
        return Step(delayed(function, pure=False)(*map(opened, arguments)))

    def result(self, step: Step[T], *, progress: bool = False) -> T:  # noqa: D102
        value: T = require_passed(compute(step.held, progress=progress))
        return value

    def as_array(self, step: Step[T], shape: tuple[int, ...], dtype: Any) -> Any:  # noqa: D102
        import dask.array

        return dask.array.from_delayed(step.held, shape, dtype)


@dataclass(frozen=True)
class Some(Partitioned):
    """Some of the partitions of a dask DataFrame."""

    which: Sequence[int]

    def _reads(self, labels: Sequence[Hashable] | None) -> list[tuple[Read, list[Delayed]]]:
        reads = super()._reads(labels)
        return [reads[i] for i in self.which]

    def _streams(
        self, labels: Sequence[Hashable] | None
    ) -> list[tuple[Read, list[Delayed]]] | None:
        streams = super()._streams(labels)
        return None if streams is None else [streams[i] for i in self.which]


@dataclass(frozen=True)
class RowGroups(Partitioned):
    """Some row groups of Parquet files; the table has none of their rows."""

    table: pd.DataFrame
    groups: Sequence[Any]

    @property
    def example(self) -> pd.DataFrame:  # noqa: D102
        return self.table

    def _reads(self, labels: Sequence[Hashable] | None) -> list[tuple[Read, list[Delayed]]]:
        names = list(self.table.columns if labels is None else labels)
        reads: list[tuple[Read, list[Delayed]]] = [
            (Read(_RowGroup(group, names), f"{group.path}"), []) for group in self.groups
        ]
        if not reads:
            reads = [(Read(Given(self.table[names]), "nothing"), [])]
        return reads

    @property
    def _pieces(self) -> list[tuple[Any, str]] | None:
        return [(group, f"{group.path}") for group in self.groups] or None


def _within(label: Hashable, ranges: Sequence[tuple[float, float]]) -> Any:
    """Return the condition that a column lies in one of the ranges."""
    import pyarrow.dataset

    field = pyarrow.dataset.field(label)
    wanted = None
    for low, high in ranges:
        part = (field >= low) & (field < high)
        wanted = part if wanted is None else wanted | part
    return wanted


def _spread(n: int, k: int) -> list[int]:
    """Return ``k`` numbers below ``n``, or all, evenly spread."""
    k = min(k, n)
    return [(2 * i + 1) * n // (2 * k) for i in range(k)]


@dataclass(frozen=True)
class _RowGroup:
    fragment: Any
    columns: list[Any]

    def __call__(self, values: Mapping[Any, Any]) -> pd.DataFrame:
        arrow = self.fragment.to_table(columns=self.columns, use_threads=False)
        table: pd.DataFrame = arrow.to_pandas()
        return table

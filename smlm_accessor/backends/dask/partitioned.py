"""The rows of a dask DataFrame."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import pandas as pd
from dask.delayed import Delayed, delayed

from smlm_accessor.backends.dask.checked import Checked, CheckedPart, require_passed
from smlm_accessor.backends.dask.computing import compute
from smlm_accessor.backends.dask.facts import PartitionFacts, facts
from smlm_accessor.backends.dask.partitions import Apply, example
from smlm_accessor.backends.dask.reading import Given, Read, reads_of, reduced
from smlm_accessor.backends.source import Selection, Source
from smlm_accessor.backends.steps import Step, opened

T = TypeVar("T")
P = TypeVar("P")


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
        fragments = self._facts.fragments
        if not fragments or self._facts.changed or label not in self.example.columns:
            return self
        return Fragments(self.example, fragments, label, tuple(ranges), passes=self.passes)

    def reduce(  # noqa: D102
        self,
        function: Callable[..., P],
        combine: Callable[[Sequence[P]], T],
        *others: object,
        only: Selection | None = None,
    ) -> Step[T]:
        attrs = self.example.attrs if only is None else only.attrs
        reads = self._reads(None if only is None else only.labels)
        if self.passes is not None:
            function, combine = CheckedPart(self.passes, function), Checked(combine)
        return Step(reduced(reads, Apply(function, dict(attrs)), combine, [*map(opened, others)]))

    def _reads(self, labels: Sequence[Hashable] | None) -> list[tuple[Read, list[Delayed]]]:
        """Return what reads each part, or some of its columns, and what that needs."""
        return reads_of(self.table, labels)

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
class Fragments(Partitioned):
    """Those row groups of Parquet files whose statistics do not exclude that they matter."""

    table: pd.DataFrame
    fragments: Sequence[Any]
    label: Hashable
    ranges: tuple[tuple[float, float], ...]

    @property
    def example(self) -> pd.DataFrame:  # noqa: D102
        return self.table

    def _reads(self, labels: Sequence[Hashable] | None) -> list[tuple[Read, list[Delayed]]]:
        import pyarrow.dataset

        field = pyarrow.dataset.field(self.label)
        wanted = None
        for low, high in self.ranges:
            part = (field >= low) & (field < high)
            wanted = part if wanted is None else wanted | part
        names = list(self.table.columns if labels is None else labels)
        reads: list[tuple[Read, list[Delayed]]] = [
            (Read(_RowGroup(group, names), f"{group.path}"), [])
            for fragment in self.fragments
            for group in fragment.split_by_row_group(wanted)
        ]
        if not reads:
            reads = [(Read(Given(self.table[names]), "nothing"), [])]
        return reads


@dataclass(frozen=True)
class _RowGroup:
    fragment: Any
    columns: list[Any]

    def __call__(self, values: Mapping[Any, Any]) -> pd.DataFrame:
        arrow = self.fragment.to_table(columns=self.columns, use_threads=False)
        table: pd.DataFrame = arrow.to_pandas()
        return table

"""Parquet files, read some rows at a time: numbers as they are in the file, and nothing else."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.backends.blocks import RowBlocks
from smlm_accessor.backends.dask.partitions import paths

# Rows that are read at once, some 20 MB with what is made of them. Of fewer, the tables that hold
# them take as long as to count them; of more, nothing becomes faster.
_BLOCK = 2**19
# Rows of a task, about: half a second of work. More make the tasks of a few files uneven.
_OF_TASK = 5_000_000


@dataclass(frozen=True)
class Stream:
    """Reads columns of some row groups of a Parquet file: a task of `reading.Read`."""

    fragment: Any
    example: pd.DataFrame

    def __call__(self, values: Mapping[Any, Any]) -> RowBlocks:
        """Return the rows, none of which is read yet."""
        return RowBlocks(self.example, partial(_blocks, self.fragment, self.example))


def streamable(example: pd.DataFrame) -> bool:
    """Whether columns are plain numbers, and nothing is in the index that could be needed."""
    plain = all(isinstance(t, np.dtype) and t.kind in "fiu" for t in example.dtypes)
    named = all(isinstance(label, str) for label in example.columns)
    return plain and named and bool(len(example.columns)) and not any(example.index.names)


def pieces(table: Any, fragments: Sequence[Any]) -> list[tuple[Any, str]] | None:
    """Return parts of the Parquet files of a table in the order of its partitions, and names.

    None if that order is not known.
    """
    files = paths(table)
    number = {file: i for i, file in enumerate(dict.fromkeys(files))}
    of_file = {str(fragment.path): fragment for fragment in fragments}
    if set(number) != set(of_file) or len(of_file) < len(fragments):
        return None
    found = []
    for file, i in number.items():
        fragment = of_file[file]
        known = len(number) == len(files)
        name = f"partition {i} of {len(files)} ({file})" if known else file
        found += [(part, name) for part in _parted(fragment)]
    return found


def _parted(fragment: Any) -> list[Any]:
    """Return a file in parts of some row groups each."""
    groups = fragment.row_groups
    end = np.cumsum([group.num_rows for group in groups])
    if len(groups) < 2 or end[-1] <= _OF_TASK:
        return [fragment]
    n = -(-int(end[-1]) // _OF_TASK)
    part = np.minimum((end - 1) * n // end[-1], n - 1)
    return [
        fragment.subset(row_group_ids=[g.id for g, k in zip(groups, part, strict=True) if k == one])
        for one in np.unique(part)
    ]


def _blocks(fragment: Any, example: pd.DataFrame) -> Iterator[pd.DataFrame]:
    names, found = list(example.columns), False
    batches = fragment.to_batches(
        columns=names, batch_size=_BLOCK, use_threads=False, batch_readahead=0
    )
    for batch in batches:
        if batch.num_rows:
            found = True
            columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
            yield pd.DataFrame(dict(zip(names, columns, strict=True)), copy=False)
    if not found:
        yield _bare(example)


def _bare(example: pd.DataFrame) -> pd.DataFrame:
    bare = example.copy(deep=False)
    bare.attrs = {}
    return bare


def labelled(example: pd.DataFrame, labels: Sequence[Hashable] | None) -> pd.DataFrame:
    """Return an example with some of the columns."""
    return example if labels is None else example[list(labels)]

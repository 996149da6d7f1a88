"""Rows in the order of their frames, without moving them between partitions if that can be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor.backends import is_partitioned, map_partitions, shuffled, source_of
from smlm_accessor.errors import TableError
from smlm_accessor.table.clock import NO_TIME
from smlm_accessor.table.columns import COPIES_ON_WRITE, find_columns, selection
from smlm_accessor.table.localizations import read_localizations


def sort_frames(table: pd.DataFrame, *, shuffle: bool = False) -> pd.DataFrame:
    """Return a table with its rows in the order of frames; see ``table.smlm.sort_frames``."""
    columns = find_columns(table)
    if columns.when is None:
        raise TableError(NO_TIME)
    if not is_partitioned(table):
        return _sorted(table)
    source = source_of(table)
    only = selection(source.example)
    ends: Sequence[_Ends] = source.result(source.reduce(_ends, _all_ends, only=only))
    filled = [i for i, end in enumerate(ends) if end.n_rows]
    order = sorted(filled, key=lambda i: (ends[i].first, ends[i].last))
    clash = next(
        ((a, b) for a, b in pairwise(order) if ends[a].last > ends[b].first),
        None,
    )
    if clash is not None and not shuffle:
        a, b = clash
        raise TableError(
            f"partitions {a} and {b} overlap: they have {columns.clock.name}s "
            f"{columns.clock.bare(ends[a].first, ends[a].last)} and "
            f"{columns.clock.bare(ends[b].first, ends[b].last)}. To move rows between partitions, "
            "which needs memory or disk for all of them, say sort_frames(shuffle=True); estimates "
            "and corrections need no order"
        )
    parts: Any = table
    if clash is not None:
        parts = shuffled(parts, columns.when)
    elif order and order != list(range(len(ends))):
        parts = parts.partitions[order]
    example = source.example
    sorted_table: pd.DataFrame = map_partitions(parts, _sorted, example, changes=example.columns)
    return sorted_table


class _Ends(NamedTuple):
    n_rows: int
    first: int
    last: int


def _ends(part: pd.DataFrame) -> list[_Ends]:
    frames = read_localizations(part).frames
    if not len(frames):
        return [_Ends(0, 0, 0)]
    return [_Ends(len(frames), int(frames.min()), int(frames.max()))]


def _all_ends(parts: Sequence[list[_Ends]]) -> list[_Ends]:
    return [end for part in parts for end in part]


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    frames = read_localizations(table).frames
    if (frames[1:] >= frames[:-1]).all():
        return table.copy(deep=not COPIES_ON_WRITE)
    return table.take(np.argsort(frames, kind="stable"))

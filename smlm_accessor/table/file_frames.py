"""Which frames the files of a table have, as a column tells them apart."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from smlm_accessor.errors import TableError
from smlm_accessor.table.localizations import read_localizations

Span = tuple[int, int]


def frame_spans(part: pd.DataFrame, by: Hashable) -> dict[Any, Span]:
    """Return first and last frame for each value of a column, in the order of appearance."""
    column = part[by].reset_index(drop=True)
    missing = int(column.isna().sum())
    if missing:
        raise TableError(
            f"column {by!r} is empty in {missing} rows, so their file is not known; fill or drop "
            "those rows"
        )
    frames = pd.Series(read_localizations(part).frames)
    ends = frames.groupby(column, observed=True, sort=False).agg(["min", "max"])
    return {key: (int(a), int(b)) for key, a, b in ends.itertuples(name=None)}


def spans_of_all(parts: Sequence[dict[Any, Span]]) -> dict[Any, Span]:
    """Return the frames of several parts together."""
    found: dict[Any, Span] = {}
    for part in parts:
        for key, (first, last) in part.items():
            a, b = found.get(key, (first, last))
            found[key] = min(a, first), max(b, last)
    return found

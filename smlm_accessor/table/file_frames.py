"""Which frames the files of a table have, as a column tells them apart."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.errors import TableError
from smlm_accessor.table.localizations import read_localizations

Span = tuple[int, int, int]  # first and last frame, and the usual step from one to the next


def frame_spans(part: pd.DataFrame, by: Hashable) -> dict[Any, Span]:
    """Return first, last and step of frames for each value of a column, in order of appearance.

    The step is 1; of times, the median.
    """
    column = part[by].reset_index(drop=True)
    missing = int(column.isna().sum())
    if missing:
        raise TableError(
            f"column {by!r} is empty in {missing} rows, so their file is not known; fill or drop "
            "those rows"
        )
    localizations = read_localizations(part)
    frames = pd.Series(localizations.frames)
    step = 1
    if localizations.clock.is_time and len(frames) > 1:
        steps = np.diff(np.unique(frames))
        step = int(np.median(steps)) if len(steps) else 1
    ends = frames.groupby(column, observed=True, sort=False).agg(["min", "max"])
    return {key: (int(a), int(b), step) for key, a, b in ends.itertuples(name=None)}


def spans_of_all(parts: Sequence[dict[Any, Span]]) -> dict[Any, Span]:
    """Return the frames of several parts together."""
    found: dict[Any, Span] = {}
    for part in parts:
        for key, (first, last, step) in part.items():
            a, b, s = found.get(key, (first, last, step))
            found[key] = min(a, first), max(b, last), min(s, step)
    return found

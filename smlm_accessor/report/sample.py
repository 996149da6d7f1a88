"""What has to be known of a table before images of it can be made."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.assess.case import Case
from smlm_accessor.backends import source_of
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.in_memory import sample_in_memory
from smlm_accessor.images.counting import TableExtent, table_extent
from smlm_accessor.models import Drift
from smlm_accessor.table.columns import find_columns, selection
from smlm_accessor.table.localizations import read_localizations

_MOST = 3_000_000  # localizations, by which regions are chosen: 0.3 GB with all copies


class ImageSample(NamedTuple):
    """Some of the localizations, before and after; shapes (n, d), (n, d) and (n,)."""

    before: FloatArray
    after: FloatArray
    frames: IntArray


def extent_of(table: Any, *, progress: bool = False) -> TableExtent:
    """Return the range of x, y and frame of the rows of a table, of pandas or dask.

    Raises
    ------
    TableError
        If no row has a position.
    """
    source = source_of(table)
    only = selection(find_columns(source.example), source.example)
    extent = source.result(table_extent(source, _xy_and_frame, only=only), progress=progress)
    found: TableExtent = extent
    if not found.n_located:
        raise TableError(
            f"None of the {found.n_rows} rows has coordinates."
            if found.n_rows
            else "This table has no rows."
        )
    return found


def _xy_and_frame(block: pd.DataFrame) -> FloatArray:
    localizations = read_localizations(block)
    values = np.column_stack([localizations.positions[:, :2], localizations.frames])
    return values[localizations.finite]


def corrected_sample(
    table: pd.DataFrame, drift: Drift, by: str | None, outside: str | None
) -> ImageSample:
    """Return localizations before and after, in parts of the field if there are very many."""
    if len(table) > _MOST:
        table = sample_in_memory(table, _MOST)
    localizations = read_localizations(table)
    before, frames = localizations.positions, localizations.frames
    after = Case(localizations, by, outside).corrected(drift, before, frames)
    use = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    return ImageSample(before[use], after[use], frames[use])

"""What has to be known of a table before images of it can be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.assess.case import Case
from smlm_accessor.backends import is_partitioned, source_of
from smlm_accessor.errors import TableError
from smlm_accessor.estimation.sampling import sample_in_memory
from smlm_accessor.kernels.images.grid import field_of
from smlm_accessor.models import Drift
from smlm_accessor.table.columns import selection
from smlm_accessor.table.localizations import read_in_blocks, read_localizations

_MOST = 500_000  # localizations of dask, as for the verdict
_MOST_IN_MEMORY = 3_000_000


@dataclass(frozen=True)
class Extent:
    """Where the localizations of a table lie, and when.

    Parameters
    ----------
    n_rows, n_located : int
        Rows, and rows with a position.
    frames : tuple of int
        The first and the last.
    lower, upper : ndarray, shape (2,)
        Corners of the field.
    """

    n_rows: int
    n_located: int
    frames: tuple[int, int]
    lower: FloatArray
    upper: FloatArray


@dataclass(frozen=True)
class BeforeAndAfter:
    """Some of the localizations, before and after; shapes (n, d), (n, d) and (n,)."""

    before: FloatArray
    after: FloatArray
    frames: IntArray


def extent_of(table: Any, *, progress: bool = False) -> Extent:
    """Go over the rows of a table, of pandas or dask.

    Raises
    ------
    TableError
        If no row has a position.
    """
    source = source_of(table)
    only = selection(source.example)
    found: Extent = source.result(source.reduce(_extent, _widest, only=only), progress=progress)
    if not found.n_located:
        raise TableError(
            f"None of the {found.n_rows} rows has coordinates."
            if found.n_rows
            else "This table has no rows."
        )
    return found


def _extent(part: pd.DataFrame) -> Extent:
    found = []
    for block in read_in_blocks(part):
        located = block.finite
        xy, frames = block.positions[located, :2], block.frames[located]
        if len(xy):
            ends = int(frames.min()), int(frames.max())
            found.append(Extent(len(located), len(xy), ends, xy.min(axis=0), xy.max(axis=0)))
        else:
            found.append(Extent(len(located), 0, (0, 0), np.zeros(2), np.zeros(2)))
    return _widest(found)


def _widest(parts: Sequence[Extent]) -> Extent:
    some = [part for part in parts if part.n_located] or list(parts)[:1]
    return Extent(
        sum(part.n_rows for part in parts),
        sum(part.n_located for part in parts),
        (min(part.frames[0] for part in some), max(part.frames[1] for part in some)),
        np.min([part.lower for part in some], axis=0),
        np.max([part.upper for part in some], axis=0),
    )


def to_judge(table: Any, *, progress: bool = False) -> pd.DataFrame:
    """Return the table in memory; of dask, the part by which a drift is judged."""
    if is_partitioned(table):
        return sample_in_memory(table, _MOST, progress=progress)
    in_memory: pd.DataFrame = table
    return in_memory


def sampled(
    table: pd.DataFrame, drift: Drift, by: str | None, outside: str | None
) -> BeforeAndAfter:
    """Return localizations before and after, in parts of the field if there are very many."""
    if len(table) > _MOST_IN_MEMORY:
        table = sample_in_memory(table, _MOST_IN_MEMORY)
    localizations = read_localizations(table)
    case = Case(localizations, by, outside)
    before = localizations.positions
    after = case.corrected(drift, before, localizations.frames)
    use = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    return BeforeAndAfter(before[use], after[use], localizations.frames[use])


def field(extent: Extent, sample: BeforeAndAfter, *, whole: bool) -> tuple[FloatArray, FloatArray]:
    """Return the corners of what is shown as the whole field.

    A few outliers far away do not count, if the sample is of the whole field.
    """
    if whole and len(sample.before):
        return field_of(sample.before[:, :2])
    return extent.lower, extent.upper

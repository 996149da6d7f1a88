"""Frame numbers that go on from file to file."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import constant, is_partitioned, map_partitions, source_of
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.kernels.frames.runs import Runs
from smlm_accessor.table import history
from smlm_accessor.table.columns import COPIES_ON_WRITE, Columns, find_columns, selection
from smlm_accessor.table.file_frames import Span, frame_spans, spans_of_all
from smlm_accessor.table.localizations import read_localizations

FILE = "file"
MOVIE = "smlm_movie"  # in attrs: n_frames, as the file says; the last ones may have no rows
_MOST = 32  # files that are told apart by the order of rows


def join_movies(
    tables: Sequence[pd.DataFrame], *, names: Sequence[Hashable] | None = None
) -> pd.DataFrame:
    """Put the tables of files that were recorded one after the other together.

    Frame numbers, or times, go on from file to file, after all frames of a movie if its file tells
    how many there are (Picasso's do), else after the last one with a localization; and the column
    ``file`` says which one a row is from, so that ``table.smlm.drift(segments="file")`` lets the
    sample jump between files.

    Parameters
    ----------
    tables : sequence of DataFrame
        In the order of time, of pandas, with the same columns. They are not modified.
    names : sequence, optional
        What the files are called; 0, 1, 2, ... by default.

    Returns
    -------
    DataFrame
        All rows, with a new index.

    Raises
    ------
    TableError
        If a table cannot be used, or they do not fit together.
    OptionError
        If the names are not one for each.

    Examples
    --------
    >>> first = pd.DataFrame({"frame": [0, 1], "x": [1.0, 2.0], "y": [0.0, 0.0]})
    >>> join_movies([first, first])["frame"].tolist()
    [0, 1, 2, 3]
    """
    tables = list(tables)
    names = list(range(len(tables))) if names is None else list(names)
    if not tables or len(names) != len(tables) or len(set(names)) != len(names):
        raise OptionError(
            f"{len(tables)} tables and names={names!r}: give at least one table, and each a name "
            "of its own"
        )
    _require_alike(tables)
    joined = pd.concat(tables, ignore_index=True)
    number = pd.Series(np.repeat(np.arange(len(tables)), [len(table) for table in tables]))
    joined[FILE] = number.map(dict(enumerate(names)))
    joined.attrs = dict(tables[0].attrs)
    lengths = [_movie_length(table) for table in tables]
    known = [length for length in lengths if length is not None]
    if len(known) < len(tables):
        joined.attrs.pop(MOVIE, None)
        return number_frames(joined, by=FILE)
    joined.attrs[MOVIE] = {"n_frames": sum(known)}
    starts = np.concatenate([[0], np.cumsum(known)[:-1]]).tolist()
    return _renumbered(joined, dict(zip(names, starts, strict=True)), FILE)


def _movie_length(table: pd.DataFrame) -> int | None:
    """Return the number of frames that a file tells of its movie, None if its rows do not fit."""
    length = dict(table.attrs.get(MOVIE) or {}).get("n_frames")
    frames = read_localizations(table).frames
    fits = isinstance(length, int) and frames.min(initial=0) >= 0
    return length if fits and frames.max(initial=-1) < length else None


def _require_alike(tables: Sequence[pd.DataFrame]) -> None:
    if any(is_partitioned(table) for table in tables):
        raise TableError(
            "join_movies takes tables of pandas. For dask: give each a column file, put them "
            "together with dask.dataframe.concat, then table.smlm.number_frames(by='file')"
        )
    first = find_columns(tables[0])
    if FILE in tables[0].columns:
        raise TableError(f"The first table has a column {FILE!r} already; rename or drop it")
    for k, table in enumerate(tables):
        if list(table.columns) != list(tables[0].columns):
            other = set(table.columns) ^ set(tables[0].columns)
            what = f"only one of them has {other}" if other else "they are in another order"
            raise TableError(f"Table {k} has other columns than table 0: {what}")
        if find_columns(table) != first:
            raise TableError(
                f"Table {k} has other units or roles of columns than table 0; see "
                "table.smlm.columns, and smlm_accessor.set_columns"
            )


def number_frames(table: pd.DataFrame, *, by: Hashable | None = None) -> pd.DataFrame:
    """Let the frame numbers, or times, of each file go on where the last one ends.

    See ``table.smlm.number_frames``.
    """
    columns = find_columns(table)
    source = source_of(table)
    example = source.example
    label = columns.when
    if label is None or label not in example.columns:
        raise TableError(
            "There is no column of frame numbers or times to change; if they are in the index, use "
            "table.reset_index() first"
        )
    if by is None:
        if is_partitioned(table) or FILE in example.columns:
            raise OptionError(
                "say which column tells the files, for example by='file'"
                + ("" if FILE in example.columns else "; dask tables need one")
            )
        table, by = table.assign(**{FILE: _by_order(table)}), FILE
    elif by not in example.columns:
        raise OptionError(
            f"by={by!r} is not a column; the columns are {', '.join(map(str, example.columns))}"
        )
    if not is_partitioned(table):
        return _renumbered(table, _shifts(spans_of_all([frame_spans(table, by)])), by)
    step = source.reduce(frame_spans, spans_of_all, by, only=selection(example, by))
    shifts = _shifts(source.result(step))
    meta = _renumbered(example, shifts, by)
    lazy: pd.DataFrame = map_partitions(
        table, _renumbered, meta, constant(shifts), by, changes=[label]
    )
    return lazy


def _by_order(table: pd.DataFrame) -> IntArray:
    frames = read_localizations(table).frames
    n = len(Runs.of(frames, None).found)
    if n > _MOST:
        raise TableError(
            f"Frames or times decrease more than {_MOST} times from row to row, so the order of "
            "rows does not tell the files; say which column does: number_frames(by='...')"
        )
    return np.concatenate([[0], np.cumsum(frames[1:] < frames[:-1])])[: len(frames)].astype(int)


def _shifts(spans: dict[Any, Span]) -> dict[Any, int]:
    """Return what to add to the frames of each file."""
    shifts: dict[Any, int] = {}
    following: int | None = None
    for name, (first, last, step) in spans.items():
        shifts[name] = 0 if following is None else following - first
        following = last + shifts[name] + step
    return shifts


def _renumbered(table: pd.DataFrame, shifts: dict[Any, int], by: Hashable) -> pd.DataFrame:
    columns: Columns = find_columns(table)
    label = columns.when
    assert label is not None
    shift = table[by].astype(object).map(shifts).to_numpy(dtype=np.int64)
    frames = read_localizations(table).frames + shift
    seconds = columns.clock.values(shift) / columns.time_scale
    result = table.copy(deep=not COPIES_ON_WRITE)
    if columns.mean_frames or columns.clock.is_time:
        result[label] = table[label] + seconds
    else:
        dtype = _wide_enough(table[label].dtype, int(np.abs(frames).max(initial=0)))
        result[label] = pd.Series(frames, index=table.index).astype(dtype)
    result.attrs = history.record(table.attrs, "number_frames", by=str(by))
    return result


def _wide_enough(dtype: Any, largest: int) -> Any:
    """Return the dtype of a column, or int64 if it cannot hold so large a number."""
    if isinstance(dtype, np.dtype) and dtype.kind in "iu":
        return dtype if largest <= np.iinfo(dtype).max else np.dtype(np.int64)
    if isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize > 4:
        return dtype
    return np.dtype(np.int64)

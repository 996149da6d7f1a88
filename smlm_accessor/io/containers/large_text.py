"""Large text that holds nothing but numbers, parsed by Arrow: in little memory, by all cores.

The file is cut into runs of lines. Each is parsed by itself, straight into the columns of the
result: besides these, only a few runs are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._typing import IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.io.containers.dialect import Dialect

_LARGE = 2**20  # bytes; below, starting Arrow takes longer than parsing
# Bytes that are parsed together: with 8 MB, a run takes some 30 MB while it is parsed, and
# starting on one is below 1 % of the time.
_RUN = 2**23


class _NotPlainError(Exception):
    """There is something else than plain numbers."""


@dataclass(frozen=True)
class _Run:
    """Lines of a file: where they begin and end, and the first row of the result they go to."""

    start: int
    stop: int
    first: int
    n_lines: int


def all_numbers(
    path: Path, head: bytes, dialect: Dialect, names: Sequence[str]
) -> pd.DataFrame | None:
    """Return the rows of a text; None if it is small, or anything in it is not a plain number.

    ``head`` is its beginning, ``names`` those of the columns.
    """
    if path.stat().st_size < _LARGE or dialect.separator == " " or not names or not all(names):
        return None
    start = 0
    for _ in range(dialect.row):
        start = head.find(b"\n", start) + 1
        if start == 0:
            return None
    try:
        runs = _runs(path, start)
        # Whole numbers and others take the same room, so that either goes into either.
        columns = [np.empty(sum(run.n_lines for run in runs), np.int64) for _ in names]
        found = map_threads(lambda run: _parse(path, run, dialect, names, columns), runs)
    except (_NotPlainError, OSError):
        return None  # the slow parser says what is wrong
    n_rows = np.array([n for n, _ in found])
    whole = np.array([kinds for _, kinds in found]).T
    # A column that is put together anew is let go before the next one is.
    numbers = [_joined(columns.pop(0), runs, n_rows, is_whole) for is_whole in whole]
    return pd.DataFrame(dict(zip(names, numbers, strict=True)), copy=False)


def _runs(path: Path, start: int) -> list[_Run]:
    """Cut a file into runs of whole lines."""
    runs, first = list[_Run](), 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while start < size:
            file.seek(start)
            block = file.read(_RUN)
            end = block.rfind(b"\n") + 1
            if not end:  # it may be cut off; or a line that no table has
                raise _NotPlainError
            n_lines = block.count(b"\n", 0, end)
            runs.append(_Run(start, start + end, first, n_lines))
            start, first = start + end, first + n_lines
    return runs


def _parse(
    path: Path, run: _Run, dialect: Dialect, names: Sequence[str], columns: Sequence[IntArray]
) -> tuple[int, list[bool]]:
    """Put the numbers of a run into the columns; return how many rows, and which are whole."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    with path.open("rb") as file:
        file.seek(run.start)
        text = file.read(run.stop - run.start)
    if not text.strip():
        return 0, [True] * len(names)
    try:
        rows = arrow_csv.read_csv(
            pa.BufferReader(text),
            read_options=arrow_csv.ReadOptions(
                column_names=list(names), block_size=len(text), use_threads=False
            ),
            parse_options=arrow_csv.ParseOptions(delimiter=dialect.separator),
            convert_options=arrow_csv.ConvertOptions(decimal_point=dialect.decimal),
            memory_pool=pa.system_memory_pool(),  # which keeps less than Arrow's own
        )
    except (pa.ArrowException, ValueError) as error:
        raise _NotPlainError from error
    kinds = rows.schema.types
    plain = all(kind in (pa.int64(), pa.float64()) for kind in kinds)
    if not plain or any(c.null_count for c in rows.columns) or rows.num_rows > run.n_lines:
        raise _NotPlainError
    for column, values in zip(columns, rows.columns, strict=True):
        at = run.first
        for chunk in values.chunks:
            numbers = chunk.to_numpy()
            column[at : at + len(chunk)] = numbers.view(np.int64)
            at += len(chunk)
    return rows.num_rows, [kind == pa.int64() for kind in kinds]


def _joined(
    column: IntArray, runs: Sequence[_Run], n_rows: IntArray, is_whole: npt.NDArray[np.bool_]
) -> npt.NDArray[Any]:
    """Return a column without what empty lines left free, as floats if any of its runs is."""
    if not is_whole.all():
        for run, n, whole in zip(runs, n_rows, is_whole, strict=True):
            if whole:
                part = slice(run.first, run.first + n)
                column.view(np.float64)[part] = column[part].copy()
        column = column.view(np.float64)
    if int(n_rows.sum()) == len(column):
        return column
    parts = zip(runs, n_rows, strict=True)
    return np.concatenate([column[run.first : run.first + n] for run, n in parts])

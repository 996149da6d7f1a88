"""Large text that holds nothing but numbers, parsed by Arrow: in little memory, by all cores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smlm_accessor.io.containers.dialect import Dialect

_LARGE = 2**20  # bytes; below, starting Arrow takes longer than parsing


def all_numbers(
    path: Path, head: bytes, dialect: Dialect, names: Sequence[str]
) -> pd.DataFrame | None:
    """Return the rows of a text; None if it is small, or anything in it is not a plain number.

    ``head`` is its beginning, ``names`` those of the columns.
    """
    if path.stat().st_size < _LARGE or dialect.separator == " " or not names or not all(names):
        return None
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    start = 0
    for _ in range(dialect.row):
        start = head.find(b"\n", start) + 1
        if start == 0:
            return None
    if not _ends_with_a_line(path):
        return None  # it may be cut off
    try:
        with pa.OSFile(str(path)) as file:
            file.seek(start)
            rows = arrow_csv.read_csv(
                file,
                read_options=arrow_csv.ReadOptions(column_names=list(names)),
                parse_options=arrow_csv.ParseOptions(delimiter=dialect.separator),
                convert_options=arrow_csv.ConvertOptions(decimal_point=dialect.decimal),
                memory_pool=pa.system_memory_pool(),  # which keeps less than Arrow's own
            )
    except (pa.ArrowException, OSError, ValueError):
        return None  # the slow parser says what is wrong
    plain = (pa.int64(), pa.float64())
    if any(kind not in plain for kind in rows.schema.types) or any(
        column.null_count for column in rows.columns
    ):
        return None
    columns = {}
    for name in names:
        values = np.empty(rows.num_rows, dtype=np.dtype(rows.schema.types[0].to_pandas_dtype()))
        at = 0
        for chunk in rows.column(0).chunks:
            values[at : at + len(chunk)] = chunk.to_numpy()
            at += len(chunk)
        columns[name] = values
        rows = rows.remove_column(0)  # which frees it
    return pd.DataFrame(columns, copy=False)


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read() == b"\n"

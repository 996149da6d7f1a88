"""Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.registry import Format

# Bytes of a value as it is stored; of text there is at least a pointer.
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}


def _recognises(start: FileStart) -> bool:
    return start.head.startswith(b"PAR1")


def _read(start: FileStart) -> pd.DataFrame:
    """Return the table with its dtypes, index and ``attrs``."""
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(start.path) as file:
        schema, metadata = file.schema, file.metadata
        widths = [_WIDTHS.get(schema.column(i).physical_type, 8) for i in range(len(schema))]
        packed = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
        unpacked = max(metadata.num_rows * sum(widths), sum(packed))
        require_room(start.path, unpacked, len(widths))
        # Without the dtypes that pandas notes in its files, whole numbers with gaps would become
        # floating-point numbers.
        noted = file.schema_arrow.pandas_metadata is not None
    backend: dict[str, Any] = {} if noted else {"dtype_backend": "pyarrow"}
    return pd.read_parquet(start.path, engine="pyarrow", **backend)


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write the table; Parquet holds all of it, ``attrs`` too."""
    try:
        table.to_parquet(parts[0], engine="pyarrow")
    except (ValueError, TypeError) as error:
        raise FileError(f"{error}; give a name that ends in .csv instead") from error


FORMAT = Format("parquet", "Parquet", _recognises, _read, _write, suffixes=(".parquet", ".pq"))

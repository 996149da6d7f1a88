"""Text with commas, whatever its columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.io.containers.delimited import parse, text_of, write_text
from smlm_accessor.io.registry import Format
from smlm_accessor.io.source import Source


def _recognises(source: Source) -> bool:
    return source.header is not None


def _read(source: Source) -> pd.DataFrame:
    """Return the table, its columns as they are called there."""
    return parse(text_of(source.path), source.path, ",")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write the columns as they are called.

    Text holds no dtypes, no ``attrs`` and no index without a name: single precision comes back as
    double, categories as text.
    """
    write_text(table, parts[0], ",")


FORMAT = Format(
    name="csv",
    title="csv with commas",
    recognises=_recognises,
    read=_read,
    write=_write,
    suffixes=(".csv",),
)

"""Text with tabs, whatever its columns are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.io.containers.delimited import parse, text_of, write_text
from smlm_accessor.io.registry import Format
from smlm_accessor.io.source import Source


def _recognises(source: Source) -> bool:
    return source.header is not None and "\t" in source.header


def _read(source: Source) -> pd.DataFrame:
    """Return the table, its columns as they are called there."""
    return parse(text_of(source.path), source.path, "\t")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write the columns as they are called; what text does not hold is said in `plain_csv`."""
    write_text(table, parts[0], "\t")


FORMAT = Format(
    name="tsv",
    title="text with tabs",
    recognises=_recognises,
    read=_read,
    write=_write,
    suffixes=(".tsv", ".txt"),
)

"""Nanoimager csv: names with units in parentheses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.io.containers.delimited import fields, parse, text_of, write_text
from smlm_accessor.io.names import Names, in_names
from smlm_accessor.io.registry import Format
from smlm_accessor.io.source import Source

_TITLE = "Nanoimager csv"
_NAMES = Names(position="{A} (nm)", frame="Frame", uncertainty="{A} precision (nm)")


def _recognises(source: Source) -> bool:
    found = fields(source.header or "", ",")
    return "Frame" in found and any(name.lower().startswith("x (") for name in found)


def _read(source: Source) -> pd.DataFrame:
    """Return the table, its columns as they are called there."""
    return parse(text_of(source.path, latin=True), source.path, ",")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write lengths in nm, under the names of the Nanoimager; other columns keep theirs.

    Text holds no dtypes, no ``attrs`` and no index without a name.
    """
    write_text(in_names(table, _NAMES, _TITLE), parts[0], ",")


FORMAT = Format(name="nanoimager", title=_TITLE, recognises=_recognises, read=_read, write=_write)

"""ThunderSTORM csv: names in quotes, with units in brackets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.io.containers.delimited import fields, parse, text_of, write_text
from smlm_accessor.io.names import Names, in_names
from smlm_accessor.io.registry import Format
from smlm_accessor.io.source import Source

_TITLE = "ThunderSTORM csv"
_NAMES = Names(
    position="{a} [nm]",
    frame="frame",
    uncertainty="uncertainty_{a} [nm]",
    lateral="uncertainty [nm]",
)


def _recognises(source: Source) -> bool:
    header = source.header or ""
    return header.startswith('"') and re.search(r"(?i)\bx ?\[[^\]]+\]", header) is not None


def _read(source: Source) -> pd.DataFrame:
    """Return the table, its columns as they are called there.

    A spreadsheet that saved the file may have put the whole first line into quotes once more.
    """
    text = text_of(source.path, latin=True)
    first, end, rest = text.partition("\n")
    once = fields(first.rstrip("\r"), ",")
    if len(once) == 1 and "," in once[0]:
        text = once[0] + end + rest
    return parse(text, source.path, ",")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write lengths in nm, under the names of ThunderSTORM; other columns keep theirs.

    Text holds no dtypes, no ``attrs`` and no index without a name.
    """
    write_text(in_names(table, _NAMES, _TITLE), parts[0], ",", quote_text=True)


FORMAT = Format(name="thunderstorm", title=_TITLE, recognises=_recognises, read=_read, write=_write)

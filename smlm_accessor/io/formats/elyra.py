"""Zeiss Elyra txt: tabs, and below the table what is known of the image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.io.containers.delimited import fields, parse, text_of, write_text
from smlm_accessor.io.names import Names, in_names
from smlm_accessor.io.registry import Format
from smlm_accessor.io.source import Source

_TITLE = "Elyra txt"
_FOOTER = "smlm_elyra_image"
_NAMES = Names(
    position="Position {A} [nm]",
    frame="First Frame",
    uncertainty="Precision {A} [nm]",
    lateral="Precision [nm]",
)


def _recognises(source: Source) -> bool:
    found = fields(source.header or "", "\t")
    return "First Frame" in found and any(name.startswith("Position X") for name in found)


def _read(source: Source) -> pd.DataFrame:
    """Return the table; the lines below it are kept in ``attrs``."""
    text = text_of(source.path, latin=True)
    below = re.search(r"^[ \t]*(\x00|\r*$)", text, re.MULTILINE)
    # What follows an empty line but has columns is part of the table.
    end = below.start() if below and "\t" not in text[below.start() :].strip() else len(text)
    table = parse(text[:end], source.path, "\t")
    footer = text[end:].replace("\0", "").strip()
    if footer:
        table.attrs[_FOOTER] = "\n".join(line.strip() for line in footer.splitlines())
    return table


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write lengths in nm, under the names of Elyra; other columns keep theirs.

    Text holds no dtypes and no ``attrs``, but for what stood below the table that was read.
    """
    write_text(in_names(table, _NAMES, _TITLE), parts[0], "\t")
    footer = table.attrs.get(_FOOTER)
    if footer:
        with parts[0].open("a", encoding="utf-8") as file:
            file.write(f"\0\n{footer}\n")


FORMAT = Format(name="elyra", title=_TITLE, recognises=_recognises, read=_read, write=_write)

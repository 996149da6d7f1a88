"""Zeiss Elyra txt: tabs, and below the table what is known of the image."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.names import Names

_IMAGE = "smlm_elyra_image"  # the lines below the table, in its attrs
_NAMES = Names("Position {A} [nm]", "First Frame", "Precision {A} [nm]", lateral="Precision [nm]")


def _recognises(start: FileStart) -> bool:
    found = start.labels
    return "First Frame" in found and any(name.startswith("Position X") for name in found)


def _split(text: str) -> tuple[str, dict[str, Any]]:
    """Return the lines of the table, and those below it."""
    below = re.search(r"^[ \t]*(\x00|\r*$)", text, re.MULTILINE)
    # What follows an empty line but has columns is part of the table.
    end = below.start() if below and "\t" not in text[below.start() :].strip() else len(text)
    image = text[end:].replace("\0", "").strip()
    lines = "\n".join(line.strip() for line in image.splitlines())
    return text[:end], {_IMAGE: lines} if lines else {}


def _footer(table: pd.DataFrame) -> str:
    image = table.attrs.get(_IMAGE)
    return f"\0\n{image}\n" if image else ""


FORMAT = text_format(
    DelimitedText("\t", _NAMES, split=_split, footer=_footer),
    name="elyra",
    title="Elyra txt",
    recognises=_recognises,
)

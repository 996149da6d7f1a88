"""ThunderSTORM csv: names in quotes, with units in brackets."""

from __future__ import annotations

import re
from typing import Any

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.file_start import FileStart, fields
from smlm_accessor.io.names import Names

_NAMES = Names("{a} [nm]", "frame", "uncertainty_{a} [nm]", lateral="uncertainty [nm]")


def _recognises(start: FileStart) -> bool:
    header = start.header or ""
    return header.startswith('"') and re.search(r"(?i)\bx ?\[[^\]]+\]", header) is not None


def _without_outer_quotes(text: str) -> tuple[str, dict[str, Any]]:
    """Take off the quotes that a spreadsheet may have put around the whole first line."""
    first, end, rest = text.partition("\n")
    once = fields(first.rstrip("\r"), ",")
    return (once[0] + end + rest if len(once) == 1 and "," in once[0] else text), {}


FORMAT = text_format(
    DelimitedText(",", _NAMES, quotes_text=True, split=_without_outer_quotes),
    name="thunderstorm",
    title="ThunderSTORM csv",
    recognises=_recognises,
)

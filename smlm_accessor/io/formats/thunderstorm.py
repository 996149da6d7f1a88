"""ThunderSTORM: names in quotes, with units in brackets; csv, or "XLS", which is tabs."""

from __future__ import annotations

import re

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.names import Names

_NAMES = Names("{a} [nm]", "frame", "uncertainty_{a} [nm]", lateral="uncertainty [nm]")
_POSITION = re.compile(r"(?i)x ?\[[^\]]+\]")


def _recognises(start: FileStart) -> bool:
    names_line = start.head.lstrip(b"\xef\xbb\xbf \r\n")[:1]
    return names_line == b'"' and any(map(_POSITION.fullmatch, start.labels))


FORMAT = text_format(
    DelimitedText(",", _NAMES, quotes_text=True),
    name="thunderstorm",
    title="ThunderSTORM csv",
    recognises=_recognises,
)

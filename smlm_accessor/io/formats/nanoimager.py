"""Nanoimager csv: names with units in parentheses."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.names import Names


def _recognises(start: FileStart) -> bool:
    found = start.labels
    return "Frame" in found and any(name.lower().startswith("x (") for name in found)


FORMAT = text_format(
    DelimitedText(",", Names("{A} (nm)", "Frame", "{A} precision (nm)")),
    name="nanoimager",
    title="Nanoimager csv",
    recognises=_recognises,
)

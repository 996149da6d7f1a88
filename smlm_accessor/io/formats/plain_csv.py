"""Text with commas, whatever its columns are called: any text that no other format recognises."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(","),
    name="csv",
    title="csv with commas",
    recognises=lambda start: start.header is not None,
    suffixes=(".csv",),
)

"""Text with tabs, whatever its columns are called."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText("\t", latin=False),
    name="tsv",
    title="text with tabs",
    recognises=lambda start: "\t" in (start.header or ""),
    suffixes=(".tsv", ".txt"),
)

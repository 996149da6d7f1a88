"""Text with tabs, whatever its columns are called."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText("\t"),
    name="tsv",
    title="text with tabs",
    recognises=lambda start: start.dialect is not None and start.dialect.separator == "\t",
    suffixes=(".tsv", ".txt"),
)

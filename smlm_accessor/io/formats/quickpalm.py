"""QuickPALM: tabs, positions in pixels and in nm."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText("\t"),
    name="quickpalm",
    title="QuickPALM",
    recognises=lambda start: {"X (px)", "X (nm)", "Frame Number"} <= set(start.labels),
    instead_of="tsv",
)

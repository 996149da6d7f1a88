"""DoM (Detection of Molecules, Utrecht): tabs, positions in pixels and in nm."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText("\t"),
    name="dom",
    title="DoM Utrecht",
    recognises=lambda start: {"X_(px)", "X_(nm)"} <= set(start.labels),
    instead_of="tsv",
)

"""STORM tables of ChimeraX: tabs; nothing tells the unit."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText("\t"),
    name="chimerax",
    title="ChimeraX STORM",
    recognises=lambda start: {"Xc", "Yc"} <= set(start.labels) and "X" not in start.labels,
    instead_of="tsv",
)

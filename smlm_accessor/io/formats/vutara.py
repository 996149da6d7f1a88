"""Bruker Vutara csv: lengths in nm."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(","),
    name="vutara",
    title="Bruker Vutara csv",
    recognises=lambda start: {"image-ID", "x", "y"} <= set(start.labels),
    instead_of="csv",
)

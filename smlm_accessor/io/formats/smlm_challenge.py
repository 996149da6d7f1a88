"""Csv of the SMLM challenge: lengths in nm."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(","),
    name="smlm-challenge",
    title="SMLM challenge csv",
    recognises=lambda start: {"xnano", "ynano"} <= set(start.labels),
    instead_of="csv",
)

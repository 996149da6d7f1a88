"""Leica GSD ascii: names with their types after a comment sign, lengths in nm."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(",", header_start="#"),
    name="leica-gsd",
    title="Leica GSD ascii",
    recognises=lambda start: {"frameID(UINT32)", "x0(float)"} <= set(start.labels),
    instead_of="csv",
)

"""PYME csv: names after a comment sign, lengths in nm, and the frame in `t`."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(",", header_start="#"),
    name="pyme",
    title="PYME csv",
    recognises=lambda start: {"fitResults_x0", "x", "y"} <= set(start.labels),
    instead_of="csv",
)

"""SMAP and fit3Dcspline csv: positions in pixels and in nm."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(","),
    name="smap-csv",
    title="SMAP or fit3Dcspline csv",
    recognises=lambda start: {"x_pix", "x_nm"} <= set(start.labels),
    instead_of="csv",
)

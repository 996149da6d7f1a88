"""Palm-tracer csv: the frame is called `Plane`; nothing tells the unit."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(","),
    name="palm-tracer",
    title="palm-tracer csv",
    recognises=lambda start: {"Plane", "X", "Y", "Index"} <= set(start.labels),
    instead_of="csv",
)

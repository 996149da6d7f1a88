"""pyMINFLUX csv: lengths in nm, times in seconds, and the trace in `tid`."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText(","),
    name="pyminflux-csv",
    title="pyMINFLUX csv",
    recognises=lambda start: "tid" in start.labels and bool({"tim", "t"} & set(start.labels)),
    instead_of="csv",
)

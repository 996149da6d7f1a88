"""Nikon N-STORM txt: tabs, lengths in nm; `Xc` and the like are corrected by NIS, and stay."""

from __future__ import annotations

from smlm_accessor.io.containers.delimited import DelimitedText, text_format

FORMAT = text_format(
    DelimitedText("\t"),
    name="n-storm",
    title="Nikon N-STORM txt",
    recognises=lambda start: {"X", "Xc", "Lateral Localization Accuracy"} <= set(start.labels),
    instead_of="tsv",
)

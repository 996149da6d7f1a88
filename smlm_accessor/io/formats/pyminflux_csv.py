"""pyMINFLUX csv: lengths in nm, times in seconds, and the trace in `tid`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.containers.dialect import Dialect
from smlm_accessor.io.containers.minflux import add_frames


def _known(table: pd.DataFrame, dialect: Dialect) -> dict[str, Any]:
    """Add frames, as for other files of MINFLUX; the names tell the rest."""
    if "frame" not in table:
        add_frames(table, "tim" if "tim" in table else "t")
    return {}


FORMAT = text_format(
    DelimitedText(",", known=_known),
    name="pyminflux-csv",
    title="pyMINFLUX csv",
    recognises=lambda start: "tid" in start.labels and bool({"tim", "t"} & set(start.labels)),
    instead_of="csv",
)

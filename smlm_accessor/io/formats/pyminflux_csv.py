"""pyMINFLUX csv: lengths in nm, times in seconds, and the trace in `tid`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.containers.dialect import Dialect
from smlm_accessor.io.containers.minflux import require_seconds


def _known(table: pd.DataFrame, dialect: Dialect) -> dict[str, Any]:
    """Return which column holds the times, as for other files of MINFLUX; names tell the rest."""
    if "frame" in table:
        return {}
    label = "tim" if "tim" in table else "t"
    require_seconds(table, label)
    return {"time": label}


FORMAT = text_format(
    DelimitedText(",", known=_known),
    name="pyminflux-csv",
    title="pyMINFLUX csv",
    recognises=lambda start: "tid" in start.labels and bool({"tim", "t"} & set(start.labels)),
    instead_of="csv",
)

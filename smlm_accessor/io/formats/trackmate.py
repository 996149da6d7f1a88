"""TrackMate spots: csv, whose lines below the names tell the units."""

from __future__ import annotations

from typing import Any

import pandas as pd

from smlm_accessor.errors import OptionError
from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.containers.dialect import Dialect
from smlm_accessor.table.units import normal_unit


def _known(table: pd.DataFrame, dialect: Dialect) -> dict[str, Any]:
    """Return the unit that the last line above the spots has for POSITION_X, if there is one."""
    units = dict(zip(dialect.names or (), dialect.units, strict=False))
    unit = units.get("POSITION_X", "").strip("() ")
    try:
        return {"unit": normal_unit(unit)} if unit else {}
    except OptionError:
        return {}


FORMAT = text_format(
    DelimitedText(",", known=_known, keeps_notes=True),
    name="trackmate",
    title="TrackMate spots",
    recognises=lambda start: {"POSITION_X", "POSITION_Y", "FRAME"} <= set(start.labels),
    instead_of="csv",
)

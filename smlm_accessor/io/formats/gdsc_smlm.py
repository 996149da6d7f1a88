"""GDSC SMLM: tables of its results window, and files with what it knows of the movie above."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.containers.dialect import Dialect

_PIXEL = re.compile(r"nmPerPixel\W{0,4}>?\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)")


def _known(table: pd.DataFrame, dialect: Dialect) -> dict[str, Any]:
    """Return the pixel size, which only files tell."""
    found = next(filter(None, map(_PIXEL.search, dialect.notes)), None)
    return {"pixel_size": float(found[1])} if found and float(found[1]) > 0 else {}


FORMAT = text_format(
    DelimitedText("\t", known=_known, header_start="#", keeps_notes=True),
    name="gdsc-smlm",
    title="GDSC SMLM",
    recognises=lambda start: {"origX", "origY"} <= set(start.labels),
    instead_of="tsv",
)

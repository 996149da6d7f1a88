"""DECODE csv: what DECODE knows as JSON in comments, then a table with an index."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.containers.dialect import Dialect
from smlm_accessor.io.formats.decode import known_columns


def _known(table: pd.DataFrame, dialect: Dialect) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    for note in dialect.notes:
        try:
            found = json.loads(note.lstrip("# "))
        except (ValueError, RecursionError):
            continue
        meta.update(found if isinstance(found, dict) else {})
    return known_columns(table, meta)


FORMAT = text_format(
    DelimitedText(",", known=_known, keeps_notes=True),
    name="decode-csv",
    title="DECODE csv",
    recognises=lambda start: {"frame_ix", "x", "y", "phot"} <= set(start.labels),
    instead_of="csv",
)

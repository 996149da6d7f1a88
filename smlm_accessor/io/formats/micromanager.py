"""Micro-Manager text: a line of `name: value`, then tabs; lengths in nm if it does not say else."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.containers.dialect import Dialect

_UNITS = {"0": "nm", "1": "um", "2": "pixel", "pixels": "pixel"}
_FACT = re.compile(r"(\w+): ?([^\t,]*)")


def _known(table: pd.DataFrame, dialect: Dialect) -> dict[str, Any]:
    facts = dict(pair for note in dialect.notes for pair in _FACT.findall(note))
    unit = facts.get("location_units", "nm").strip().lower()
    known: dict[str, Any] = {"unit": _UNITS.get(unit, unit)}
    for name in ("nm_per_pixel", "pixel_size"):
        try:
            known["pixel_size"] = float(facts[name])
        except (KeyError, ValueError):
            continue
    return known


FORMAT = text_format(
    DelimitedText("\t", known=_known, keeps_notes=True),
    name="micro-manager",
    title="Micro-Manager text",
    recognises=lambda start: {"molecule", "x_position"} <= set(start.labels),
    instead_of="tsv",
)

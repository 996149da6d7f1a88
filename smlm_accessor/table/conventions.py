"""The column names of the field's programs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from smlm_accessor.errors import TableError

REMEDY = (
    "Say which they are: table = smlm_accessor.set_columns(table, x='...', y='...', frame='...')"
)


@dataclass(frozen=True)
class Convention:
    """Regular expressions of one program's column names; ``{a}`` stands for the axis.

    ``{lateral}`` matches nothing for z: one precision for all axes is that of x and y.
    """

    name: str
    position: str
    frame: str
    uncertainty: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # other columns that must be there
    unit: str | None = None
    unit_z: str | None = None
    specific: bool = True


_UNIT = r"(?P<unit>[^\])]+)"
CONVENTIONS = (
    Convention("Locan", "position_{a}", "frame", ("uncertainty_{a}", "{lateral}uncertainty")),
    Convention("Picasso", "{a}", "frame", ("lp{a}",), ("lpx", "lpy"), unit_z="nm"),
    Convention(
        "ThunderSTORM",
        rf"(?i:{{a}}) ?\[{_UNIT}\]",
        "(?i:frame)",
        (
            r"uncertainty_{a} ?\[.+\]",
            r"{lateral}uncertainty(_xy)? ?\[.+\]",
        ),
    ),
    Convention(
        "Nanoimager", rf"(?i:{{a}}) ?\({_UNIT}\)", "Frame", (r"(?i:{a}) precision ?\(.+\)",)
    ),
    Convention(
        "Elyra",
        rf"Position (?i:{{a}}) \[{_UNIT}\]",
        "First Frame",
        (r"Precision (?i:{a}) \[.+\]", r"{lateral}Precision \[.+\]"),
    ),
    Convention(
        "rapidSTORM",
        "Position-{i}-0",
        "ImageNumber-0-0",
        ("Position-{i}-0-uncertainty",),
        unit="nm",
    ),
    Convention("SMAP", "{a}nm", "frame", ("{a}nmerr", "locprec{zonly}nm"), unit="nm"),
    Convention(
        "plain", "{a}", "(?i:frames?)", ("uncertainty_{a}", "{lateral}uncertainty"), specific=False
    ),
)


def match(table: pd.DataFrame, convention: Convention) -> dict[str, Any] | None:
    """Return the fields of `Columns` if the table has the columns of the convention."""
    labels = [label for label in table.columns if isinstance(label, str)]
    if not all(label in labels for label in convention.also):
        return None
    found: dict[str, Any] = {}
    units: dict[str, str | None] = {}
    for axis in ("x", "y", "z"):
        matches = _matching(labels, convention.position, axis)
        if len(matches) > 1:
            raise TableError(
                f"More than one column could be {axis}: {listed(m[0] for m in matches)}. {REMEDY}"
            )
        if matches:
            found[axis], units[axis] = matches[0]
    if "x" not in found or "y" not in found:
        return None
    if units["x"] != units["y"]:
        raise TableError(
            f"{found['x']!r} and {found['y']!r} have different units. Convert one of them, so that "
            "x and y have the same."
        )
    for axis in found.copy():
        for pattern in convention.uncertainty:
            matches = _matching(labels, pattern, axis)
            if matches:
                found[f"uncertainty_{axis}"] = matches[0][0]
                break
    return {
        **found,
        "frame": _find_frame(table, labels, convention),
        "unit": units["x"] or convention.unit,
        "unit_z": units.get("z") or convention.unit_z,
        "convention": convention.name,
    }


def _matching(labels: list[str], pattern: str, axis: str) -> list[tuple[str, str | None]]:
    """Return the labels that match, each with the unit it names."""
    spelled = (
        pattern.replace("{a}", axis)
        .replace("{i}", str("xyz".index(axis)))
        .replace("{zonly}", "z" if axis == "z" else "")
        .replace("{lateral}", "(?!)" if axis == "z" else "")
    )
    matches = [(label, re.fullmatch(spelled, label)) for label in dict.fromkeys(labels)]
    return [(label, m.groupdict().get("unit")) for label, m in matches if m]


def _find_frame(table: pd.DataFrame, labels: list[str], convention: Convention) -> str | None:
    levels = [name for name in table.index.names if isinstance(name, str)]
    for pattern in (convention.frame, "(?i:frame)"):
        found = [label for label, _ in _matching([*labels, *levels], pattern, "x")]
        if len(found) > 1 or (found and found[0] in labels and found[0] in levels):
            raise TableError(
                f"More than one column or index level could be the frame: {listed(found)}. {REMEDY}"
            )
        if found:
            return found[0]
    return None


def listed(names: Iterable[Any]) -> str:
    """Return the names in quotes, separated by commas."""
    return ", ".join(repr(n) for n in names) or "none"

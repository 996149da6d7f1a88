"""The column names of the field's programs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.table.clock import SECONDS_IN
from smlm_accessor.table.units import normal_unit

REMEDY = (
    "Say which they are: table = smlm_accessor.set_columns(table, x='...', y='...', frame='...')"
)


@dataclass(frozen=True)
class Convention:
    """Regular expressions of one program's column names; ``{a}`` is the axis, ``{A}`` in capitals.

    ``{lateral}`` matches nothing for z: one precision for all axes is that of x and y.
    """

    name: str
    position: str
    frame: str
    uncertainty: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # other columns that must be there
    unit: str | None = None
    unit_z: str | None = None
    trace: str | None = None
    specific: bool = True

    @property
    def rank(self) -> int:
        """How much its names tell: of those that fit, the highest counts."""
        return 2 * bool(self.also) + self.specific


_UNIT = r"(?P<unit>[^\])]+)"
_SUFFIX = r"(?P<unit>nm|um|\u00b5m|\u03bcm|px|pix|pixels?)"
CONVENTIONS = (
    Convention("Locan", "position_{a}", "frame", ("uncertainty_{a}", "{lateral}uncertainty")),
    Convention("Picasso", "{a}", "frame", ("lp{a}",), ("lpx", "lpy"), unit_z="nm"),
    Convention(
        "N-STORM",
        "{A}",
        "Frame",
        ("{lateral}Lateral Localization Accuracy",),
        ("X", "Xc", "Lateral Localization Accuracy"),
        unit="nm",
    ),
    Convention(
        "GDSC SMLM",
        rf"{{A}} \({_UNIT}\)",
        "Frame",
        (r"{lateral}Precision \(.+\)",),
        ("origX", "origY"),
    ),
    Convention("PYME", "{a}", "t", ("error_{a}",), ("fitResults_x0",), unit="nm"),
    Convention("Vutara", "{a}", "frame", ("precision{a}",), ("image-ID",), unit="nm"),
    Convention("Micro-Manager", "{a}", "frame", ("{lateral}sigma",), ("molecule", "x_position")),
    Convention("palm-tracer", "{A}", "Plane", (), ("Plane", "Index")),
    Convention("pyMINFLUX", "{a}", "frame", (), ("tid", "efo"), unit="nm", trace="tid"),
    Convention("pyMINFLUX", "{a}", "frame", (), ("tid", "tim"), unit="nm", trace="tid"),
    Convention("pyMINFLUX", "{a}", "frame", (), ("tid", "t", "x"), unit="nm", trace="tid"),
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
        "Nanoimager",
        rf"(?i:{{a}}) ?\({_UNIT}\)",
        "Frame",
        (r"(?i:{a}) precision ?\(.+\)", r"(?i:{lateral}precision) ?\(.+\)"),
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
    Convention("DoM", rf"{{A}}_\({_UNIT}\)", "Frame_Number", (r"{A}_loc_error\(.+\)",)),
    Convention("SMLM challenge", "{a}nano", "frame", unit="nm"),
    Convention("Leica GSD", r"{a}0\(float\)", r"frameID\(UINT32\)", unit="nm"),
    Convention("TrackMate", "POSITION_{A}", "FRAME"),
    Convention(
        "names with units",
        rf"(?i:{{a}})_{_SUFFIX}",
        "(?i:frame)",
        (
            r"(?i:crlb|uncertainty|sigma|precision|error|lp)_?{a}_?(nm|um|px|pix)?",
            r"(?i:{a})_(uncertainty|precision|error)(_nm|_um|_px|_pix)?",
            r"(?i:{lateral}(uncertainty|precision|locprec)(_xy)?)(_nm|_um|_px|_pix)?",
        ),
    ),
    Convention(
        "plain", "{a}", "(?i:frames?)", ("uncertainty_{a}", "{lateral}uncertainty"), specific=False
    ),
    Convention("plain capitals", "{A}", "(?i:frame)", ("(?i:uncertainty_{a})",), specific=False),
    Convention("ChimeraX", "{A}c", "(?i:frame)", specific=False),
)
_S = "|".join(SECONDS_IN)
_MOST = 60  # names in one message
# What else the frame may be called; the last one only if it holds whole numbers, not seconds.
_FRAMES = (
    "(?i:frame)",
    r"(?i:frames|frame[ _-]?(number|num|nr|no\.?|index|idx|ix|id)|first[ _]frame"
    r"|images?|image[ _-]?(number|num|nr|no\.?|index))",
    "(?i:t)",
)
# What a time may be called, in a table without frames.
_TIMES = rf"(?i:(t|tim|times?|time[ _-]?stamps?|seconds|sec)([ _]*[\[(]({_S})[\])]|_({_S}))?)"


def match(
    table: pd.DataFrame, convention: Convention, *, with_time: bool = True
) -> dict[str, Any] | None:
    """Return the fields of `Columns` if the table has the columns of the convention.

    Frames and times are not looked for unless ``with_time``.
    """
    labels = [label for label in table.columns if isinstance(label, str)]
    if not all(label in labels for label in convention.also):
        return None
    found: dict[str, Any] = {}
    units: dict[str, str | None] = {}
    for axis in ("x", "y", "z"):
        matches = _matching(labels, convention.position, axis)
        in_pixels = [m for m in matches if _is_pixel(m[1])]
        if len(matches) == 2 and len(in_pixels) == 1:  # the same twice: the other one follows
            found[f"pixel_{axis}"] = in_pixels[0][0]
            matches.remove(in_pixels[0])
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
    for axis in [axis for axis in "xyz" if axis in found]:
        for pattern in convention.uncertainty:
            matches = _matching(labels, pattern, axis)
            if matches:
                best = [m for m in matches if _names_pixel(m[0]) == _is_pixel(units[axis])]
                found[f"uncertainty_{axis}"] = (best or matches)[0][0]
                break
    frame = _find_frame(table, labels, convention) if with_time else None
    return {
        **found,
        "frame": frame,
        "time": _find_time(table, labels) if with_time and frame is None else None,
        "unit": units["x"] or convention.unit,
        "unit_z": units.get("z") or convention.unit_z,
        "trace": convention.trace,
        "convention": convention.name,
    }


def _is_pixel(unit: str | None) -> bool:
    try:
        return unit is not None and normal_unit(unit) == "pixel"
    except OptionError:
        return False


def _names_pixel(label: str) -> bool:
    return re.search(r"(?i)(\b|_)(px|pix|pixels?)\b", label) is not None


def _matching(labels: Iterable[str], pattern: str, axis: str) -> list[tuple[str, str | None]]:
    """Return the labels that match, each with the unit it names."""
    return list(_matches(tuple(labels), pattern, axis))


@lru_cache(maxsize=4096)  # tables of a session have few kinds of columns, which are looked at often
def _matches(labels: tuple[str, ...], pattern: str, axis: str) -> list[tuple[str, str | None]]:
    spelled = (
        pattern.replace("{a}", axis)
        .replace("{A}", axis.upper())
        .replace("{i}", str("xyz".index(axis)))
        .replace("{zonly}", "z" if axis == "z" else "")
        .replace("{lateral}", "(?!)" if axis == "z" else "")
    )
    matches = [(label, re.fullmatch(spelled, label)) for label in dict.fromkeys(labels)]
    return [(label, m.groupdict().get("unit")) for label, m in matches if m]


def _find_frame(table: pd.DataFrame, labels: list[str], convention: Convention) -> str | None:
    for pattern in (convention.frame, *_FRAMES):
        found = _the_one(table, labels, pattern, "frame")
        if found and (pattern != _FRAMES[-1] or _holds_whole_numbers(table, found)):
            return found
    return None


def _find_time(table: pd.DataFrame, labels: list[str]) -> str | None:
    found = _the_one(table, labels, _TIMES, "time")
    if found is None or not pd.api.types.is_numeric_dtype(_values(table, found).dtype):
        return None
    return found


def _the_one(table: pd.DataFrame, labels: list[str], pattern: str, role: str) -> str | None:
    """Return the column or index level that matches, None if none does."""
    levels = [name for name in table.index.names if isinstance(name, str)]
    found = [label for label, _ in _matching([*labels, *levels], pattern, "x")]
    if len(found) > 1 or (found and found[0] in labels and found[0] in levels):
        remedy = REMEDY.replace("frame=", f"{role}=")
        raise TableError(
            f"More than one column or index level could be the {role}: {listed(found)}. {remedy}"
        )
    return found[0] if found else None


def _values(table: pd.DataFrame, label: str) -> Any:
    return table[label] if label in table.columns else table.index.get_level_values(label)


def _holds_whole_numbers(table: pd.DataFrame, label: str) -> bool:
    values = _values(table, label)
    if not isinstance(values, pd.Series | pd.Index) or not pd.api.types.is_numeric_dtype(values):
        return False
    if pd.api.types.is_integer_dtype(values.dtype):
        return True
    finite = values.dropna().to_numpy(dtype=np.float64)
    return bool(len(finite)) and bool((np.floor(finite) == finite).all())


def listed(names: Iterable[Any]) -> str:
    """Return the names in quotes, separated by commas; of very many, the first ones."""
    quoted = [repr(name) for name in names]
    spelled = ", ".join(quoted[:_MOST]) or "none"
    return spelled + f" and {len(quoted) - _MOST} more" * (len(quoted) > _MOST)

"""MINFLUX data of Imspector, in whatever file they are: the last iteration of each localization.

Two layouts. Up to m2205 each row is a localization, with all its iterations in ``itr``. From m2410
on each row is an iteration, and ``itr`` is its number. Positions are in metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor.errors import TableError
from smlm_accessor.table.columns import set_columns

Fields = Mapping[str, npt.NDArray[Any]]

_NM = 1e9  # in a metre
_MOST = 1e9  # seconds; those since 1970 are more
_AXES = {
    "loc": ("x", "y", "z"),
    "lnc": ("lncx", "lncy", "lncz"),
    "ext": ("extx", "exty", "extz"),
}
VECTORS = (*_AXES, "dcr")  # fields with several values a row
_FIRST = ("tid", "tim", "x", "y", "z", "efo", "cfr", "eco", "dcr")


def of_structured(values: npt.NDArray[Any]) -> pd.DataFrame:
    """Return the table of a structured array of either layout."""
    fields = {name: values[name] for name in values.dtype.names or ()}
    iterations = fields.get("itr")
    inner = () if iterations is None else iterations.dtype.names or ()
    if iterations is None or not inner:
        return of_iterations(fields)
    if iterations.ndim == 1:
        iterations = iterations[:, None]
    inside = {name: iterations[name] for name in inner}
    return of_localizations({name: v for name, v in fields.items() if name != "itr"}, inside)


def of_localizations(rows: Fields, iterations: Fields) -> pd.DataFrame:
    """Return the table of the older layout: ``iterations`` have the shape (rows, iterations, ...).

    The position is that of the last iteration that has one.
    """
    _require(rows, ("tid", "tim"))
    _require(iterations, ("loc",))
    place = iterations["loc"][..., 0]
    known = np.isfinite(place)
    last = known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    at = np.arange(len(last)), last
    columns = {name: v for name, v in rows.items() if v.ndim == 1}
    columns |= {name: v[at] for name, v in iterations.items() if name not in ("itr", "cfr")}
    if "cfr" in iterations:
        columns["cfr"] = iterations["cfr"][:, _measured(iterations["cfr"])]
    valid = rows["vld"].astype(bool) if "vld" in rows else np.ones(len(last), dtype=bool)
    return _table(columns, valid & known.any(axis=1))


def of_iterations(fields: Fields) -> pd.DataFrame:
    """Return the table of the newer layout: the rows of the final, highest iteration."""
    _require(fields, ("tid", "tim", "itr", "loc"))
    valid = fields["vld"].astype(bool) if "vld" in fields else np.ones(len(fields["itr"]), bool)
    number = fields["itr"]
    final = number == (number[valid].max() if valid.any() else 0)
    return _table(fields, valid & final)


def _measured(cfr: npt.NDArray[Any]) -> int:
    """Return the last iteration in which the ratio was measured: where it varies."""
    if not len(cfr):
        return -1
    varies = np.flatnonzero(np.nanstd(cfr.astype(np.float64), axis=0) > 0)
    return int(varies[-1]) if len(varies) else -1


def _table(columns: Fields, rows: npt.NDArray[np.bool_]) -> pd.DataFrame:
    found: dict[str, npt.NDArray[Any]] = {}
    for name, values in columns.items():
        if name in _AXES and values.ndim == 2:
            for axis, label in enumerate(_AXES[name][: values.shape[1]]):
                found[label] = values[rows, axis] * _NM
        elif name == "dcr" and values.ndim == 2:
            found[name] = values[rows, 0]  # the second is one minus it
        elif values.ndim == 1:
            found[name] = values[rows]
    return named({n: v.astype(v.dtype.newbyteorder("="), copy=False) for n, v in found.items()})


def named(columns: Fields) -> pd.DataFrame:
    """Return a table with positions in nm and times in seconds, ``tim``.

    Localizations of a trace have the same ``tid``.
    """
    _require(columns, ("tid", "tim", "x", "y"))
    order = [name for name in _FIRST if name in columns]
    table = pd.DataFrame({n: columns[n] for n in [*order, *(n for n in columns if n not in order)]})
    require_seconds(table, "tim")
    known: dict[str, Any] = {axis: axis for axis in "xyz" if axis in table}
    known["trace"] = "tid"
    return set_columns(table, **known, time="tim", unit="nm")


def require_seconds(table: pd.DataFrame, label: str) -> None:
    """Raise `TableError` if a column does not hold times in seconds."""
    times = table[label].to_numpy(dtype=np.float64)
    if not np.isfinite(times).all() or (np.abs(times) > _MOST).any():
        raise TableError(f"there are times ({label}) that are no seconds; write the file again")


def _require(fields: Fields, wanted: tuple[str, ...]) -> None:
    missing = [name for name in wanted if name not in fields]
    if missing:
        raise TableError(
            f"MINFLUX data without {', '.join(missing)}, but with {', '.join(list(fields)[:12])}; "
            "export them from Imspector again"
        )

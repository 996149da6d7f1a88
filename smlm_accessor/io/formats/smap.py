"""SMAP ``_sml.mat``: a MATLAB file, of version 5 or 7.3, with the struct ``saveloc``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.containers import matlab5 as _matlab5
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.names import Names, as_arrays
from smlm_accessor.io.noted_history import history_json, set_history
from smlm_accessor.io.registry import Format
from smlm_accessor.table.conventions import listed

_TITLE = "SMAP _sml.mat"
_NAMES = Names(position="{a}nm", frame="frame", uncertainty="{a}nmerr", lateral="locprecnm")
_NOTES = "smlm_accessor"  # the field of saveloc with what MATLAB cannot hold
_LONGEST_NAME = 63


def _recognises(start: FileStart) -> bool:
    if start.is_hdf5:
        return "saveloc" in start.hdf5_names
    return start.head.startswith(b"MATLAB 5.0 MAT-file")


def _read(start: FileStart) -> pd.DataFrame:
    """Return the localizations; the rest of the file, images for one, is left out."""
    read = _read_hdf5 if start.is_hdf5 else _read_matlab5
    fields, notes = read(start.path)
    if "xnm" not in fields or "ynm" not in fields:
        raise FileError(
            f"{start.path}: saveloc.loc has no xnm and ynm but {listed(sorted(fields)[:10])}; "
            "save localizations in SMAP"
        )
    n_rows = fields["xnm"].size
    require_room(start.path, 0, len(fields))
    table = pd.DataFrame({name: v for name, v in fields.items() if v.size == n_rows})
    for name in ("ynm", "frame"):
        if name in fields and name not in table.columns:
            raise FileError(
                f"{start.path}: there are {n_rows} xnm but {fields[name].size} {name}; it is "
                "damaged: save it again"
            )
    set_history(table, notes)
    return table


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write MATLAB 5, lengths in nm, under SMAP's names; other columns keep theirs.

    It holds numbers only, in ``saveloc.loc``. In names, what MATLAB does not allow becomes an
    underscore. The other parts of a file that was read are not kept.
    """
    from scipy.io import savemat

    arrays = as_arrays(table, _NAMES, _TITLE, _matlab_name)
    saveloc: dict[str, Any] = {"loc": {name: v[:, None] for name, v in arrays.items()}}
    if steps := history_json(table):
        saveloc[_NOTES] = steps
    options: dict[str, Any] = {"long_field_names": True, "do_compression": True}
    savemat(str(parts[0]), {"saveloc": saveloc}, appendmat=False, **options)


def _read_matlab5(path: Path) -> tuple[dict[str, npt.NDArray[Any]], str | None]:
    saveloc = _matlab5.variable(path, "saveloc")
    inside = saveloc.fields() if saveloc else {}
    if "loc" not in inside:
        raise FileError(f"{path} has no saveloc.loc, as SMAP writes it; save it again in SMAP")
    values = {name: field.numbers() for name, field in inside["loc"].fields().items()}
    notes = inside[_NOTES].text() if _NOTES in inside else None
    return {name: v for name, v in values.items() if v is not None}, notes


def _read_hdf5(path: Path) -> tuple[dict[str, npt.NDArray[Any]], str | None]:
    fields: dict[str, npt.NDArray[Any]] = {}
    with _hdf5.open_hdf5(path) as file:
        saveloc: Any = file["saveloc"]
        loc: Any = saveloc.get("loc") if hasattr(saveloc, "get") else None
        if not hasattr(loc, "items"):
            raise FileError(f"{path} has no saveloc.loc, as SMAP writes it; save it again in SMAP")
        require_room(path, 0, len(loc))
        for name, dataset in loc.items():
            kind = getattr(dataset, "dtype", None)
            # Text and references to cells are not columns; an empty array is stored as its shape.
            if (
                kind is None
                or kind.kind not in "fiub"
                or _hdf5.attribute(dataset, "MATLAB_empty", path)
            ):
                continue
            values = _hdf5.array(dataset, path).ravel()
            logical = _hdf5.attribute(dataset, "MATLAB_class", path) in (b"logical", "logical")
            fields[name] = values.astype(bool) if logical else values
    return fields, None


def _matlab_name(name: str) -> str:
    spelled = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return (spelled if spelled[:1].isalpha() else f"c{spelled}")[:_LONGEST_NAME]


FORMAT = Format("smap", _TITLE, _recognises, _read, _write, suffixes=(".mat",))

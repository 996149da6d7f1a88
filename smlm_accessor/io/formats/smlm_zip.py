"""SMLM: a zip archive with a manifest and binary tables."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.names import Names, as_arrays, units_of
from smlm_accessor.io.noted_history import set_history
from smlm_accessor.io.registry import Format
from smlm_accessor.table import history
from smlm_accessor.table.columns import find_columns, set_columns

_TITLE = "SMLM zip"
_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 2**20  # bytes, if the file is smaller; thousands of columns fit into it
_OURS = "smlm_accessor"
_DTYPES = re.compile(r"u?int(8|16|32|64)|float(32|64)")
_LENGTHS = re.compile(r"(position_)?([xyz])")


def _recognises(start: FileStart) -> bool:
    if not start.head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(start.path) as archive:
            return _MANIFEST in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return _MANIFEST.encode() in start.head[:4096]  # broken: reading it says how


def _read(start: FileStart) -> pd.DataFrame:
    """Return the localizations of all tables; where there are several, ``channel`` tells which.

    Fields of more than one number (patches of an image) and files other than tables are left out.
    """
    path = start.path
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo(_MANIFEST).file_size
        if size > max(_LARGEST_MANIFEST, path.stat().st_size):
            raise FileError(
                f"{path}: {_MANIFEST} is damaged, it has {size:,} bytes; write it again"
            )
        manifest = json.loads(archive.read(_MANIFEST))
        files = [info for info in manifest["files"] if info.get("type") == "table"]
        if not files:
            raise FileError(f"{path} holds no table of localizations; write it again")
        infos = [archive.getinfo(info["name"]) for info in files]
        require_room(path, 2 * sum(info.file_size for info in infos))
        tables = [_table(archive, info, manifest, path) for info in files]
    if len(tables) > 1:
        for info, table in zip(files, tables, strict=True):
            table["channel"] = str(info.get("channel", info["name"]))
    result = tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
    ours = manifest.get(_OURS)
    ours = ours if isinstance(ours, dict) else {}
    for name, dtype in dict(ours.get("dtypes", {})).items():
        if name in result.columns and re.fullmatch(r"bool|u?int\d+|float\d+", str(dtype)):
            result[name] = result[name].astype(str(dtype))
    set_history(result, ours.get("history"))
    known: dict[str, Any] = _units(manifest, files, path)
    precise = {f"uncertainty_{axis}": f"{axis}_precision" for axis in "xyz"}
    known.update({field: name for field, name in precise.items() if name in result.columns})
    return set_columns(result, **known)


def _table(
    archive: zipfile.ZipFile, info: Mapping[str, Any], manifest: Mapping[str, Any], path: Path
) -> pd.DataFrame:
    form = manifest["formats"][info["format"]]
    if form.get("mode") != "binary":
        raise FileError(f"{path}: {info['name']} is text; unzip it, and read that file instead")
    names, dtypes = list(form["headers"]), list(form["dtype"])
    shapes = [
        [int(n) for n in np.ravel(shape)] for shape in form.get("shape") or ["1"] * len(names)
    ]
    if not len(names) == len(dtypes) == len(shapes) or len(set(names)) < len(names):
        raise FileError(f"{path}: {_MANIFEST} does not name each column once; write it again")
    wrong = [dtype for dtype in dtypes if not _DTYPES.fullmatch(str(dtype))]
    if wrong or any(n < 0 for shape in shapes for n in shape):
        raise FileError(f"{path}: {_MANIFEST} has columns of type {wrong}; write it again")
    require_room(path, 0, len(names))
    record = np.dtype(
        [
            (name, np.dtype(dtype).newbyteorder("<"), tuple(shape))
            for name, dtype, shape in zip(names, dtypes, shapes, strict=True)
        ]
    )
    n_rows, data = int(info["rows"]), archive.read(info["name"])
    if len(data) != n_rows * record.itemsize:
        raise FileError(
            f"{path}: {info['name']} has {len(data)} bytes, not the {n_rows * record.itemsize} of "
            f"{n_rows} localizations; it is damaged: write or copy it again"
        )
    values = np.frombuffer(data, dtype=record)
    columns = {}
    for name, shape in zip(names, shapes, strict=True):
        if int(np.prod(shape, dtype=object)) == 1:
            column = values[name].reshape(n_rows)
            columns[name] = column.astype(column.dtype.newbyteorder("="))
    table = pd.DataFrame(columns)
    for name, offset in (info.get("offset") or {}).items():
        if name in columns and float(offset):
            # Unsigned numbers with a negative offset stand for signed ones.
            wide = np.float64 if float(offset) % 1 or columns[name].dtype.kind == "f" else np.int64
            table[name] = table[name].astype(wide) + wide(offset)
    return table


def _units(
    manifest: Mapping[str, Any], files: Sequence[Mapping[str, Any]], path: Path
) -> dict[str, Any]:
    """Return the units of lengths, which are nm if nothing is said."""
    said: dict[str, set[str]] = {}
    for info in files:
        form = manifest["formats"][info["format"]]
        units = list(form.get("units") or [""] * len(form["headers"]))
        for name, unit in zip(form["headers"], units, strict=False):
            if match := _LENGTHS.fullmatch(str(name)):
                said.setdefault(match[2], set()).add(str(unit) or "nm")
    return units_of(said, path)


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write one binary table, lengths in nm; columns keep their names, positions become x, y, z.

    It holds numbers only. Other programs read 32-bit and unsigned ones, so that whole numbers are
    stored so if they fit; their dtypes, and the history, are noted for `smlm_accessor.read`.
    """
    locan = find_columns(table).x == "position_x"
    names = Names("position_{a}", "frame", "uncertainty_{a}") if locan else Names(
        "{a}", "frame", "{a}_precision"
    )  # fmt: skip
    arrays = as_arrays(table, names, _TITLE)
    stored = {name: _stored(values) for name, values in arrays.items()}
    record = np.empty(len(table), dtype=[(n, v.dtype.newbyteorder("<")) for n, v in stored.items()])
    for name, values in stored.items():
        record[name] = values
    form = {
        "name": "smlm-table(binary)",
        "type": "table",
        "mode": "binary",
        "extension": ".bin",
        "columns": len(stored),
        "headers": list(stored),
        "dtype": [str(values.dtype) for values in stored.values()],
        "shape": [1] * len(stored),
        "units": ["nm" if _LENGTHS.fullmatch(name) else "" for name in stored],
    }
    file = {
        "name": "table-0.bin",
        "type": "table",
        "format": form["name"],
        "channel": "default",
        "rows": len(table),
        "offset": {},
    }
    manifest = {
        "format_version": "0.2",
        "formats": {form["name"]: form},
        "files": [file],
        "name": "localizations",
        "description": "written by smlm_accessor",
        "tags": [],
        "thumbnail": "",
        _OURS: {
            "dtypes": {name: str(values.dtype) for name, values in arrays.items()},
            "history": history.steps(table.attrs),
        },
    }
    with zipfile.ZipFile(parts[0], "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        archive.writestr(str(file["name"]), record.tobytes())


def _stored(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values in a type that other programs read, if they fit."""
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "b":
        return values.astype(np.uint8)
    if kind == "f":
        return values if size in (4, 8) else values.astype(np.float32 if size < 4 else np.float64)
    if not values.size or (values.min() >= 0 and values.max() < 2**32):
        return values if kind == "u" and size <= 4 else values.astype(np.uint32)
    return values


FORMAT = Format("smlm", _TITLE, _recognises, _read, _write, suffixes=(".smlm", ".zip"))

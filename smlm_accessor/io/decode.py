"""DECODE h5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor import history
from smlm_accessor.attributes import to_json
from smlm_accessor.columns import find_columns, set_columns
from smlm_accessor.errors import FileError
from smlm_accessor.io import _hdf5
from smlm_accessor.io._history import from_json
from smlm_accessor.io._limits import require_room
from smlm_accessor.io._names import Names, in_names
from smlm_accessor.io._numbers import as_arrays
from smlm_accessor.io._registry import Format
from smlm_accessor.io._source import Source

_TITLE = "DECODE h5"
_AXES = "xyz"
_VECTORS = ("xyz", "xyz_cr", "xyz_sig")  # one column for each axis
# What DECODE expects to find, if only to see that it is empty.
_EXPECTED = (*_VECTORS, "phot", "phot_cr", "phot_sig", "bg", "bg_cr", "bg_sig", "id", "prob")


def _recognises(source: Source) -> bool:
    return "data/xyz" in source.hdf5_names


def _read(source: Source) -> pd.DataFrame:
    """Return the emitters, one column for each axis of ``xyz``, ``xyz_sig`` and ``xyz_cr``.

    Positions in pixels that are not square come back in nm.
    """
    columns: dict[str, npt.NDArray[Any]] = {}
    with _hdf5.open_hdf5(source.path) as file:
        data, meta = file["data"], {}
        if "meta" in file:
            wanted = ("xy_unit", "px_size", history.KEY)
            meta = {name: _hdf5.attribute(file["meta"], name, source.path) for name in wanted}
        n_rows = _hdf5.array(data["xyz"], source.path).shape[0]
        require_room(source.path, 0, len(data))
        for name in _in_order(data):
            if data[name].shape is None:  # DECODE's way to say that it has none
                continue
            values = _hdf5.array(data[name], source.path)
            is_vector = name in _VECTORS and values.ndim == 2 and values.shape[1] in (2, 3)
            if len(values.shape) != 1 + is_vector or values.shape[0] != n_rows:
                raise FileError(
                    f"{source.path}: 'data/{name}' has the shape {values.shape}, which does not "
                    f"fit {n_rows} localizations; write the file again"
                )
            for k in range(values.shape[1] if is_vector else 1):
                label = name.replace("xyz", _AXES[k]) if is_vector else name
                columns[label] = np.ascontiguousarray(values[:, k] if is_vector else values)
    table = pd.DataFrame(columns)
    known = _units(table, meta)
    steps = from_json(meta.get(history.KEY))
    if steps:
        table.attrs[history.KEY] = steps
    return set_columns(table, **_labels(table), **known)


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write positions in pixels if the table has them, else in nm; other columns keep their names.

    It holds numbers only. What DECODE needs and the table has not (``phot``) stays empty.
    """
    h5py = _hdf5.require_h5py(parts[0])
    found = find_columns(table)
    unit = "pixel" if found.unit == "pixel" else "nm"
    names = Names("{a}", "frame_ix", "{a}_sig", unit=unit, unit_z="nm")
    arrays = as_arrays(in_names(table, names, _TITLE), _TITLE)
    with h5py.File(parts[0], "w") as file:
        data, meta = file.create_group("data"), file.create_group("meta")
        for name in _VECTORS:
            axes = [name.replace("xyz", axis) for axis in _AXES]
            present = [axis for axis in axes if axis in arrays]
            if len(present) > 1 and present == axes[: len(present)]:
                vector = np.column_stack([arrays.pop(axis) for axis in present])
                data.create_dataset(name, data=vector)
        for name, values in arrays.items():
            data.create_dataset(name.replace("/", "|"), data=values)
        for name in _EXPECTED:
            if name not in data:
                data.create_dataset(name, data=h5py.Empty("f4"))
        meta.attrs["xy_unit"] = "px" if unit == "pixel" else "nm"
        if found.pixel_size is not None:
            meta.attrs["px_size"] = np.array([found.pixel_size] * 2, dtype=np.float32)
        if history.steps(table.attrs):
            meta.attrs[history.KEY] = to_json(history.steps(table.attrs))


def _in_order(data: Mapping[str, Any]) -> list[str]:
    first = [name for name in ("frame_ix", *_VECTORS) if name in data]
    return [*first, *(name for name in data if name not in first)]


def _labels(table: pd.DataFrame) -> dict[str, Any]:
    """Return the fields of `Columns` that the columns are."""
    named = {axis: axis for axis in _AXES}
    named["frame"] = "frame_ix"
    named.update({f"uncertainty_{axis}": f"{axis}_sig" for axis in _AXES})
    return {field: label for field, label in named.items() if label in table.columns}


def _units(table: pd.DataFrame, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return unit and pixel size; scale a table with pixels that are not square to nm."""
    unit = meta.get("xy_unit")
    unit = unit.decode() if isinstance(unit, bytes) else unit
    size = meta.get("px_size")
    size = np.atleast_1d(np.asarray(() if size is None else size, dtype=np.float64))
    if unit != "px":
        return {"unit": unit, "unit_z": "nm"} if isinstance(unit, str) else {}
    usable = size.shape in ((1,), (2,)) and bool((np.isfinite(size) & (size > 0)).all())
    if usable and size[0] == size[-1]:
        return {"unit": "pixel", "unit_z": "nm", "pixel_size": float(size[0])}
    if not usable:
        return {"unit": "pixel", "unit_z": "nm"}
    for axis, nm in zip("xy", size, strict=True):
        for label in (axis, f"{axis}_sig", f"{axis}_cr"):
            if label in table.columns:
                # A variance (the Cramer-Rao bound) goes with the square.
                factor = nm**2 if label.endswith("_cr") else nm
                table[label] = (table[label] * factor).astype(table[label].dtype)
    return {"unit": "nm", "unit_z": "nm"}


FORMAT = Format(
    name="decode",
    title=_TITLE,
    recognises=_recognises,
    read=_read,
    write=_write,
    suffixes=(".h5",),
)

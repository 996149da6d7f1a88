"""DECODE h5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor._version import __version__
from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.names import Names, as_arrays
from smlm_accessor.io.noted_history import history_json, set_history
from smlm_accessor.io.registry import Format
from smlm_accessor.table import history
from smlm_accessor.table.columns import find_columns, set_columns

_TITLE = "DECODE h5"
_AXES = "xyz"
_OURS = "smlm_accessor"
_VECTORS = ("xyz", "xyz_cr", "xyz_sig")  # one column for each axis
# What DECODE expects to find, if only to see that it is empty.
_EXPECTED = (*_VECTORS, "phot", "phot_cr", "phot_sig", "bg", "bg_cr", "bg_sig", "id", "prob")


def _recognises(start: FileStart) -> bool:
    return "data/xyz" in start.hdf5_names


def _read(start: FileStart) -> pd.DataFrame:
    """Return the emitters, one column for each axis of ``xyz``, ``xyz_sig`` and ``xyz_cr``.

    Positions in pixels that are not square come back in nm.
    """
    columns: dict[str, npt.NDArray[Any]] = {}
    with _hdf5.open_hdf5(start.path) as file:
        meta, ours = _attributes(file, start.path)
        n_rows = _hdf5.array(file["data/xyz"], start.path).shape[0]
        groups = [file[name] for name in ("data", _OURS) if name in file]
        require_room(start.path, 0, sum(len(group) for group in groups))
        for dataset in (group[name] for group in groups for name in _in_order(group)):
            if dataset.shape is not None:  # DECODE's way to say that there is none
                columns.update(_columns(dataset, n_rows, start.path))
    table = pd.DataFrame(columns)
    set_history(table, ours)
    return set_columns(table, **known_columns(table, meta))


def known_columns(table: pd.DataFrame, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `Columns` of a table of DECODE, by what its file says.

    A table with pixels that are not square is scaled to nm.
    """
    return {**_labels(table), **_units(table, meta)}


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write positions in pixels if the table has them, else in nm.

    It holds numbers only. Columns that DECODE does not know lie in a group of their own, with their
    names. What DECODE needs and the table has not (``phot``) stays empty.
    """
    h5py = _hdf5.require_h5py(parts[0])
    found = find_columns(table)
    unit = "pixel" if found.unit == "pixel" else "nm"
    names = Names("{a}", "frame_ix", "{a}_sig", unit=unit, unit_z="nm")
    arrays = as_arrays(table, names, _TITLE)
    with h5py.File(parts[0], "w") as file:
        data, meta, ours = (file.create_group(name) for name in ("data", "meta", _OURS))
        file.create_group("decode").attrs["version"] = f"smlm_accessor {__version__}"
        axes = [axis for axis in _AXES if axis in arrays]
        for name in _VECTORS:
            labels = [name.replace("xyz", axis) for axis in axes]
            if all(label in arrays for label in labels):
                vector = np.column_stack([arrays.pop(label) for label in labels])
                data.create_dataset(name, data=vector)
        for name, values in arrays.items():
            group = data if name in ("frame_ix", *_EXPECTED) else ours
            group.create_dataset(name.replace("/", "|"), data=values)
        for name in _EXPECTED:
            if name not in data:
                data.create_dataset(name, data=h5py.Empty("f4"))
        meta.attrs["xy_unit"] = "px" if unit == "pixel" else "nm"
        if found.pixel_size is not None:
            meta.attrs["px_size"] = np.array([found.pixel_size] * 2, dtype=np.float32)
        if steps := history_json(table):
            ours.attrs[history.KEY] = steps


def _attributes(file: Any, path: Path) -> tuple[dict[str, Any], Any]:
    """Return unit and pixel size as DECODE says them, and the history of the table."""
    meta = {}
    if "meta" in file:
        meta = {name: _hdf5.attribute(file["meta"], name, path) for name in ("xy_unit", "px_size")}
    return meta, _hdf5.attribute(file[_OURS], history.KEY, path) if _OURS in file else None


def _columns(dataset: Any, n_rows: int, path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return a dataset by the name of its column, or of the columns for each axis."""
    name = str(dataset.name).rpartition("/")[2]
    values = _hdf5.array(dataset, path)
    is_vector = name in _VECTORS and values.ndim == 2 and values.shape[1] in (2, 3)
    if values.ndim != 1 + is_vector or values.shape[0] != n_rows:
        raise FileError(
            f"{path}: '{dataset.name}' has the shape {values.shape}, which does not fit {n_rows} "
            "localizations; write the file again"
        )
    if not is_vector:
        return {name: values}
    axes = _AXES[: values.shape[1]]
    return {
        name.replace("xyz", axis): np.ascontiguousarray(values[:, k]) for k, axis in enumerate(axes)
    }


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


FORMAT = Format("decode", _TITLE, _recognises, _read, _write, suffixes=(".h5",))

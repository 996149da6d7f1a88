"""MINFLUX `.mat`: of Imspector, both layouts, and the struct `minflux` of published data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.containers import matlab5 as _matlab5
from smlm_accessor.io.containers.minflux import VECTORS, named, of_iterations, of_localizations
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.registry import Format

Arrays = dict[str, npt.NDArray[Any]]
_STRUCT = "minflux"
_ITERATIONS = {"tid", "tim", "itr"}


def _recognises(start: FileStart) -> bool:
    if start.is_hdf5:
        found = start.hdf5_names
        return f"{_STRUCT}/pos" in found or found >= _ITERATIONS | {"loc"}
    if not start.head.startswith(b"MATLAB 5.0 MAT-file"):
        return False
    names = _matlab5.names(start.path)
    return _STRUCT in names or names >= _ITERATIONS


def _read(start: FileStart) -> pd.DataFrame:
    arrays, inside = _of_hdf5(start) if start.is_hdf5 else _of_matlab5(start.path)
    if "pos" in arrays:
        return _of_struct(arrays, start.path)
    columns = {name: v if name in VECTORS else v.ravel() for name, v in arrays.items()}
    return of_localizations(columns, inside) if inside else of_iterations(columns)


def _of_struct(arrays: Arrays, path: Path) -> pd.DataFrame:
    """Return the table of the struct, whose positions are in nm already."""
    n = arrays["pos"].shape[0]
    columns = {axis: arrays["pos"][:, k] for k, axis in enumerate("xyz"[: arrays["pos"].shape[1]])}
    renamed = {"t": "tim", "id": "tid"}
    for name, values in arrays.items():
        if values.size == n:
            columns[renamed.get(name, name)] = values.ravel()
        elif name == "rpos" and values.shape[0] == n:
            columns |= {f"r{axis}": values[:, k] for k, axis in enumerate("xyz"[: values.shape[1]])}
    if not {"tim", "tid"} <= set(columns):
        raise FileError(f"{path}: minflux has no t and id beside its {n} positions; save it again")
    return named(columns)


def _of_matlab5(path: Path) -> tuple[Arrays, Arrays]:
    """Return the variables, or the fields of the struct, and what ``itr`` holds if it is one."""
    if struct := _matlab5.variable(path, _STRUCT):
        return _arrays(struct.fields()), {}
    found = {}
    for name in _matlab5.names(path):
        if (one := _matlab5.variable(path, name)) is not None:
            found[name] = one
    return _arrays(found), _arrays(found["itr"].fields()) if "itr" in found else {}


def _arrays(matrices: dict[str, _matlab5.Matrix]) -> Arrays:
    found = {}
    for name, matrix in matrices.items():
        if (values := matrix.numbers()) is not None:
            found[name] = values.reshape(matrix.shape, order="F")
    return found


def _of_hdf5(start: FileStart) -> tuple[Arrays, Arrays]:
    """Return the same of MATLAB 7.3, whose arrays are turned."""
    with _hdf5.open_hdf5(start.path) as file:
        group: Any = file[_STRUCT] if _STRUCT in start.hdf5_names else file
        require_room(start.path, 0, len(group))
        inside = group.get("itr") if hasattr(group.get("itr"), "items") else {}
        return _turned(group, start.path), _turned(inside, start.path)


def _turned(group: Any, path: Path) -> Arrays:
    found = {}
    for name, dataset in group.items():
        kind = getattr(getattr(dataset, "dtype", None), "kind", "O")
        if kind in "fiub" and not _hdf5.attribute(dataset, "MATLAB_empty", path):
            found[str(name)] = np.ascontiguousarray(_hdf5.array(dataset, path).T)
    return found


FORMAT = Format("minflux-mat", "MINFLUX mat", _recognises, _read)

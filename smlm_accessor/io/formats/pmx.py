"""pyMINFLUX `.pmx`: HDF5 with the raw data, as an array of Imspector or as a table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.containers.minflux import of_iterations, of_structured
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.registry import Format


def _recognises(start: FileStart) -> bool:
    return bool({"raw/npy", "raw/df"} & start.hdf5_names)


def _read(start: FileStart) -> pd.DataFrame:
    with _hdf5.open_hdf5(start.path) as file:
        if "raw/npy" in start.hdf5_names:
            return of_structured(_hdf5.array(file["raw/npy"], start.path))
        values = _hdf5.array(file["raw/df"], start.path)
        names = _hdf5.texts(file["raw/df"], "column_names", start.path)
        types = _hdf5.texts(file["raw/df"], "column_types", start.path)
    if values.ndim != 2 or len(names) != values.shape[1] or len(types) != len(names):
        raise FileError(f"{start.path}: raw/df does not name each column once; write it again")
    fields = {
        name: values[:, k].astype(np.dtype(kind))
        for k, (name, kind) in enumerate(zip(names, types, strict=True))
    }
    for vector in ("", "lnc"):
        labels = [f"{vector}{axis}" for axis in "xyz"]
        if all(label in fields for label in labels):
            parts = [fields.pop(label) for label in labels]
            fields[vector or "loc"] = np.column_stack(parts)
    return of_iterations(fields)


FORMAT = Format("pmx", "pyMINFLUX pmx", _recognises, _read)

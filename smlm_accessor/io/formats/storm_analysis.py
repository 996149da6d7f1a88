"""storm-analysis hdf5: a group `fr_N` for each frame, with its localizations; pixels, z in um."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.registry import Format
from smlm_accessor.table.columns import set_columns

_GROUP = re.compile(r"fr_(\d+)")


def _recognises(start: FileStart) -> bool:
    return any(_GROUP.fullmatch(name) for name in start.hdf5_names)


def _read(start: FileStart) -> pd.DataFrame:
    """Return the localizations of all frames; tracks and the XML of settings are left out."""
    tables = []
    with _hdf5.open_hdf5(start.path) as file:
        groups = sorted((int(m[1]), m[0]) for name in file if (m := _GROUP.fullmatch(str(name))))
        require_room(start.path, 0, max((len(file[name]) for _, name in groups), default=0))
        size = _hdf5.attribute(file, "pixel_size", start.path)
        for frame, name in groups:
            fields = {}
            for key, dataset in file[name].items():
                if getattr(dataset, "shape", None) and getattr(dataset, "ndim", 0) == 1:
                    fields[str(key)] = _hdf5.array(dataset, start.path)
            if {"x", "y"} <= set(fields):
                n = fields["x"].size
                columns = {key: v for key, v in fields.items() if v.size == n}
                tables.append(pd.DataFrame({"frame": np.full(n, frame), **columns}))
    if not tables:
        raise FileError(f"{start.path} has no frame with x and y; it may not be analysed yet")
    table = pd.concat(tables, ignore_index=True)
    known: dict[str, Any] = {axis: axis for axis in "xyz" if axis in table}
    pixel = float(size) if isinstance(size, np.number) and float(size) > 0 else None
    return set_columns(table, **known, frame="frame", unit="pixel", unit_z="um", pixel_size=pixel)


FORMAT = Format("storm-analysis", "storm-analysis hdf5", _recognises, _read)

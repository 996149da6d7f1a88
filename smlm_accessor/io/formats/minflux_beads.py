"""Monitoring beads of a MINFLUX `.zarr`: each with times of its own. Say ``format=``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers.minflux import named
from smlm_accessor.io.containers.zarr2 import read_array, read_json
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.formats.minflux_zarr import root_of
from smlm_accessor.io.registry import Format

_NM = 1e9  # in a metre


def _read(start: FileStart) -> pd.DataFrame:
    """Return the beads: ``tid`` is the number of a bead; ``used`` tells those Imspector used."""
    root = root_of(start.path)
    folder = None if root is None else root / "grd" / "mbm" / "points"
    if root is None or folder is None or not folder.is_dir():
        raise FileError(f"{start.path} holds no grd/mbm/points, so no monitoring beads")
    points = read_array(folder)
    missing = {"gri", "tim", "xyz"} - set(points.dtype.names or ())
    if missing:
        raise FileError(f"{folder} has no {', '.join(sorted(missing))}; export it again")
    names = {
        int(key): str(bead.get("name"))
        for key, bead in dict(read_json(folder / ".zattrs").get("points_by_gri") or {}).items()
        if str(key).isdecimal() and isinstance(bead, dict)
    }
    used = read_json(root / "mbm" / ".zattrs").get("used") or []
    columns = {"tid": points["gri"], "tim": points["tim"]}
    columns |= {axis: points["xyz"][:, k] * _NM for k, axis in enumerate("xyz")}
    columns |= {"str": points["str"]} if "str" in (points.dtype.names or ()) else {}
    table = named({name: np.ascontiguousarray(values) for name, values in columns.items()})
    table["bead"] = table["tid"].map(names)
    table["used"] = table["bead"].isin([str(name) for name in used])
    return table


FORMAT = Format("minflux-beads", "MINFLUX beads", lambda start: False, _read)

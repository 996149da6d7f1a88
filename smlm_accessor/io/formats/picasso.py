"""Picasso hdf5 from 1.0 on: lengths in nm; and what files of all versions have in common."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from smlm_accessor.errors import FileError, SmlmWarning, TableError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.containers.picasso_movie import (
    last_number,
    least_extents,
    movie_attrs,
    movie_json,
    movie_text,
    read_movie,
)
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.names import Names, as_arrays
from smlm_accessor.io.registry import ORIGIN, Format
from smlm_accessor.table.columns import find_columns, set_columns

_TITLE = "Picasso hdf5"  # of any version
_VERSION = "picasso_format"  # a root attribute, MAJOR.MINOR
_NAMES = Names(position="{a}", frame="frame", uncertainty="lp{a}")
# Other lengths, which are in camera pixels before 1.0, and the power of the pixel size that they go
# with; Picasso's own converter has the same list.
_LENGTHS: dict[str, float] = {"d_zcalib": 0.5, "area": 2, "volume": 3} | dict.fromkeys(
    ("sx", "sy", "sx_unc", "sy_unc", "std_x", "std_y", "x_pick_rot", "y_pick_rot"), 1
)
_STATISTIC = re.compile(r"(x|y|lpx|lpy|sx|sy)_(mean|std|min|max)")
# Rows in which one of these is negative, or any value is missing, Picasso leaves out.
_NOT_NEGATIVE = ("x", "y", "lpx", "lpy", "lpz", "photons", "ellipticity", "sx", "sy")


def _recognises(start: FileStart) -> bool:
    return "locs" in start.hdf5_names and _VERSION in start.hdf5_attributes


def read_picasso(start: FileStart) -> pd.DataFrame:
    """Return the dataset ``locs`` of any version, with what the file says of pixel and movie."""
    with _hdf5.open_hdf5(start.path) as file:
        version = _hdf5.attribute(file, _VERSION, start.path)
        is_nm = version is not None and _require_known(version, start.path)
        locs = file["locs"]
        if getattr(locs, "dtype", None) is None or not locs.dtype.names:
            raise FileError(
                f"{start.path}: 'locs' is not a table as Picasso writes it; save it again in "
                "Picasso"
            )
        fields = [locs.dtype[name] for name in locs.dtype.names]
        if len(locs.shape or ()) != 1 or any(field.shape for field in fields):
            raise FileError(f"{start.path}: 'locs' is not a list of localizations; write it again")
        columns = _hdf5.columns(locs, start.path)
        embedded = _hdf5.text(file["metadata"], start.path) if "metadata" in file else None
    table = pd.DataFrame(columns, copy=False)
    table.attrs[ORIGIN] = "picasso" if is_nm else "picasso-0"
    known: dict[str, Any] = {"unit": "nm" if is_nm else "pixel", "unit_z": "nm"}
    if movie := read_movie(start.path, embedded):
        table.attrs.update(movie_attrs(*movie))
        known["pixel_size"] = last_number(movie[1], "Pixelsize")
    # Of molecules, and of localizations that were joined, the frame is a mean.
    if "frame" in table and (table["frame"].mod(1) > 0).any():
        known["mean_frames"] = True
    return set_columns(table, **{key: value for key, value in known.items() if value is not None})


def write_picasso(
    table: pd.DataFrame, parts: Sequence[Path], names: Names, version: str | None
) -> None:
    """Write under Picasso's names; other columns keep theirs. It holds numbers only.

    What is known of the movie stands in the file and in the yaml beside it.
    """
    h5py = _hdf5.require_h5py(parts[0])
    pixel_size = find_columns(table).pixel_size
    arrays = as_arrays(table, names, _TITLE)
    if version is not None and pixel_size is None:
        raise TableError(
            "Picasso needs the camera pixel size, too. Say how many nm it is: "
            "table = smlm_accessor.set_columns(table, pixel_size=130)"
        )
    _convert_lengths(arrays, table.attrs.get(ORIGIN), version is not None, pixel_size)
    locs = np.empty(len(table), dtype=[(name, values.dtype) for name, values in arrays.items()])
    for name, values in arrays.items():
        locs[name] = values
    _warn_of_dropped(arrays, len(table))
    extents = least_extents(table, arrays, 1.0 if version is None else pixel_size or 1.0)
    text = movie_text(table, extents, pixel_size)
    with h5py.File(parts[0], "w") as file:
        if version is not None:
            file.attrs[_VERSION] = version
        file.create_dataset("locs", data=locs)
        file.create_dataset("metadata", data=movie_json(text))
    parts[1].write_text(text, encoding="utf-8")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    write_picasso(table, parts, _NAMES, "1.0")


def _require_known(version: object, path: Path) -> bool:
    spelled = version.decode("utf-8", "replace") if isinstance(version, bytes) else str(version)
    found = re.fullmatch(r"\s*(\d+)\.(\d+)\s*", spelled)
    if found is None or int(found[1]) != 1:
        raise FileError(
            f"{path} has the {_VERSION} {spelled[:20]!r}, which is not known here (1.x is); update "
            "smlm_accessor, or save it in Picasso in an older format"
        )
    return True


def _convert_lengths(
    arrays: dict[str, npt.NDArray[Any]], origin: object, to_nm: bool, pixel_size: float | None
) -> None:
    """Convert the other lengths of a table that was read in Picasso's other unit."""
    if origin != ("picasso-0" if to_nm else "picasso") or pixel_size is None:
        return
    is_3d = "z" in arrays or "std_z" in arrays
    for name, values in arrays.items():
        power = 1 if _STATISTIC.fullmatch(name) else _LENGTHS.get(name)
        power = (3 if is_3d else 2) if name == "convexhull" else power
        if power is not None and values.dtype.kind in "fiu":
            factor = pixel_size ** (power if to_nm else -power)
            dtype = values.dtype if values.dtype.kind == "f" else np.float32
            arrays[name] = (values * np.float64(factor)).astype(dtype)


def _warn_of_dropped(arrays: dict[str, npt.NDArray[Any]], n_rows: int) -> None:
    below = np.zeros(n_rows, dtype=bool)
    missing = np.zeros(n_rows, dtype=bool)
    for name, values in arrays.items():
        if values.dtype.kind == "f":
            missing |= ~np.isfinite(values)
        if name in _NOT_NEGATIVE:
            below |= values < 0
    dropped = [
        f"{int(rows.sum())} of {n_rows} rows {why}"
        for rows, why in (
            (below, f"have a value below zero (the least x is {_least(arrays, 'x'):.6g}, "
                    f"y {_least(arrays, 'y'):.6g})"),
            (missing, "lack a value"),
        )
        if rows.any()
    ]  # fmt: skip
    if dropped:
        warnings.warn(
            f"{' and '.join(dropped)}. They are written, but Picasso leaves them out when it "
            "opens the file; to keep them, add a constant to x and y, or fill what is missing",
            SmlmWarning,
            stacklevel=2,
        )


def _least(arrays: dict[str, npt.NDArray[Any]], name: str) -> float:
    values = arrays[name][np.isfinite(arrays[name])]
    return float(values.min()) if len(values) else np.nan


FORMAT = Format(
    "picasso",
    "Picasso hdf5 from 1.0",
    _recognises,
    read_picasso,
    _write,
    beside=(".yaml",),
    instead_of="picasso-0",
)

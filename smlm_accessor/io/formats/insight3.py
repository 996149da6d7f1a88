"""Insight3 `.bin`: a header, and 18 values of four bytes for each localization.

Positions are in pixels, z in nm. `xc`, `yc` and `zc` are what Insight3 corrected, and stay.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smlm_accessor.errors import FileError, TableError
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.names import Names, as_arrays
from smlm_accessor.io.registry import ORIGIN, Format
from smlm_accessor.table.columns import set_columns
from smlm_accessor.table.conventions import listed

_HEADER = struct.Struct("<4siii")  # version, frames, status, localizations
_VERSION = b"M425"
_FLOATS = ("x", "y", "xc", "yc", "h", "a", "w", "phi", "ax", "bg", "i")
_WHOLE = ("c", "density", "frame", "tlen", "link")
_RECORD = np.dtype(
    [(name, "<f4") for name in _FLOATS]
    + [(name, "<i4") for name in _WHOLE]
    + [(name, "<f4") for name in ("z", "zc")]
)
_NAMES = Names("{a}", "frame", "lp{a}", unit="pixel", unit_z="nm")
_FRAMES = "smlm_insight3_frames"  # in attrs: as the header says


def _recognises(start: FileStart) -> bool:
    return start.head.startswith(_VERSION)


def _read(start: FileStart) -> pd.DataFrame:
    data = start.path.read_bytes()
    if len(data) < _HEADER.size:
        raise FileError(f"{start.path} is not complete; write or copy it again")
    _, frames, _, count = _HEADER.unpack_from(data)
    if count < 0 or len(data) < _HEADER.size + count * _RECORD.itemsize:
        raise FileError(
            f"{start.path} has {len(data)} bytes, less than {count} localizations take; it is "
            "damaged or not complete: write or copy it again"
        )
    values = np.frombuffer(data, dtype=_RECORD, count=count, offset=_HEADER.size)
    table = pd.DataFrame({name: values[name].astype(values[name].dtype.newbyteorder("="))
                          for name in _RECORD.names or ()})  # fmt: skip
    table.attrs.update({_FRAMES: frames, ORIGIN: FORMAT.name})
    return set_columns(table, x="x", y="y", z="z", frame="frame", unit="pixel", unit_z="nm")


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write a table that was read in this format, without columns that it has no room for."""
    arrays = as_arrays(table, _NAMES, "Insight3 bin")
    names = _RECORD.names or ()
    unknown = [name for name in arrays if name not in names]
    missing = [name for name in names if name not in arrays]
    if unknown or missing:
        raise TableError(
            f"Insight3 bin holds the columns {listed(names)} and no others; write .csv or .parquet"
        )
    records = np.empty(len(table), dtype=_RECORD)
    for name in names:
        records[name] = arrays[name]
    frames = max(int(table.attrs.get(_FRAMES, 0)), int(records["frame"].max(initial=0)))
    header = _HEADER.pack(_VERSION, frames, 6, len(records))  # 6: localizations are final
    parts[0].write_bytes(header + records.tobytes())


FORMAT = Format(
    "insight3", "Insight3 bin", _recognises, _read, _write, suffixes=(".bin",), only_own=True
)

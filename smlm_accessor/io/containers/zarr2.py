"""Arrays of zarr format 2, one-dimensional, with fields.

The zarr library reads no fields that are vectors from its version 3 on; numcodecs, which it is
built on, unpacks the chunks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor.errors import FileError
from smlm_accessor.io.limits import require_room

DESCRIPTION = ".zarray"


def read_array(folder: Path) -> npt.NDArray[Any]:
    """Return an array. Raises `FileError` if there is none, or it is damaged."""
    said = read_json(folder / DESCRIPTION)
    try:
        dtype = _dtype(said["dtype"])
        (length,), (step,) = said["shape"], said["chunks"]
        codecs = [said.get("compressor"), *reversed(said.get("filters") or [])]
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(
            f"{folder / DESCRIPTION} does not describe a list of localizations ({error}); "
            "export it again"
        ) from error
    if dtype.hasobject or dtype.itemsize == 0 or step < 1 or length < 0:
        raise FileError(f"{folder / DESCRIPTION} is damaged; export it again")
    require_room(folder, max(length, step) * dtype.itemsize, len(dtype.names or ()))
    values = np.zeros(length, dtype=dtype)
    for k, start in enumerate(range(0, length, step)):
        if (chunk := folder / str(k)).is_file():  # else it is the fill value
            part = np.frombuffer(_unpacked(chunk, codecs), dtype=dtype)
            values[start : start + step] = part[: length - start]
    return values


def read_json(path: Path) -> dict[str, Any]:
    """Return a file of metadata; empty if there is none. Raises `FileError` if it is damaged."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} cannot be read ({error}); export it again") from error
    return found if isinstance(found, dict) else {}


def _dtype(said: Any) -> np.dtype[Any]:
    if isinstance(said, str):
        return np.dtype(said)
    return np.dtype([(str(name), _dtype(kind), *map(tuple, shape)) for name, kind, *shape in said])


def _unpacked(path: Path, codecs: list[dict[str, Any] | None]) -> Any:
    data: Any = path.read_bytes()
    if any(codecs):
        try:
            from numcodecs import get_codec
        except ImportError as error:
            raise FileError(f'{path} needs zarr: pip install "zarr>=3.1.1"') from error
        for codec in filter(None, codecs):
            data = get_codec(codec).decode(data)
    return data

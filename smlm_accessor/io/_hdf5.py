"""HDF5 files, read so that a broken one cannot do harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor.errors import FileError
from smlm_accessor.io._limits import require_room


def require_h5py(path: Path) -> Any:
    """Return the module h5py.

    Raises
    ------
    FileError
        If it is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise FileError(
            f'{path} is HDF5, which needs h5py: pip install "smlm-accessor[io]"'
        ) from error
    return h5py


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file for reading.

    Raises
    ------
    FileError
        If it cannot be opened.
    """
    h5py = require_h5py(path)
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # of many kinds, if the file is broken
        raise FileError(
            f"{path} cannot be opened as HDF5 ({error}); it is damaged or not complete: write or "
            "copy it again"
        ) from error
    with file:
        yield file


def names(path: Path) -> frozenset[str]:
    """Return the names in a file, ``"a"`` and ``"a/b"``."""
    found: set[str] = set()
    with open_hdf5(path) as file:
        for name in file:
            found.add(str(name))
            try:
                inside = file[name]
                found.update(f"{name}/{other}" for other in getattr(inside, "keys", list)())
            except Exception:  # a broken link: nothing is in it
                continue
    return frozenset(found)


def array(dataset: Any, path: Path) -> npt.NDArray[Any]:
    """Return the numbers of a dataset in the byte order of this machine.

    Raises
    ------
    FileError
        If it does not hold numbers, or says that it is far larger than the file.
    """
    dtype = getattr(dataset, "dtype", None)
    if dtype is None or getattr(dataset, "shape", None) is None:
        raise FileError(f"{path}: {_name(dataset)} is not an array; write the file again")
    kinds = [dtype[name] for name in dtype.names] if dtype.names else [dtype]
    if any(kind.kind not in "fiub" for kind in kinds):
        raise FileError(f"{path}: {_name(dataset)} does not hold numbers; write the file again")
    if dataset.is_virtual or dataset.external:
        raise FileError(f"{path}: {_name(dataset)} lies in another file; copy it into this one")
    # A chunk is unpacked whole, however little of it is wanted.
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dtype.itemsize
    require_room(path, max(int(dataset.size) * dtype.itemsize, chunk), len(kinds))
    values = np.asarray(dataset[...])
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _name(dataset: Any) -> str:
    return repr(str(getattr(dataset, "name", "")).lstrip("/"))

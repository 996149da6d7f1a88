"""HDF5 files, read so that a broken one cannot do harm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers.hdf5_damage import damage, long_texts, text_attributes
from smlm_accessor.io.limits import require_room

_ROWS = 2**16  # that are read at a time: a few MB, which stay in the cache of the processor
_PLAIN = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")


def require_h5py(path: Path) -> Any:
    """Return the module h5py. Raises `FileError` if it is not installed."""
    try:
        import h5py
    except ImportError as error:
        raise FileError(f"{path} is HDF5, which needs h5py: pip install h5py h5netcdf") from error
    return h5py


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open a file for reading. Raises `FileError` if it cannot be opened."""
    h5py = require_h5py(path)
    if found := damage(path, frozenset()):
        raise _damaged(path, ValueError(found))
    try:
        file = h5py.File(path, "r")
    except Exception as error:  # of many kinds, if the file is broken
        raise _damaged(path, error) from error
    with file:
        yield file


def contents(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names in a file, ``"a"`` and ``"a/b"``, and those of the file's own attributes.

    Raises `FileError` if it is so damaged that it cannot be told.
    """
    found: set[str] = set()
    with open_hdf5(path) as file:
        try:
            for name in file:
                found.add(str(name))
                inside = file.get(name, default=())
                found.update(f"{name}/{other}" for other in getattr(inside, "keys", list)())
            return frozenset(found), frozenset(map(str, file.attrs))
        except Exception as error:  # of many kinds
            raise _damaged(path, error) from error


def text(dataset: Any, path: Path) -> str | None:
    """Return the text that a dataset without dimensions holds; None if it holds anything else."""
    from h5py import h5s, h5t

    if not hasattr(dataset, "id") or getattr(dataset, "shape", None) != ():
        return None
    stored = dataset.id.get_type()
    if stored.get_class() != h5t.STRING or dataset.id.get_space().get_simple_extent_type() != (
        h5s.SCALAR
    ):
        return None
    size = path.stat().st_size
    if long_texts(dataset, path) or (not stored.is_variable_str() and stored.get_size() > size):
        raise _damaged(path, ValueError(f"the text {_name(dataset)} is longer than the file"))
    value = dataset[()]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def texts(node: Any, name: str, path: Path) -> list[str]:
    """Return an attribute that is a list of texts; an empty list if there is none."""
    values = attribute(node, name, path)
    return [
        one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
        for one in np.ravel(np.asarray([] if values is None else values, dtype=object))
    ]


def array(dataset: Any, path: Path) -> npt.NDArray[Any]:
    """Return the numbers of a dataset in the byte order of this machine.

    Raises `FileError` if it does not hold numbers, or says that it is far larger than the file.
    """
    require_numbers(dataset, path)
    values = np.asarray(dataset[...])
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def columns(dataset: Any, path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a dataset that is a list of rows; raises as `array` does.

    Rows are read some at a time, so that there is nothing else of the size of the table.
    """
    require_numbers(dataset, path)
    n = int(dataset.shape[0])
    found = {
        name: np.empty(n, dataset.dtype[name].newbyteorder("=")) for name in dataset.dtype.names
    }
    unit = (dataset.chunks or (1,))[0]
    step = max(_ROWS // unit, 1) * unit  # a chunk is unpacked once
    for start in range(0, n, step):
        rows = dataset[start : start + step]
        for name, values in found.items():
            values[start : start + step] = rows[name]
    return found


def require_numbers(dataset: Any, path: Path) -> None:
    """Raise `FileError` if a dataset does not hold numbers, or says that it is far too large."""
    dtype = getattr(dataset, "dtype", None)
    if dtype is None or getattr(dataset, "shape", None) is None:
        raise FileError(f"{path}: {_name(dataset)} is not an array; write the file again")
    kinds = [dtype[name] for name in dtype.names] if dtype.names else [dtype]
    if not _has_plain_types(dataset):
        raise FileError(f"{path}: {_name(dataset)} does not hold numbers; write the file again")
    if dataset.is_virtual or dataset.external:
        raise FileError(f"{path}: {_name(dataset)} lies in another file; copy it into this one")
    # A chunk is unpacked whole, however little of it is wanted.
    chunk = int(np.prod(dataset.chunks or (0,), dtype=object)) * dtype.itemsize
    require_room(path, max(int(dataset.size) * dtype.itemsize, chunk), len(kinds))


def attribute(node: Any, name: str, path: Path) -> Any:
    """Return an attribute, None if there is none, or if it says that it is larger than the file."""
    if name not in node.attrs or not _is_small(node, name, path):
        return None
    if found := damage(path, text_attributes(node) & {name}):
        raise _damaged(path, ValueError(found))
    return node.attrs[name]


def require_sound(path: Path) -> None:
    """Raise `FileError` if another library could come to harm on a file, or fill the memory.

    It could if values or attributes are of no common kind, or larger than the file.
    """
    unsound: list[str] = []
    texts: set[str] = set()

    def visit(name: str, node: Any) -> None:
        is_text = not hasattr(node, "dtype") or node.dtype.kind in "SO"
        texts.update(text_attributes(node))
        if hasattr(node, "dtype") and node.dtype.kind == "O" and long_texts(node, path):
            unsound.append(name)
        small = all(_is_small(node, attribute, path) for attribute in node.attrs)
        if not small or not (is_text or _has_plain_types(node)):
            unsound.append(name)

    with open_hdf5(path) as file:
        try:
            visit("/", file)
            file.visititems(visit)
        except Exception as error:  # of many kinds
            raise _damaged(path, error) from error
    if unsound:
        raise _damaged(path, ValueError(f"{unsound[0]!r} is not as it should be"))
    if found := damage(path, frozenset(texts)):
        raise _damaged(path, ValueError(found))


def _is_small(node: Any, name: str, path: Path) -> bool:
    return bool(node.attrs.get_id(name).get_storage_size() <= path.stat().st_size)


def _has_plain_types(dataset: Any) -> bool:
    """Whether all values are whole or floating-point numbers of a kind that processors know.

    The library writes past the end of its memory where a damaged file describes another kind.
    """
    return _is_sound(dataset.id.get_type())


def _is_sound(stored: Any) -> bool:
    from h5py import h5t

    if stored.get_class() == h5t.ARRAY:
        return _is_sound(stored.get_super())
    if stored.get_class() != h5t.COMPOUND:
        return _is_plain(stored)
    end = 0
    for k in range(stored.get_nmembers()):
        member, start = stored.get_member_type(k), stored.get_member_offset(k)
        if start < end or not _is_sound(member):
            return False
        end = start + member.get_size()
    return end <= int(stored.get_size())


def _is_plain(stored: Any) -> bool:
    from h5py import h5t

    plain = [h5t.py_create(np.dtype(bool), logical=True)]
    plain += [h5t.py_create(np.dtype(order + name)) for order in "<>" for name in _PLAIN]
    return any(stored.equal(one) for one in plain)


def _damaged(path: Path, error: Exception) -> FileError:
    return FileError(
        f"{path} cannot be opened as HDF5 ({error}); it is damaged or not complete: write or copy "
        "it again"
    )


def _name(dataset: Any) -> str:
    return repr(str(getattr(dataset, "name", "")).lstrip("/"))

"""Write under a temporary name; nothing half-written ever has its final name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from smlm_accessor.errors import FileError


@contextmanager
def staged(*paths: Path) -> Iterator[list[Path]]:
    """Give a temporary name for each path, in its folder; rename all at the end, or none.

    After an error or an interruption the parts are removed; a process that is killed leaves only
    names that say that they are parts. Raises `FileError` if they cannot be written.
    """
    parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
    try:
        yield parts
        for part, path in zip(parts, paths, strict=True):
            _rename(part, path)
    except OSError as error:
        raise FileError(
            f"cannot write {error.filename or paths[0]}: {error.strerror or error}; choose a "
            "folder that you may write to and that has room"
        ) from error
    finally:
        for part in parts:
            _remove(part)


def require_free(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Raise `FileError` if one of the paths cannot be written, or would replace a file."""
    for path in paths:
        if not path.parent.is_dir():
            raise FileError(
                f"the folder {path.parent} does not exist; make it, or choose another one"
            )
        if path.is_dir() and not is_zarr_store(path):
            raise FileError(f"{path} is a folder; choose another name")
        if path.exists() and not overwrite:
            raise FileError(f"{path} exists; choose another name, or overwrite=True to replace it")


def is_zarr_store(path: Path) -> bool:
    """Whether a folder is a zarr store, the one kind that may be replaced."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup"))


def _rename(part: Path, path: Path) -> None:
    if not path.is_dir():
        part.replace(path)
        return
    old = part.with_suffix(".old")  # a folder cannot be renamed onto one that is not empty
    path.rename(old)
    try:
        part.rename(path)
    except OSError:
        old.rename(path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

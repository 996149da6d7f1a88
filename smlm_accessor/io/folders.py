"""Tables larger than memory: a folder of Parquet or csv files, read and written part by part."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.backends import parquet_files, text_files
from smlm_accessor.errors import FileError
from smlm_accessor.io.arguments import AnyPath
from smlm_accessor.io.file_start import FileStart, encoding_of, opened
from smlm_accessor.io.registry import all_formats
from smlm_accessor.table.columns import find_columns

KINDS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}
_BLOCK = "64MB"  # of text that is one partition


def read_folder(folder: AnyPath, names: Sequence[str] | None = None) -> Any:
    """Return the files of a folder as one dask DataFrame, in the order of their names.

    They are Parquet or text files, all with the same columns; ``names`` are those of the columns of
    text that has none. Raises `FileError` if there is no such folder, nothing in it to read, or
    files of several kinds.
    """
    files = files_in(folder)
    suffix = files[0].suffix.lower()
    paths = [str(path) for path in files]
    try:
        if KINDS[suffix] == "parquet":
            return parquet_files(paths)
        options = _how(opened(files[0]), names)
        head = pd.read_csv(files[0], nrows=1000, **options)
        columns = find_columns(head)
        lengths = [*columns.positions.values(), *columns.uncertainties.values()]
        # In some blocks of text all coordinates may happen to be whole numbers.
        dtypes = {label: "float64" for label in lengths if label is not None}
        return text_files(paths, blocksize=_BLOCK, dtype=dtypes, **options)
    except FileError:
        raise
    except (OSError, ValueError) as error:
        raise FileError(
            f"the files in {folder} cannot be read as tables ({error}); all must have the same "
            "columns, with their names in the first line or in Parquet's schema"
        ) from error


def _how(start: FileStart, names: Sequence[str] | None) -> dict[str, Any]:
    """Return the options of pandas that read a text. Raises `FileError` if it has no names."""
    dialect = start.dialect
    if dialect is None:
        return {}
    if names is None and dialect.names is None:
        raise FileError(
            f"{start.path}: the first line holds numbers, so nothing tells what the columns are. "
            "Name them: smlm_accessor.read(path, names=['frame', 'x', 'y'])"
        )
    options: dict[str, Any] = {
        "sep": r"\s+" if dialect.separator == " " else dialect.separator,
        "decimal": dialect.decimal,
        "skipinitialspace": True,
        "encoding": encoding_of(start.head),
    }
    if dialect.names is not None and names is None and dialect.row == 1:
        return options
    given = list(names or dialect.names or ())
    return {**options, "header": None, "names": given, "skiprows": dialect.row}


def files_in(folder: AnyPath) -> list[Path]:
    """Return the tables in a folder, in the order of their names; raises as `read_folder` does."""
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder; give the folder that holds the tables")
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in KINDS and not path.name.startswith((".", "_")) and path.is_file()
    )
    if not files:
        raise FileError(
            f"{folder} is not a file, and a folder without tables; give a file, or a folder of "
            ".parquet, .csv, .tsv or .txt"
        )
    others = {suffix for one in all_formats() for suffix in one.suffixes} - set(KINDS)
    kinds = {path.suffix.lower() for path in files}
    kinds |= {path.suffix.lower() for path in folder.iterdir()} & others
    if len(kinds) > 1:
        raise FileError(
            f"{folder} holds files of several kinds ({', '.join(sorted(kinds))}); put those that "
            "belong to one table into a folder of their own, or correct each by itself"
        )
    empty = [path.name for path in files if path.stat().st_size == 0]
    if empty:
        raise FileError(f"{folder / empty[0]} is empty; write it again, or leave it out")
    return files


def write_folder(
    table: Any, folder: AnyPath, *, overwrite: bool = False, progress: bool = False
) -> None:
    """Write a dask DataFrame as a folder of Parquet files, one for each partition.

    All parts are written into ``FOLDER.incomplete``, which gets its name when they are there. So
    what has the name of the folder is complete, whatever fails: a partition that cannot be read, a
    worker that is lost and whose part is written again, or this process.

    The table is computed once, partition by partition. The folder is on a disk that all workers see
    under this name; with ``overwrite`` one that is there is replaced. Raises `FileError` if it
    exists or cannot be written, `TableError` if a partition cannot be read, which it names.
    """
    from smlm_accessor.backends.dask.reading import computed_parts

    folder = Path(folder).absolute()
    require_new(folder, overwrite=overwrite)
    parts = folder.with_name(f"{folder.name}.incomplete")
    shutil.rmtree(parts, ignore_errors=True)
    try:
        parts.mkdir(parents=True)
    except OSError as error:
        raise FileError(f"cannot make {parts}: {error.strerror}; choose another folder") from error
    digits = max(3, len(str(table.npartitions - 1)))
    try:
        computed_parts(table, _WritePart(parts, digits), progress=progress)
        if overwrite and folder.exists():
            shutil.rmtree(folder)
        parts.replace(folder)
    except OSError as error:
        raise FileError(
            f"cannot write {folder}: {error}; what there is, is in {parts.name}"
        ) from error


def require_new(folder: Path, *, overwrite: bool) -> None:
    """Raise `FileError` if there is something that must not be replaced."""
    if folder.is_file():
        raise FileError(f"{folder} is a file; give another name for the folder")
    if not folder.exists():
        return
    if not overwrite and any(folder.iterdir()):
        raise FileError(f"{folder} is not empty; give another name, or say overwrite=True")
    foreign = [path.name for path in folder.iterdir() if path.suffix.lower() not in KINDS]
    if foreign:
        raise FileError(
            f"{folder} holds what is no table ({foreign[0]}), so it is not replaced; give another "
            "name"
        )
    if not any(folder.iterdir()):
        folder.rmdir()


@dataclass(frozen=True)
class _WritePart:
    """Writes one partition; a part that has its name is complete."""

    folder: Path
    digits: int

    def __call__(self, part: pd.DataFrame, number: int) -> int:
        path = self.folder / f"part.{number:0{self.digits}d}.parquet"
        # Two workers may write the same part, if one of them is thought to be lost.
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        part.attrs = {}  # the history holds for all; what Parquet takes of it differs by version
        part.to_parquet(unfinished, engine="pyarrow")
        unfinished.replace(path)
        return len(part)

"""Tables and drifts in files; nothing half-written ever has its final name."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xarray as xr

from smlm_accessor.errors import FileError

SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
PARQUET = (".parquet", ".pq")
KNOWN = "a name that ends in .csv (commas), .tsv or .txt (tabs), or .parquet"


class TableFile(NamedTuple):
    """A table, and the names of its columns as they stand in the file, if it is text."""

    table: pd.DataFrame
    header: list[str] | None


def read_table(path: Path) -> TableFile:
    """Read a table from csv, tsv, txt or Parquet.

    Raises
    ------
    FileError
        If the file is missing, empty, of an unknown kind, or does not hold a table.
    """
    require_table_name(path)
    if not path.exists():
        raise FileError(f"{path} does not exist; check the name and the folder")
    if not path.is_file():
        raise FileError(f"{path} is not a file; give the table itself")
    if path.stat().st_size == 0:
        raise FileError(f"{path} is empty; write it again")
    try:
        return _read_parquet(path) if is_parquet(path) else _read_text(path)
    except FileError:
        raise
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is not text in UTF-8 ({error}); save it in UTF-8") from error
    except (OSError, ValueError, csv.Error) as error:  # pandas and pyarrow derive theirs from these
        what = "Parquet" if is_parquet(path) else f"text with {_named(_separator(path))}"
        raise FileError(
            f"{path} cannot be read as {what} ({error}); write it again, or give {KNOWN}"
        ) from error


def write_table(file: TableFile, path: Path, name: Path) -> None:
    """Write a table to ``path`` in the format that ``name`` says."""
    table, header = file
    if is_parquet(name):
        try:
            table.to_parquet(path, engine="pyarrow")
        except (ValueError, TypeError) as error:
            raise FileError(f"{name}: {error}; give a name that ends in .csv instead") from error
        return
    index = any(level is not None for level in table.index.names)
    table.to_csv(path, sep=_separator(name), header=header or True, index=index)


def read_drift(path: Path) -> xr.Dataset:
    """Read a drift that was saved as netCDF.

    Raises
    ------
    FileError
        If the file is missing or not netCDF.
    """
    if not path.is_file():
        raise FileError(f"{path} does not exist; give the _drift.nc that an earlier run wrote")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the engines that are tried
            return xr.load_dataset(path)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileError(
            f"{path} cannot be read as netCDF; give the _drift.nc that an earlier run wrote (on "
            "another computer? then pip install h5netcdf h5py)"
        ) from error


def write_drift(dataset: xr.Dataset, path: Path) -> None:
    """Write a drift as netCDF, by whichever of its libraries is installed."""
    try:
        dataset.to_netcdf(path)
    except ValueError as error:  # netCDF 3, the one format without more libraries, has its limits
        raise FileError(
            f"the drift cannot be saved as netCDF 3 ({error}); pip install h5netcdf h5py"
        ) from error


def require_table_name(path: Path) -> None:
    """Raise `FileError` if the extension is not that of a table."""
    if path.suffix.lower() not in (*SEPARATORS, *PARQUET):
        raise FileError(f"{path} has an extension that is not known here; give {KNOWN}")


def is_parquet(path: Path) -> bool:
    """Whether the name is that of a Parquet file."""
    return path.suffix.lower() in PARQUET


@contextmanager
def staged(*paths: Path) -> Iterator[list[Path]]:
    """Give a temporary name for each path in its folder; rename all at the end, or none.

    Yields
    ------
    list of Path
        Where to write. After an error or an interruption those files are removed; a process that
        is killed leaves only files whose names say that they are parts.

    Raises
    ------
    FileError
        If they cannot be written.
    """
    parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
    try:
        yield parts
        for part, path in zip(parts, paths, strict=True):
            part.replace(path)
    except OSError as error:
        raise FileError(
            f"cannot write {error.filename or paths[0]}: {error.strerror or error}; choose a "
            "folder that you may write to and that has room"
        ) from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def _read_parquet(path: Path) -> TableFile:
    import pyarrow.parquet

    # Without the dtypes that pandas notes in its files, whole numbers with gaps would become
    # floating-point numbers.
    noted = pyarrow.parquet.read_schema(path).pandas_metadata is not None
    backend: dict[str, Any] = {} if noted else {"dtype_backend": "pyarrow"}
    return TableFile(pd.read_parquet(path, engine="pyarrow", **backend), None)


def _read_text(path: Path) -> TableFile:
    separator = _separator(path)
    header = _checked_header(path, separator)
    options: dict[str, Any] = {}
    if tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1):
        options["float_precision"] = "round_trip"  # from 3.1 on it always is
    table = pd.read_csv(
        path,
        sep=separator,
        dtype_backend="numpy_nullable",  # whole numbers with gaps stay whole
        low_memory=False,
        **options,
    )
    plain = {
        name: dtype.numpy_dtype
        for name, dtype in table.dtypes.items()
        if hasattr(dtype, "numpy_dtype") and not table[name].hasnans
    }
    return TableFile(table.astype(plain), header)


def _checked_header(path: Path, separator: str) -> list[str]:
    """Return the names in the first line, as they stand there."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = filter(None, csv.reader(lines, delimiter=separator))
        header = next(rows, None)
        first = next(rows, header)
    if header is None or first is None:
        raise FileError(f"{path} has nothing but empty lines; write it again")
    if len(header) > 1 and len(first) == len(header):
        return header
    if len(first) > 1:
        raise FileError(
            f"{path}: the first line has {len(header)} names but the second {len(first)} "
            f"values; give each column a name, with {_named(separator)} between them"
        )
    line = separator.join(header)
    raise FileError(
        f"{path}: there are no {_named(separator)} in the first line, which is "
        f"{line if len(line) <= 60 else line[:57] + '...'!r}; give {KNOWN}, with the names of the "
        "columns in the first line"
    )


def _separator(path: Path) -> str:
    return SEPARATORS[path.suffix.lower()]


def _named(separator: str) -> str:
    return "commas" if separator == "," else "tabs"

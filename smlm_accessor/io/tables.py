"""Read and write tables of localizations."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.backends import is_partitioned
from smlm_accessor.errors import FileError, OptionError, SmlmError, TableError
from smlm_accessor.io.arguments import AnyPath, as_path, short
from smlm_accessor.io.file_start import opened
from smlm_accessor.io.folders import read_folder, write_folder
from smlm_accessor.io.recognition import recognised
from smlm_accessor.io.registry import Format, by_name, for_writing
from smlm_accessor.io.staging import require_free, staged
from smlm_accessor.table.columns import find_columns, set_columns, settled


def read(path: AnyPath, *, format: str | None = None, **columns: Any) -> pd.DataFrame:
    r"""Read a table of localizations.

    Parameters
    ----------
    path : str or path
        A file of Picasso (hdf5), ThunderSTORM, rapidSTORM, Nanoimager, Elyra, SMLM (zip), DECODE
        (h5) or SMAP (mat), or csv, text with tabs, or Parquet with columns of any name. Or a folder
        of Parquet, csv or text files, which becomes a dask DataFrame and is not read yet.
    format : str, optional
        One of `smlm_accessor.io.format_names`; by default recognised from what is in the file,
        whatever its name.
    **columns
        Which column is what, where it is not recognised: fields of `Columns`, such as ``x="a"``,
        ``frame="t"``, ``unit="nm"`` or ``pixel_size=130``.

    Returns
    -------
    DataFrame
        Of pandas; of dask for a folder. Columns as they are called in the file. Its ``attrs`` hold
        what the file tells of units, pixel size and history.

    Raises
    ------
    FileError
        If the file is missing, damaged, or in no format known here.
    TableError
        If it has no columns that are known as positions, or units mix.
    OptionError
        If ``format`` is not known, or ``columns`` are not fields of `Columns`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "locs.csv")
    ...     _ = path.write_text('"frame","x [nm]","y [nm]"\n1,10.5,20.25\n')
    ...     read(path)
       frame  x [nm]  y [nm]
    0      1    10.5   20.25
    """
    table = read_folder(path) if as_path(path).is_dir() else read_as_is(path, format)
    try:
        if columns:
            return set_columns(table, **columns)
        find_columns(table)
        told = settled(table)
        table = set_columns(table, **told) if told else table
    except TableError as error:
        raise TableError(f"{os.fspath(path)}: {_in_words_of_read(error)}") from error
    return table


def read_as_is(path: AnyPath, format: str | None = None) -> pd.DataFrame:
    """Read a table as `read` does, whether or not it is known which column is what.

    Raises `FileError, TableError, OptionError` as `read` does.
    """
    chosen = None if format is None else by_name(format)
    start = opened(as_path(path))
    chosen = chosen or recognised(start)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parsers, about what raises in the end
            return chosen.read(start)
    except TableError as error:
        raise TableError(f"{start.path}: {_in_words_of_read(error)}") from error
    except FileError:
        raise
    except SmlmError as error:
        raise FileError(f"{start.path}: {error}") from error
    except Exception as error:  # the parsers raise errors of many kinds on a damaged file
        raise FileError(
            f"{start.path} cannot be read as {chosen.title} ({short(error)}); it is damaged, not "
            "complete or of another kind: write or copy it again"
        ) from error


def write(
    table: pd.DataFrame,
    path: AnyPath,
    *,
    format: str | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> None:
    """Write a table of localizations; see ``table.smlm.write``."""
    if is_partitioned(table):
        if format not in (None, "parquet"):
            raise OptionError(f"format={format!r}: a dask DataFrame is written as Parquet only")
        write_folder(table, as_path(path), overwrite=overwrite, progress=progress)
        return
    if not isinstance(table, pd.DataFrame):
        raise TableError(f"a {type(table).__name__} cannot be written; give a pandas DataFrame")
    target = as_path(path)
    chosen = by_name(format) if format is not None else for_writing(target, table.attrs)
    outputs = chosen.outputs(target)
    require_free(outputs, overwrite=overwrite)
    with staged(*outputs) as parts:
        write_parts(table, chosen, parts, target)


def write_parts(table: pd.DataFrame, chosen: Format, parts: Sequence[Path], path: Path) -> None:
    """Write a table under temporary names, those of ``chosen.outputs(path)``.

    Raises `FileError, TableError` as `write` does.
    """
    try:
        chosen.write(table, parts)
    except TableError as error:
        raise TableError(f"{path} cannot be written: {error}") from error
    except FileError as error:  # it names the temporary file, or none
        raise FileError(f"{path}: {str(error).replace(str(parts[0]), 'it')}") from error
    except (ValueError, TypeError, OverflowError, UnicodeError) as error:
        raise FileError(
            f"{path} cannot be written as {chosen.title} ({short(error)}); write .parquet or .csv"
        ) from error


def _in_words_of_read(error: Exception) -> str:
    words = str(error)
    return words.replace("table = smlm_accessor.set_columns", "smlm_accessor.set_columns").replace(
        "smlm_accessor.set_columns(table, ", "smlm_accessor.read(path, "
    )

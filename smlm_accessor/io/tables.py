"""Read and write tables of localizations."""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from smlm_accessor.backends import is_partitioned
from smlm_accessor.errors import FileError, OptionError, SmlmError, TableError
from smlm_accessor.io.arguments import AnyPath, as_path, short
from smlm_accessor.io.file_start import FileStart, opened
from smlm_accessor.io.folders import read_folder, write_folder
from smlm_accessor.io.recognition import recognised
from smlm_accessor.io.registry import ORIGIN, Format, by_name, for_writing, of_folders
from smlm_accessor.io.staging import require_free, staged
from smlm_accessor.table.columns import find_columns, set_columns, settled


def read(
    path: AnyPath,
    *,
    format: str | None = None,
    names: Sequence[str] | None = None,
    **columns: Any,
) -> pd.DataFrame:
    r"""Read a table of localizations.

    Parameters
    ----------
    path : str or path
        A file of Picasso, ThunderSTORM, DECODE, SMAP, N-STORM, MINFLUX and some thirty more
        programs (all are in ``docs/formats.md``), or Parquet, or text with columns of any name. Or
        a folder of Parquet or text files, which becomes a dask DataFrame and is not read yet.
    format : str, optional
        One of `smlm_accessor.io.format_names`; by default recognised from what is in the file,
        whatever its name.
    names : sequence of str, optional
        Names of the columns of a text that has none, or instead of those that it has.
    **columns
        Which column is what, where it is not recognised: fields of `Columns`, such as ``x="a"``,
        ``frame="t"``, ``unit="nm"`` or ``pixel_size=130``. In a text without names, by number:
        ``frame=0, x=1, y=2``.

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
    if names is None:
        names, columns = by_number(path, columns)
    is_folder = is_folder_of_tables(path, format)
    table = read_folder(path, names) if is_folder else read_as_is(path, format, names)
    try:
        if columns:
            return set_columns(table, **columns)
        find_columns(table)
        told = settled(table)
        table = set_columns(table, **told) if told else table
    except TableError as error:
        raise TableError(f"{os.fspath(path)}: {_in_words_of_read(error)}") from error
    return table


def by_number(
    path: AnyPath, columns: dict[str, Any]
) -> tuple[Sequence[str] | None, dict[str, Any]]:
    """Return names for the columns of a text without any, if the user tells columns by number.

    With them, ``columns`` name what they numbered.
    """
    numbered = {k: int(v) for k, v in columns.items() if re.fullmatch(r"\d+", str(v))}
    for length in ("pixel_size", "frame_duration"):
        numbered.pop(length, None)
    if not {"x", "y"} <= set(numbered) or not as_path(path).is_file():
        return None, columns
    dialect = opened(as_path(path)).dialect
    if dialect is None or dialect.names is not None or dialect.n_columns is None:
        return None, columns
    if max(numbered.values()) >= dialect.n_columns:
        raise OptionError(
            f"{os.fspath(path)} has the columns 0 to {dialect.n_columns - 1}; there is no column "
            f"{max(numbered.values())}"
        )
    names = [f"column {k}" for k in range(dialect.n_columns)]
    for role, number in numbered.items():
        names[number] = role
    told = {role: names[number] for role, number in numbered.items()}
    return names, {**columns, **told}


def is_folder_of_tables(path: AnyPath, format: str | None = None) -> bool:
    """Whether a path is a folder, and not one that is a single measurement."""
    folder = as_path(path)
    if not folder.is_dir() or format in [one.name for one in of_folders()]:
        return False
    return not any(one.recognises(FileStart(folder, b"")) for one in of_folders())


def read_as_is(
    path: AnyPath, format: str | None = None, names: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read a table as `read` does, whether or not it is known which column is what.

    Raises `FileError, TableError, OptionError` as `read` does.
    """
    chosen = None if format is None else by_name(format)
    if as_path(path).is_dir() and not is_folder_of_tables(path, format):
        start = FileStart(as_path(path), b"")
        chosen = chosen or next(one for one in of_folders() if one.recognises(start))
    else:
        start = opened(as_path(path), names=_checked(names))
    chosen = chosen or recognised(start)
    if start.names and start.dialect is None:
        raise OptionError(f"names={list(start.names)!r} is for text; {start.path} is none")
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


def _checked(names: Sequence[str] | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    spelled = (names,) if isinstance(names, str) else tuple(names)
    if not spelled or not all(isinstance(name, str) and name for name in spelled):
        raise OptionError(f"names={names!r} must be names, such as ['frame', 'x', 'y']")
    if len(set(spelled)) < len(spelled):
        raise OptionError(f"names={names!r} must differ from each other")
    return spelled


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
    if chosen.write is None or (chosen.only_own and table.attrs.get(ORIGIN) != chosen.name):
        which = (
            "not written here" if chosen.write is None else "written only for a table read in it"
        )
        raise OptionError(f"format={chosen.name!r} is {which}; give a name that ends in .csv")
    outputs = chosen.outputs(target)
    require_free(outputs, overwrite=overwrite)
    with staged(*outputs) as parts:
        write_parts(table, chosen, parts, target)


def require_writable(table: pd.DataFrame, path: Path) -> None:
    """Raise as `write` does, before long work, if that file cannot hold such a table.

    A table of the same columns without rows is written, and thrown away.
    """
    chosen = for_writing(path, table.attrs)
    with tempfile.TemporaryDirectory() as folder:
        write_parts(table.head(0), chosen, chosen.outputs(Path(folder, path.name)), path)


def write_parts(table: pd.DataFrame, chosen: Format, parts: Sequence[Path], path: Path) -> None:
    """Write a table under temporary names, those of ``chosen.outputs(path)``.

    Raises `FileError, TableError` as `write` does.
    """
    assert chosen.write is not None
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

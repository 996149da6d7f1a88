"""Files that patterns and folders stand for, and names for what is written of each."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from smlm_accessor.errors import FileError, OptionError
from smlm_accessor.io.file_start import opened
from smlm_accessor.io.recognition import recognised
from smlm_accessor.io.registry import all_formats, for_writing
from smlm_accessor.io.tables import is_folder_of_tables

_NO_TABLES = {".yaml", ".yml", ".nc", ".png", ".html", ".md", ".tif", ".tiff", ".log"}
_TEXT = ("csv", "tsv")


def expanded(paths: Iterable[str | PathLike[str]]) -> list[Path]:
    """Return files, with patterns that the shell has left as they are written out, none twice.

    Raises `FileError` if no file fits a pattern.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.exists() or not glob.has_magic(str(path)):
            found.append(path)
            continue
        files = sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not files:
            raise FileError(f"no file is called {path}; check the pattern and the folder")
        found += [file for file in files if not file.name.startswith(".")]
    return list({file.absolute(): file for file in found}.values())


def make_folder(folder: Path, remedy: str = "choose another one") -> None:
    """Make the folder of results. Raises `FileError` if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"the folder {folder} cannot be made ({error.strerror}); {remedy}"
        ) from error


def each_table(paths: Iterable[str | PathLike[str]], *, each: bool = False) -> list[Path]:
    """Return the tables that files, patterns and, with ``each``, folders stand for.

    Raises `FileError` if a folder has no tables, `OptionError` if it is one without ``each``.
    """
    found: list[Path] = []
    for path in expanded(paths):
        if not path.is_dir() or not is_folder_of_tables(path):
            found.append(path)
            continue
        if not each:
            raise OptionError(
                f"{path} is a folder; say each=True to correct each file in it by itself, or "
                "correct it alone if its files are one table"
            )
        tables = [file for file in sorted(path.iterdir()) if _is_table(file)]
        if not tables:
            raise FileError(f"{path} holds no table in a format known here; give another folder")
        found += tables
    return list({file.absolute(): file for file in found}.values())


def _is_table(path: Path) -> bool:
    """Whether a file is a table, or was to be one; what accompanies tables is not."""
    suffix = path.suffix.lower()
    if path.name.startswith((".", "_")) or suffix in _NO_TABLES:
        return False
    if path.is_dir():
        return not is_folder_of_tables(path)
    if suffix != ".txt" and any(suffix in one.suffixes for one in all_formats()):
        return True  # also one that is damaged: it is named in the summary
    try:
        chosen = recognised(opened(path))
    except FileError:
        return False
    return chosen.name not in _TEXT or (suffix == ".txt" and opened(path).dialect is not None)


def names_of(sources: Sequence[Path]) -> list[str]:
    """Return a name for the result of each file, none twice, in the format of the file.

    Where that format is not written here, the result is Parquet.
    """
    stems = [source.stem for source in sources]
    twice = {stem for stem, n in Counter(stems).items() if n > 1}
    names: list[str] = []
    used: set[str] = set()
    for source, stem in zip(sources, stems, strict=True):
        if stem in twice:
            stem = "_".join(filter(None, (source.absolute().parent.name, stem)))
        unique, k = stem, 1
        while unique.lower() in used:
            k += 1
            unique = f"{stem}_{k}"
        used.add(unique.lower())
        names.append(unique + _suffix(source))
    return names


def _suffix(source: Path) -> str:
    try:
        chosen = for_writing(source)
    except FileError:
        return ".parquet"
    return ".parquet" if chosen.write is None or chosen.only_own else source.suffix

"""Formats that are delimited text: the names of the columns in one line, and rows of values."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.containers.dialect import Dialect, find_dialect, split
from smlm_accessor.io.containers.large_text import all_numbers
from smlm_accessor.io.file_start import FileStart, decoded
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.names import Names, in_names
from smlm_accessor.io.registry import ORIGIN, Format
from smlm_accessor.table.columns import set_columns

# Names that a DataFrame cannot have as they stand in the file: empty, or there twice.
HEADER_KEY = "smlm_header"
NOTES = "smlm_notes"  # in attrs: the lines above the names, for programs that need them
UNITS = "smlm_units"  # in attrs: the line below the names
_BEGINNING = 2**20  # letters in which names and first rows are
_NAMED = {",": "commas", "\t": "tabs", ";": "semicolons", " ": "blanks"}
_RAGGED = "give each column a name, with {} between them"


@dataclass(frozen=True)
class DelimitedText:
    """How a program writes a table as text; `text_format` makes a format of it.

    Reading takes any separator, decimal commas, comments, quotes, and UTF-8 or Latin-1. ``names``
    are what the program calls positions, frames and precisions, and their units; other columns
    keep their names, without them all do. ``known`` returns fields of `Columns` that the names of
    the columns do not tell, from the table and the file.

    Names and text are written in quotes if ``quotes_text``; ``header_start`` stands before the
    names, and above them the notes of the file that was read if ``keeps_notes``. ``split`` takes
    the text of a file, and returns the lines of the table, and ``attrs`` that tell what stands
    around them. ``footer`` takes a table, and returns the text that is written below it.
    """

    separator: str
    names: Names | None = None
    quotes_text: bool = False
    known: Callable[[pd.DataFrame, Dialect], dict[str, Any]] | None = None
    header_start: str = ""
    keeps_notes: bool = False
    split: Callable[[str], tuple[str, dict[str, Any]]] | None = None
    footer: Callable[[pd.DataFrame], str] | None = None


def text_format(
    text: DelimitedText,
    *,
    name: str,
    title: str,
    recognises: Callable[[FileStart], bool],
    suffixes: tuple[str, ...] = (),
    instead_of: str = "",
) -> Format:
    """Return the format of a program that writes delimited text; see `Format`.

    One that takes the place of another is written for tables that were read in it, as they are.

    Reading returns the columns as they are called in the file. Text holds no dtypes, no ``attrs``
    and no index without a name: single precision comes back as double, categories as text.
    """

    def read(start: FileStart) -> pd.DataFrame:
        dialect, attrs = start.dialect, dict[str, Any]()
        table = None
        if text.split is None and dialect is not None:
            labels = _checked_names(dialect, start.path, text.separator, start.names)
            table = all_numbers(start.path, start.head, dialect, _unique(labels))
            if table is not None:
                _note_names(table, labels)
        if table is None or dialect is None:
            content = decoded(start.path.read_bytes())
            content, attrs = (content, {}) if text.split is None else text.split(content)
            table, dialect = parse(content, start.path, text.separator, start.names)
        table.attrs.update(attrs)
        if instead_of:
            table.attrs[ORIGIN] = name
        if text.keeps_notes and dialect.notes:
            table.attrs[NOTES] = "\n".join(dialect.notes)
        if text.keeps_notes and dialect.units:
            table.attrs[UNITS] = list(dialect.units)
        known = text.known(table, dialect) if text.known else {}
        return set_columns(table, **known) if known else table

    def write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
        written = table if text.names is None else in_names(table, text.names, title)
        named = written.attrs.get(HEADER_KEY, {})
        quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if text.quotes_text else csv.QUOTE_MINIMAL
        with parts[0].open("w", encoding="utf-8", newline="") as file:
            notes = str(written.attrs.get(NOTES, "")) if text.keeps_notes else ""
            file.write(f"{notes}\n" * bool(notes) + text.header_start)
            names = [named.get(label, label) for label in written.columns]
            index = any(level is not None for level in written.index.names)
            rows: dict[str, Any] = {"sep": text.separator, "index": index, "quoting": quoting}
            units = list(written.attrs.get(UNITS, ())) if text.keeps_notes else []
            if len(units) == len(names) and not index:
                written.iloc[:0].to_csv(file, header=names, **rows)
                csv.writer(file, delimiter=text.separator).writerow(units)
                written.to_csv(file, header=False, **rows)
            else:
                written.to_csv(file, header=names, **rows)
            if text.footer is not None:
                file.write(text.footer(table))

    return Format(
        name,
        title,
        recognises,
        read,
        write,
        suffixes,
        instead_of=instead_of,
        only_own=bool(instead_of),
    )


def parse(
    text: str, path: Path, separator: str = ",", names: Sequence[str] | None = None
) -> tuple[pd.DataFrame, Dialect]:
    """Return the table of a text, and how it is held; the path is for what errors say.

    ``separator`` is what errors ask for; any is read. ``names`` are those of the columns, if the
    text has none. Raises `FileError` if it has none and none are given, lines do not fit, or the
    last one is cut off.
    """
    dialect = find_dialect(text[:_BEGINNING])
    if dialect is None:
        raise FileError(f"{path} has nothing but empty lines; write it again")
    labels = _checked_names(dialect, path, separator, names)
    _require_whole_last_line(text, path, dialect.separator, len(labels))
    start = 0
    for _ in range(dialect.row):
        start = text.find("\n", start) + 1 or len(text)
    options: dict[str, Any] = {}
    if tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1):
        options["float_precision"] = "round_trip"  # from 3.1 on it always is
    unique = _unique(labels)
    table: pd.DataFrame = pd.read_csv(
        io.BytesIO(text[start:].encode("utf-8")),  # text would take four times the room
        sep=r"\s+" if dialect.separator == " " else dialect.separator,
        decimal=dialect.decimal,
        header=None,
        names=unique,
        skipinitialspace=True,
        dtype_backend="numpy_nullable",  # whole numbers with gaps stay whole
        low_memory=False,
        **options,
    )
    plain = {
        name: dtype.numpy_dtype
        for name, dtype in table.dtypes.items()
        if hasattr(dtype, "numpy_dtype") and not table[name].hasnans
    }
    table = table.astype(plain)
    if len(labels) > 2 and not labels[-1] and len(table) and table.iloc[:, -1].isna().all():
        table, labels = table.iloc[:, :-1], labels[:-1]  # every line ends with a separator
    _note_names(table, labels)
    return table, dialect


def _note_names(table: pd.DataFrame, labels: Sequence[str]) -> None:
    """Put the names that a DataFrame cannot have into its ``attrs``."""
    renamed = {u: label for u, label in zip(table.columns, labels, strict=True) if u != label}
    if renamed:
        table.attrs[HEADER_KEY] = renamed


def _checked_names(
    dialect: Dialect, path: Path, wanted: str, given: Sequence[str] | None
) -> list[str]:
    """Return the names of the columns. Raises `FileError` if they do not fit the rows."""
    n, between = dialect.n_columns, _NAMED[dialect.separator]
    require_room(path, 0, n or len(dialect.names or ()))
    if given is not None:
        if n is not None and len(given) != n:
            raise FileError(
                f"{path}: there are {len(given)} names={list(given)!r} but {n} columns; the first "
                f"row is {_shown(dialect)}: give a name for each"
            )
        return list(given)
    if dialect.names is None:
        raise FileError(
            f"{path}: the first line holds numbers, {_shown(dialect)}, so nothing tells what the "
            f"{n} columns are. Name them: smlm_accessor.read(path, names=['frame', 'x', 'y']), or "
            "give their numbers: smlm_accessor.read(path, frame='0', x='1', y='2')"
        )
    names = list(dialect.names)
    require_room(path, 0, len(names))
    if len(names) > 1 and n in (None, len(names)):
        return names
    if n is not None and n > 1:
        raise FileError(
            f"{path}: the first line has {len(names)} names but the second {n} "
            f"values; {_RAGGED.format(between)}"
        )
    line = dialect.separator.join(names)
    raise FileError(
        f"{path}: there are no commas and no tabs in the first line, which is "
        f"{line if len(line) <= 60 else line[:57] + '...'!r}; give the names of the columns "
        f"in the first line, with {_NAMED[wanted]} between them"
    )


def _shown(dialect: Dialect) -> str:
    few = " | ".join(dialect.first[:6]) + " | ..." * (len(dialect.first) > 6)
    return few if len(few) <= 80 else few[:77] + "..."


def _unique(labels: Sequence[str]) -> list[str]:
    """Return names as a DataFrame can have them: not empty, and each once."""
    seen: Counter[str] = Counter()
    unique: list[str] = []
    for k, label in enumerate(labels):
        name = label or f"Unnamed: {k}"
        while name in unique or (seen[name] and name == label):
            seen[label] += 1
            name = f"{label or f'Unnamed: {k}'}.{seen[label]}"
        unique.append(name)
    return unique


def _require_whole_last_line(text: str, path: Path, separator: str, n_columns: int) -> None:
    """Raise if the file ends within a line: what is missing there would silently be NaN."""
    if text.endswith(("\n", "\r")):
        return
    last = text[text.rfind("\n") + 1 :]
    found = len(split(last, separator))
    if '"' not in last and last.strip() and found < n_columns:
        raise FileError(
            f"{path} ends in the middle of a line ({found} of {n_columns} values), so that it is "
            "not complete; write or copy it again, or delete that line"
        )

"""Formats that are delimited text, with the names of the columns in the first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.names import Names, in_names
from smlm_accessor.io.registry import Format

# Names that a DataFrame cannot have as they stand in the file: empty, or there twice.
HEADER_KEY = "smlm_header"
_START = 2**20  # letters in which the first two lines end
_NAMED = {",": "commas", "\t": "tabs"}
_RAGGED = "give each column a name, with {} between them"


@dataclass(frozen=True)
class DelimitedText:
    """How a program writes a table as text; `text_format` makes a format of it.

    ``names`` are what the program calls positions, frames and precisions, and their units; other
    columns keep their names, without them all do. Names and text are written in quotes if
    ``quotes_text``; a program may have written Latin-1 instead of UTF-8 if ``latin``. ``split``
    takes the text of a file, and returns the lines of the table, and ``attrs`` that tell what
    stands around them. ``footer`` takes a table, and returns the text that is written below it.
    """

    separator: str
    names: Names | None = None
    quotes_text: bool = False
    latin: bool = True
    split: Callable[[str], tuple[str, dict[str, Any]]] | None = None
    footer: Callable[[pd.DataFrame], str] | None = None


def text_format(
    text: DelimitedText,
    *,
    name: str,
    title: str,
    recognises: Callable[[FileStart], bool],
    suffixes: tuple[str, ...] = (),
) -> Format:
    """Return the format of a program that writes delimited text; see `Format`.

    Reading returns the columns as they are called in the file. Text holds no dtypes, no ``attrs``
    and no index without a name: single precision comes back as double, categories as text.
    """

    def read(start: FileStart) -> pd.DataFrame:
        lines = text_of(start.path, latin=text.latin)
        lines, attrs = (lines, {}) if text.split is None else text.split(lines)
        table = parse(lines, start.path, text.separator)
        table.attrs.update(attrs)
        return table

    def write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
        written = table if text.names is None else in_names(table, text.names, title)
        named = written.attrs.get(HEADER_KEY, {})
        quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if text.quotes_text else csv.QUOTE_MINIMAL
        written.to_csv(
            parts[0],
            sep=text.separator,
            header=[named.get(label, label) for label in written.columns],
            index=any(level is not None for level in written.index.names),
            quoting=quoting,
        )
        if text.footer is not None:
            with parts[0].open("a", encoding="utf-8") as file:
                file.write(text.footer(table))

    return Format(name, title, recognises, read, write, suffixes)


def text_of(path: Path, *, latin: bool = False) -> str:
    """Return a file as text in UTF-8, or else in Latin-1 if the program is known to write that.

    Raises `FileError` if it is text in neither.
    """
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if latin:
            return data.decode("latin-1")
        raise FileError(f"{path} is not text in UTF-8 ({error}); save it in UTF-8") from error


def parse(text: str, path: Path, separator: str) -> pd.DataFrame:
    """Return the table of a text; the path is for what errors say.

    Raises `FileError` if lines do not fit the first one, or the last one is cut off.
    """
    header = _checked_header(text, path, separator)
    _require_whole_last_line(text, path, separator, len(header))
    options: dict[str, Any] = {}
    if tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1):
        options["float_precision"] = "round_trip"  # from 3.1 on it always is
    table: pd.DataFrame = pd.read_csv(
        io.BytesIO(text.encode("utf-8")),  # text would take four times the room
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
    table = table.astype(plain)
    renamed = {
        str(label): name for label, name in zip(table.columns, header, strict=True) if label != name
    }
    if renamed:
        table.attrs[HEADER_KEY] = renamed
    return table


def _checked_header(text: str, path: Path, separator: str) -> list[str]:
    """Return the names in the first line, as they stand there."""
    rows = filter(None, csv.reader(io.StringIO(text[:_START], newline=""), delimiter=separator))
    header = next(rows, None)
    first = next(rows, header)
    if header is None or first is None:
        raise FileError(f"{path} has nothing but empty lines; write it again")
    require_room(path, 0, len(header))
    if len(header) > 1 and len(first) == len(header):
        return header
    if len(first) > 1:
        raise FileError(
            f"{path}: the first line has {len(header)} names but the second {len(first)} "
            f"values; {_RAGGED.format(_NAMED[separator])}"
        )
    line = separator.join(header)
    raise FileError(
        f"{path}: there are no commas and no tabs in the first line, which is "
        f"{line if len(line) <= 60 else line[:57] + '...'!r}; give the names of the columns "
        f"in the first line, with {_NAMED[separator]} between them"
    )


def _require_whole_last_line(text: str, path: Path, separator: str, n_columns: int) -> None:
    """Raise if the file ends within a line: what is missing there would silently be NaN."""
    if text.endswith(("\n", "\r")):
        return
    last = text[text.rfind("\n") + 1 :]
    found = last.count(separator) + 1
    if '"' not in last and last.strip() and found < n_columns:
        raise FileError(
            f"{path} ends in the middle of a line ({found} of {n_columns} values), so that it is "
            "not complete; write or copy it again, or delete that line"
        )

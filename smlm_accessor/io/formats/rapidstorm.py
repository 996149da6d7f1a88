"""RapidSTORM txt: a first line in XML that says what the columns are, and spaces between them."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smlm_accessor.errors import FileError
from smlm_accessor.io.file_start import FileStart, decoded
from smlm_accessor.io.limits import require_room
from smlm_accessor.io.names import Names, as_arrays, units_of
from smlm_accessor.io.registry import Format
from smlm_accessor.table.columns import set_columns

_TITLE = "rapidSTORM txt"
_FLOAT = "floating point with . for decimals and optional scientific e-notation"
_START = re.compile(r"#\s*<localizations\b")
_NAMES = Names(
    position="Position-{i}-0", frame="ImageNumber-0-0", uncertainty="Position-{i}-0-uncertainty"
)


def _recognises(start: FileStart) -> bool:
    return _START.match(start.header or "") is not None


def _read(start: FileStart) -> pd.DataFrame:
    """Return the table, its columns named by their identifiers."""
    first, _, body = decoded(start.path.read_bytes()).lstrip("\r\n").partition("\n")
    fields = [_attributes(field) for field in re.findall(r"<field\b([^>]*)>", first)]
    names = [field.get("identifier", "") for field in fields]
    if not all(names) or len(set(names)) < len(names) or "</localizations>" not in first:
        raise FileError(
            f"{start.path}: the first line does not give each column a name of its own; write "
            "the file again"
        )
    require_room(start.path, 0, len(names))
    wrong = next((line for line in _few(body) if len(line.split()) not in (0, len(names))), None)
    if wrong is not None:
        raise FileError(
            f"{start.path}: there are {len(names)} columns but {len(wrong.split())} values in "
            f"{wrong[:60]!r}; it is damaged or not complete: write or copy it again"
        )
    table = pd.read_csv(
        io.BytesIO(body.encode("utf-8")), sep=r"\s+", names=names, index_col=False, header=None
    )
    units = {
        axis: {field.get("unit", "nanometer")}
        for field in fields
        for i, axis in enumerate("xyz")
        if field["identifier"] == f"Position-{i}-0"
    }
    return set_columns(table, **units_of(units, start.path))


def _write(table: pd.DataFrame, parts: Sequence[Path]) -> None:
    """Write lengths in nm, under the identifiers of rapidSTORM; other columns keep their names.

    It holds numbers only. Ranges and meanings that the first line of a file had are not kept.
    """
    arrays = as_arrays(table, _NAMES, _TITLE)
    fields = "".join(_field(name, values.dtype.kind) for name, values in arrays.items())
    with parts[0].open("w", encoding="utf-8", newline="\n") as file:
        file.write(
            f'# <localizations insequence="true" repetitions="variable">{fields}</localizations>\n'
        )
        pd.DataFrame(arrays).to_csv(file, sep=" ", header=False, index=False, na_rep="nan")


def _attributes(field: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', field)}


def _few(body: str) -> list[str]:
    """Return the first line and the last, where a file that is not complete shows it."""
    return [
        body[: body.find("\n")] if "\n" in body else body,
        body[body.rstrip().rfind("\n") + 1 :],
    ]


def _field(name: str, kind: str) -> str:
    syntax = "integer" if kind in "iub" else _FLOAT
    unit = "nanometer" if name.startswith("Position-") else "frame" if "Image" in name else ""
    unit = f' unit="{unit}"' if unit else ""
    return f'<field identifier="{html.escape(name)}" syntax="{syntax}"{unit} />'


FORMAT = Format("rapidstorm", _TITLE, _recognises, _read, _write)

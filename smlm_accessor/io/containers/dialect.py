"""How a text holds a table: what separates values, which line has the names, where rows begin."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

SEPARATORS = "\t;, "  # a blank stands for any number of blanks
_ROWS = 50  # that are looked at
_COMMENT = re.compile(r"\s*(#|%|//)+\s*")
_NUMBER = re.compile(
    r"[-+]?(\d+([.]\d*|,\d+)?|[.,]\d+)(e[-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE
)
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How a text holds a table.

    ``names`` are those of the columns, without quotes, comment signs and blanks around them; None
    if the text has none. The rows begin ``row`` lines below the start of the text; ``n_columns``
    values stand in the first one, None if there is no row. ``notes`` are the lines above that are
    not the names; ``units`` is the last of several lines of names.
    """

    separator: str
    names: tuple[str, ...] | None
    row: int
    n_columns: int | None
    decimal: str = "."
    notes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    first: tuple[str, ...] = field(default=(), compare=False)  # values of the first row


def find_dialect(text: str, separators: str = SEPARATORS) -> Dialect | None:
    r"""Return how a text, or its beginning, holds a table; None if it holds none.

    The separator is the one by which the most values of the rows are numbers, then the one by
    which there are the most values.

    Examples
    --------
    >>> found = find_dialect("by hand\n# frame; x [nm]; y [nm]\n1; 2,5; 3\n2; 4,5; 5\n")
    >>> found.names, found.separator, found.decimal, found.row
    (('frame', 'x [nm]', 'y [nm]'), ';', ',', 2)
    """
    lines = [(k, line) for k, line in enumerate(text.split("\n")) if line.strip("\0\r\f \t")]
    found = [one for sep in separators if (one := _with_rows(lines, sep))]
    if found:
        return max(found, key=lambda one: one[0])[1]
    return _with_names_only(lines, separators)


def split(line: str, separator: str) -> list[str]:
    """Return the values in one line, without quotes and blanks around them."""
    line = re.sub(r"\s+", " ", line.strip()) if separator == " " else line.strip("\r\n\f\0")
    try:
        read = csv.reader([line], delimiter=separator, skipinitialspace=True)
        return [value.strip() for value in next(read, [])]
    except csv.Error:  # a quotation mark that does not end
        return [line]


Lines = Sequence[tuple[int, str]]


def _with_rows(lines: Lines, separator: str) -> tuple[tuple[float, int], Dialect] | None:
    rows = list(_rows(lines, separator))
    if not rows:
        return None
    at, first = rows[0]
    n = len(first)
    share = sum(map(_share, (values for _, values in rows))) / len(rows)
    texts = [value for _, values in rows for value in values]
    has_points = any("." in value for value in texts if _NUMBER.fullmatch(value))
    has_commas = any(_DECIMAL_COMMA.fullmatch(value) for value in texts)
    spare = ""
    if n > 2 and all(values[-1] == "" for _, values in rows):
        spare = "last"  # a separator at the end
    elif len(rows) > 1 and [values[0] for _, values in rows] == _counted(first[0], len(rows)):
        spare = "first"  # numbers of rows, which R writes without a name
    names, notes, units = _names_above(lines[:at], separator, n, spare)
    dialect = Dialect(
        separator,
        names,
        lines[at][0],
        n,
        "," if has_commas and not has_points and separator != "," else ".",
        notes,
        units,
        tuple(first),
    )
    return (round(share, 2), n), dialect


def _rows(lines: Lines, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first rows, and where in the lines they are; nothing if two are not alike."""
    found = 0
    for k, (_, line) in enumerate(lines):
        if _COMMENT.match(line):
            continue
        values = split(line, separator)
        if _share(values) >= 0.5 and len(values) > 1:
            following = next((s for _, s in lines[k + 1 :] if not _COMMENT.match(s)), None)
            alike = following is None or len(split(following, separator)) == len(values)
            if found or alike or k + 2 >= len(lines):
                found += 1
                yield k, values
        if found == _ROWS:
            return


def _counted(first: str, n: int) -> list[str]:
    return [str(int(first) + k) for k in range(n)] if first.isdecimal() else []


def _share(values: Sequence[str]) -> float:
    """Return the share of numbers among what is not empty."""
    given = [value for value in values if value]
    numbers = sum(_NUMBER.fullmatch(value) is not None for value in given)
    return numbers / len(given) if given else 0.0


def _names_above(
    lines: Lines, separator: str, n: int, spare: str
) -> tuple[tuple[str, ...] | None, tuple[str, ...], tuple[str, ...]]:
    """Return names, notes and units from the lines above the rows of ``n`` values.

    ``spare`` is the column that may have no name: the first, the last, or none.

    The names are in the first of the lines right above the rows that have as many values, or else
    in the last comment that has.
    """
    block: list[int] = []
    for k in range(len(lines) - 1, -1, -1):
        if _COMMENT.match(lines[k][1]) or _fitted(lines[k][1], separator, n, spare) is None:
            break
        block.insert(0, k)
    comments = [
        k
        for k in range(len(lines) - 1, -1, -1)
        if _COMMENT.match(lines[k][1]) and _fitted(lines[k][1], separator, n, spare)
    ]
    at = block[0] if block else comments[0] if comments else None
    if at is None:
        ragged = _ragged(lines, separator)
        return ragged, tuple(line for _, line in lines), ()
    names = _fitted(lines[at][1], separator, n, spare)
    notes = tuple(line.rstrip("\r") for k, (_, line) in enumerate(lines) if k not in (at, *block))
    units = _fitted(lines[block[-1]][1], separator, n, spare) if len(block) > 1 else None
    return names, notes, units or ()


def _fitted(line: str, separator: str, n: int, spare: str) -> tuple[str, ...] | None:
    """Return the names in a line if they are as many as the values of a row; None if not."""
    names = split(_COMMENT.sub("", line, count=1), separator)
    if len(names) == 1 and separator != " " and separator in names[0]:
        names = split(names[0], separator)  # a spreadsheet put the whole line in quotes
    if len(names) == n + 1 and not names[-1]:
        names.pop()  # a separator at the end
    elif len(names) == n - 1 and spare:
        names.insert(0 if spare == "first" else n, "")
    is_told = sum(": " in name for name in names) > n / 2  # name: value, which is a note
    return tuple(names) if len(names) == n and any(names) and not is_told else None


def _ragged(lines: Lines, separator: str) -> tuple[str, ...] | None:
    """Return names that are not as many as the values of a row, which reading will say."""
    if not lines or _COMMENT.match(lines[-1][1]):
        return None
    names = split(lines[-1][1], separator)
    return tuple(names) if len(names) > 1 else None


def _with_names_only(lines: Lines, separators: str) -> Dialect | None:
    """Return a dialect of a text without a row of numbers: the names are in its first line."""
    plain = [(k, line) for k, line in lines if not _COMMENT.match(line)] or list(lines)
    if not plain:
        return None
    at, line = plain[0]
    line = _COMMENT.sub("", line, count=1)
    separator = max(separators.replace(" ", ""), key=lambda sep: len(split(line, sep)))
    names = split(line, separator)
    if len(names) == 1 and separator in names[0]:
        names = split(names[0], separator)
    following = [split(other, separator) for k, other in plain[1:2]]
    n = len(following[0]) if following else None
    notes = tuple(other.rstrip("\r") for k, other in lines if k < at)
    return Dialect(separator, tuple(names), at + 1, n, ".", notes, (), tuple(*following))

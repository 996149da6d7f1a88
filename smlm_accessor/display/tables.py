"""A few rows of words and numbers, as text and as html."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Rows = Sequence[Sequence[str]]


def number(value: float, digits: int = 3) -> str:
    """Return a length in as many digits as are worth reading; a larger one to whole numbers.

    Examples
    --------
    >>> number(0.01234), number(-3.0), number(1234.5)
    ('0.0123', '-3', '1,234')
    """
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:,.{digits}g}"


def text_table(rows: Rows) -> list[str]:
    """Return lines with columns that stand below each other; numbers to the right.

    Examples
    --------
    >>> text_table([["", "range"], ["x", "66.2"], ["y", "3"]])
    ['   range', 'x   66.2', 'y      3']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if j else cell.ljust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def html_table(rows: Rows, *, head: Sequence[str] | None = None, align: str | None = None) -> str:
    """Return a table; the first cell of each row names it.

    No colours: those of the notebook's theme hold, light or dark.

    Examples
    --------
    >>> html_table([["<x>", "3"]]).count("&lt;x&gt;")
    1
    """
    style = f' style="text-align:{align}"' if align else ""
    name_style = ' style="text-align:left"' if align else ""
    lines = []
    if head is not None:
        lines.append("".join(f"<th{style}>{escape(cell)}</th>" for cell in head))
    for name, *cells in rows:
        lines.append(
            f"<th{name_style}>{escape(name)}</th>"
            + "".join(f"<td{style}>{escape(cell)}</td>" for cell in cells)
        )
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def folded(title: str, inner: str) -> str:
    """Return html that is opened by a click on its title."""
    return f"<details><summary>{escape(title)}</summary>{inner}</details>"

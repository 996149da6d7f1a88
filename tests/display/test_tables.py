from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.display.tables import folded, html_table, number, text_table

cells = st.text(st.characters(codec="ascii", exclude_categories=("Cc",)), max_size=12)


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[cells] * n), min_size=1)))
def test_columns_stand_below_each_other(rows: list[tuple[str, ...]]) -> None:
    lines = text_table(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    start = widths[0]
    for j in range(1, len(widths)):
        for line, row in zip(lines, rows, strict=True):
            stop = start + 2 + widths[j]
            assert line.ljust(stop)[start:stop] == f"  {row[j]:>{widths[j]}}"
        start = stop


def test_html_is_escaped() -> None:
    html = html_table([["<b>", "a & b"]], head=["", "<i>"]) + folded("<u>", "<p>kept</p>")
    for word in ("<b>", "<i>", "<u>", "a & b"):
        assert word not in html
    assert "<p>kept</p>" in html


@pytest.mark.parametrize("align", [None, "right"])
def test_no_colour_of_its_own(align: str | None) -> None:
    html = html_table([["x", "1"]], head=["", "range"], align=align)
    assert "color" not in html
    assert "background" not in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (66.249, "66.2"), (-3.0, "-3"), (999.4, "999"), (123456.7, "123,457")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_a_number_that_is_not_known() -> None:
    assert number(np.nan) == "nan"

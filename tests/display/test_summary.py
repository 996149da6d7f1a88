"""The few lines that say what was found in a table."""

from __future__ import annotations

import re
from html import unescape

import dask.dataframe as dd
import numpy as np
import pandas as pd

from smlm_accessor.display.summary import safe_summary, summary, summary_html
from smlm_accessor.table import history
from smlm_accessor.table.columns import set_columns


def lines(table: pd.DataFrame) -> dict[str, str]:
    """The lines of the summary by their first words."""
    first, *rest = summary(table).splitlines()
    found = {"title": first}
    for line in rest:
        name, _, text = line.strip().partition("  ")
        found[name] = text.strip()
    return found


def locs(**columns: object) -> pd.DataFrame:
    table = {"frame": [1, 1, 2, 10], "x [um]": [0.5, 1, 2, 3], "y [um]": [-1.0, 0, 0, 4]}
    return pd.DataFrame({**table, **columns})


def test_all_that_helps_is_there() -> None:
    table = locs(**{"uncertainty [nm]": [10.0, 20, 30, np.nan], "z [nm]": [-500.0, 0, 0, 250]})
    assert lines(table) == {
        "title": "Localization table (ThunderSTORM names)",
        "localizations": "4",
        "frames": "1 to 10, 0.4 localizations per frame",
        "x": "0.5 to 3 um, from 'x [um]'",
        "y": "-1 to 4 um, from 'y [um]'",
        "z": "-0.5 to 0.25 um, from 'z [nm]'",
        "precision": "0.02 (median)",
    }


def test_rows_without_position_are_counted_and_left_out() -> None:
    found = lines(locs(**{"y [um]": [np.nan, 1e9, 0, 4]}).assign(**{"x [um]": [0, np.inf, 2, 3]}))
    assert found["localizations"] == "4"
    assert found["without position"] == "2"
    assert found["x"].startswith("2 to 3")
    assert found["y"].startswith("0 to 4")


def test_what_is_missing_is_said_with_the_remedy() -> None:
    found = lines(pd.DataFrame({"x": [1.0], "y": [2.0]}))
    assert "set_columns" in found["frames"]
    assert "set_columns(table, unit='nm')" in found["length unit"]


def test_large_numbers_have_separators() -> None:
    n = 1_234_567
    table = pd.DataFrame({"x": np.zeros(n), "y": np.zeros(n), "frame": np.arange(n)})
    assert lines(table)["localizations"] == "1,234,567"


def test_no_rows() -> None:
    found = lines(locs().iloc[:0])
    assert found["localizations"] == "0"
    assert found["x"].startswith("empty")
    assert "frames" not in found


def test_nothing_but_nan() -> None:
    found = lines(locs(**{"x [um]": np.nan, "uncertainty [nm]": np.nan}))
    assert found["without position"] == "4"
    assert found["x"].startswith("empty")
    assert "precision" not in found


def test_history_is_listed() -> None:
    table = locs()
    table.attrs = history.record(history.record({}, "simulate_drift"), "correct")
    assert lines(table)["history"] == "simulate_drift, correct"


def test_pixels_with_a_size_are_shown_in_nm() -> None:
    table = pd.DataFrame({"x": [1.0, 2], "y": [0.0, 1], "lpx": 0.1, "lpy": 0.1, "frame": [0, 1]})
    assert lines(table)["x"] == "1 to 2 pixel, from 'x'"
    found = lines(set_columns(table, pixel_size=130))
    assert found["x"] == "130 to 260 nm, from 'x'"
    assert found["precision"] == "13 (median)"


def test_frames_in_the_index() -> None:
    assert lines(locs().set_index("frame"))["frames"].startswith("1 to 10")


def test_a_table_that_cannot_be_read_says_why_and_does_not_raise() -> None:
    table = locs(frame=["a", "b", "c", "d"])
    text = safe_summary(table)
    assert text.startswith("Localization table\n")
    assert "'a', which is not a number" in text
    assert safe_summary(locs()) == summary(locs())


def test_html_says_the_same() -> None:
    table = locs().rename(columns={"x [um]": "x<i>[um]", "y [um]": "y<i>[um]"})
    table = set_columns(table, x="x<i>[um]", y="y<i>[um]", unit="um")
    html = summary_html(table)
    rows = dict(re.findall(r"<th[^>]*>(.*?)</th><td[^>]*>(.*?)</td>", html))
    text = lines(table)
    assert f"<div>{text.pop('title')}</div>" in html
    assert {name: unescape(cell) for name, cell in rows.items()} == text
    assert "<i>" not in html
    assert table.smlm._repr_html_() == html


def test_html_of_dask_reads_no_rows() -> None:
    def fail(part: pd.DataFrame) -> pd.DataFrame:
        raise AssertionError("rows were read")

    lazy = dd.from_pandas(locs(), npartitions=2).map_partitions(fail, meta=locs().iloc[:0])
    assert "not counted, in 2 partitions of dask" in lazy.smlm._repr_html_()


def test_html_of_a_table_that_cannot_be_read_says_why() -> None:
    html = summary_html(locs(frame=["<a>", "b", "c", "d"]))
    assert html.startswith("<pre>Localization table")
    assert "&lt;a&gt;" in html

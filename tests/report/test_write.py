"""The page: what it says, what it escapes, and what it refuses."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.errors import (
    AlreadyCorrectedWarning,
    DriftError,
    FileError,
    OptionError,
    OutsideEstimateWarning,
    TableError,
)
from smlm_accessor.report import build_report

VOID = {"meta", "link", "img", "input", "br"}
EVIL = '<img src=x onerror="alert(1)">&'


class Outline(HTMLParser):
    """Checks that elements are nested, and collects text and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), (tag, attrs)
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


def outline(html: str) -> Outline:
    """Parse a page, and hold it to what every page has to be."""
    assert html.startswith("<!DOCTYPE html>")
    found = Outline()
    found.feed(html)
    found.close()
    assert found.open == []
    for tag, attrs in found.found:
        for name in ("src", "href", "action", "data", "srcset"):
            assert (attrs.get(name) or "data:").startswith("data:"), (tag, attrs)
        assert not any(name.startswith("on") for name in attrs), (tag, attrs)
    assert not re.search(r"https?:|@import|url\(", html)
    return found


def words(html: str) -> str:
    return " ".join(" ".join(outline(html).text).split())


def images(html: str) -> int:
    return sum(tag == "img" for tag, _ in outline(html).found)


def shift(n_frames: int, offset: Any = ((0, 0), (5, 5)), **more: Any) -> xr.Dataset:
    half = max(n_frames // 2, 1)
    return smlm_accessor.drift.build(
        offset=offset,
        components="xyz"[: np.shape(offset)[1]],
        frame=[0, half],
        frame_start=[0, half],
        frame_stop=[half, max(n_frames, half + 1)],
        **more,
    )


@pytest.fixture
def few() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    values = {"frame": np.arange(200), "x": rng.normal(size=200), "y": rng.normal(size=200)}
    return pd.DataFrame(values)


@pytest.fixture(scope="module")
def html(drifting: pd.DataFrame, drift: xr.Dataset) -> str:
    return build_report(drifting, drift, title="Cell 7").html


# What it says.


def test_the_page_says_what_was_found(
    drifting: pd.DataFrame, drift: xr.Dataset, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    copies = drifting.copy(deep=True), drift.copy(deep=True)
    found = drift.smlm.report(drifting, path, title="Cell 7")
    pd.testing.assert_frame_equal(drifting, copies[0])
    xr.testing.assert_identical(drift, copies[1])
    assert os.listdir(tmp_path) == ["report.html"]
    assert path.stat().st_size < 3e6
    assert str(found) == str(drift.smlm.assess(drifting))
    text = words(path.read_text("utf-8"))
    for said in (
        "Cell 7",
        str(found),
        "The correction improved this table. The sample drifted by up to",
        f"{len(drifting):,}",
        "overlap",
        "n_chunks",
        "simulate_thomas",
        "simulate_drift",
        "velocity 0.02, 0.01",
        smlm_accessor.__version__,
        f"before: {found.frc_before:.3g} nm",
        f"after: {found.frc_after:.3g} nm",
        "There is no map of the field.",
        "one standard deviation" if np.isfinite(drift.offset_std).any() else "chunk",
    ):
        assert said in text, said


def test_images_and_sliders(html: str) -> None:
    found = outline(html).found
    assert images(html) == 10
    sliders = [attrs for tag, attrs in found if tag == "input"]
    assert len(sliders) == 3
    assert all(attrs["type"] == "range" and attrs["aria-label"] for attrs in sliders)
    assert all(attrs["alt"] for tag, attrs in found if tag == "img")
    charts = [attrs for tag, attrs in found if tag == "svg"]
    assert len(charts) == 2  # over time, of rings; clusters are too few for a map of the field
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs in charts)
    assert len([1 for _, attrs in found if attrs.get("class") == "bar"]) == 7


def test_a_model(drifting: pd.DataFrame, drift: xr.Dataset, tmp_path: Path) -> None:
    model = drift.smlm.fit(offset="linear")
    path = tmp_path / "report.html"
    found = drift.smlm.report(drifting, path, model=model)
    assert str(found) == str(drift.smlm.assess(drifting, model=model))
    text = words(path.read_text("utf-8"))
    assert "the model that was fitted" in text
    assert "model, offset, x linear" in text
    with pytest.raises(DriftError, match="continuous"):
        drift.smlm.report(drifting, path, model=model, by="chunk", overwrite=True)


def test_dask_says_the_same(drifting: pd.DataFrame, drift: xr.Dataset, html: str) -> None:
    lazy = dd.from_pandas(drifting, npartitions=3)
    built = build_report(lazy, drift, title="Cell 7")
    assert str(built.verdict) in words(html)
    assert images(built.html) == 10
    assert f"{len(drifting):,}" in words(built.html)


def test_three_dimensions_without_unit(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    sites = np.repeat(rng.uniform(0, 2000, (40, 3)), 30, axis=0)
    table = pd.DataFrame(sites + rng.normal(0, 5, sites.shape), columns=["x", "y", "z"])
    table["frame"] = rng.permutation(len(table))
    drift = shift(len(table), [(0, 0, 0), (-30, 10, 50)], offset_std=np.full((2, 3), 2.0))
    html = build_report(table, drift).html
    text = words(html)
    assert "up to 30 in x, 10 in y and 50 in z" in text
    assert "not known" in text
    assert "one standard deviation" in text
    assert images(html) == 10


def test_rotation_is_said(few: pd.DataFrame) -> None:
    angle = 0.01
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    text = words(build_report(few, shift(200, matrix=[np.eye(2), 1.01 * turn])).html)
    assert "over 10 mrad, and scales it, by 1 to 1.01" in text
    text = words(build_report(few, shift(200, matrix=[np.eye(2), turn]), by="chunk").html)
    assert "over 10 mrad;" in text


def test_invalid_chunks_and_jumps_are_marked(few: pd.DataFrame, html: str) -> None:
    assert 'class="strip"' not in html
    drift = smlm_accessor.drift.build(
        offset=[(0, 0), (1, 1), (np.nan, np.nan), (9, 5), (8, 5)],
        components="xy",
        frame=[20, 60, 100, 140, 180],
        frame_start=[0, 40, 80, 120, 160],
        frame_stop=[40, 80, 120, 160, 200],
    )
    html = build_report(few, drift.assign_coords(segment=("chunk", [0, 0, 0, 1, 1]))).html
    assert 'class="strip"' in html
    assert html.count('class="jump"') == 1
    assert "jump of the stage" in words(html)
    assert "not registered" in words(html)
    assert "5, 4 registered" in words(html)


# What is given.


def test_what_users_give_is_escaped(few: pd.DataFrame) -> None:
    step = {"step": EVIL, "parameters": {EVIL: EVIL, "list": [EVIL]}, "package_version": EVIL}
    few.attrs["smlm_history"] = [step]
    marked = shift(200).assign_attrs(method=EVIL, target=EVIL, origin=EVIL, package_version=EVIL)
    marked.attrs["parameters"] = f'{{"a": "{EVIL.replace(chr(34), chr(39))}"}}'
    html = build_report(few, marked, title=f"</title></style>{EVIL}").html
    assert "onerror" in words(html)
    assert images(html) == 10
    assert "<img src=x" not in html


@pytest.mark.parametrize("parameters", ["no JSON", "[1, 2]", 5])
def test_parameters_that_are_none(few: pd.DataFrame, parameters: Any) -> None:
    marked = shift(200).assign_attrs(parameters=parameters, method="icp")
    assert "icp" in words(build_report(few, marked).html)


def test_a_file_is_replaced_only_if_asked(few: pd.DataFrame, tmp_path: Path) -> None:
    drift = shift(200)
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(FileError, match="overwrite=True"):
        drift.smlm.report(few, path)
    with pytest.raises(FileError, match="does not exist"):
        drift.smlm.report(few, tmp_path / "no" / "report.html")
    with pytest.raises(FileError, match="is a folder"):
        drift.smlm.report(few, tmp_path, overwrite=True)
    with pytest.raises(OptionError, match="must be a text"):
        drift.smlm.report(few, path, title=5, overwrite=True)
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["report.html"]
    drift.smlm.report(few, str(path), overwrite=True)
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert os.listdir(tmp_path) == ["report.html"]


def test_what_is_warned_of_is_said_once(few: pd.DataFrame, tmp_path: Path) -> None:
    drift = shift(200)
    fixed = few.smlm.correct(drift)
    with pytest.warns(AlreadyCorrectedWarning) as caught:
        drift.smlm.report(fixed, tmp_path / "again.html")
    assert [warning.filename for warning in caught] == [__file__]
    assert "has been corrected before" in words((tmp_path / "again.html").read_text("utf-8"))
    later = few.assign(frame=few["frame"] + 50)
    with pytest.warns(OutsideEstimateWarning) as caught:
        drift.smlm.report(later, tmp_path / "later.html")
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.raises(OptionError, match="choose outside"):
        drift.smlm.report(later, tmp_path / "none.html", outside="error")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drift.smlm.report(later, tmp_path / "left.html", outside="nan")


# What cannot be shown.


@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_few_rows(n: int) -> None:
    rng = np.random.default_rng(n)
    table = pd.DataFrame({"frame": np.arange(n), "x": rng.normal(size=n), "y": rng.normal(size=n)})
    built = build_report(table, shift(n))
    text = words(built.html)
    assert "could not be computed" in text
    assert "improved this table" in text or "could not be judged" in text
    assert (built.verdict is None) == (n == 1)
    assert images(built.html) >= 2


@pytest.mark.parametrize(
    ("values", "n_located"),
    [([5.0] * 20, 20), ([np.nan] * 10 + [1.0] * 10, 10), ([1e9] + [0.0] * 19, 20)],
)
def test_odd_positions(values: Sequence[float], n_located: int) -> None:
    table = pd.DataFrame({"frame": range(20), "x": values, "y": values, "uncertainty": 5.0})
    text = words(build_report(table, shift(20)).html)
    assert ("without position" in text) == (n_located < 20)


def test_no_valid_chunk(few: pd.DataFrame) -> None:
    built = build_report(few, shift(200, np.full((2, 2), np.nan)), outside="hold", by="linear")
    text = words(built.html)
    assert "no chunk of this drift is valid" in text
    assert "nothing is corrected" in text
    assert images(built.html) == 10


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame({"frame": [], "x": [], "y": []}), "no rows"),
        (pd.DataFrame({"frame": [0, 1], "x": [np.nan] * 2, "y": [np.nan] * 2}), "coordinates"),
        (pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}), "frame numbers"),
    ],
)
def test_a_table_that_shows_nothing(table: pd.DataFrame, said: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=said):
        shift(10).smlm.report(table, tmp_path / "report.html")
    assert os.listdir(tmp_path) == []


def test_what_is_no_drift(few: pd.DataFrame, tmp_path: Path) -> None:
    path, drift = tmp_path / "report.html", shift(200)
    with pytest.raises(DriftError, match="not a float"):
        build_report(few, 3.0)  # type: ignore[arg-type]
    with pytest.raises(DriftError, match="does not hold drift"):
        xr.Dataset().smlm.report(few, path)
    with pytest.raises(OptionError, match="by='wrong'"):
        drift.smlm.report(few, path, by="wrong")
    with pytest.raises(OptionError, match="outside='wrong'"):
        drift.smlm.report(few, path, outside="wrong")
    assert os.listdir(tmp_path) == []

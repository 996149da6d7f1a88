"""Which formats there are, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor import io
from smlm_accessor.errors import OptionError, SmlmWarning
from smlm_accessor.io import registry
from smlm_accessor.io.containers.delimited import DelimitedText, text_format
from smlm_accessor.io.names import Names

PALM = text_format(
    DelimitedText(",", Names("{A}", "Plane", "sigma_{a}")),
    name="palm",
    title="PALM csv",
    recognises=lambda start: "Plane" in start.fields(","),
    suffixes=(".palm",),
)


class Point:
    """As `importlib.metadata.EntryPoint`."""

    def __init__(self, name: str, value: object) -> None:
        self.name, self.value, self.given = name, f"my_package:{name}", value

    def load(self) -> object:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Bring formats as an installed package does."""

    def install(*points: Point) -> None:
        monkeypatch.setattr(registry, "entry_points", lambda group: points)
        registry._brought.cache_clear()

    yield install
    registry._brought.cache_clear()


def test_a_format_of_another_package(bring: Callable[..., None], tmp_path: Path) -> None:
    bring(Point("palm", PALM))
    assert "palm" in io.format_names()
    assert io.format_names()[-2:] == ("tsv", "csv")  # which take any text
    table = pd.DataFrame({"x [nm]": [1.0, 2.0], "y [nm]": [3.0, 4.0], "frame": [0, 1]})
    table.smlm.write(tmp_path / "out.palm")
    assert (tmp_path / "out.palm").read_text().splitlines()[0] == "X,Y,Plane"
    columns = {"x": "X", "y": "Y", "frame": "Plane"}
    again = smlm_accessor.read(tmp_path / "out.palm", **columns)
    pd.testing.assert_frame_equal(again, table.set_axis(["X", "Y", "Plane"], axis=1))


def test_what_cannot_be_used_is_left_out(bring: Callable[..., None], tmp_path: Path) -> None:
    bring(
        Point("broken", ImportError("no module named x")),
        Point("odd", 3),
        Point("taken", replace(PALM, name="csv")),
    )
    with pytest.warns(SmlmWarning, match="my_package:(broken|odd)") as caught:
        known = io.format_names()
    assert len(caught) == 2
    assert len(set(known)) == len(known)
    assert registry.by_name("csv") is not PALM


def test_an_unknown_format_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(OptionError, match=r"format='magic'.*'picasso'"):
        registry.by_name("magic")


def test_each_format_is_written_under_suffixes_of_its_own() -> None:
    suffixes = [suffix for one in registry.all_formats() for suffix in one.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert registry.for_writing(Path("A.CSV")).name == "csv"
    picasso = registry.for_writing(Path("a.hdf5"))
    assert picasso.outputs(Path("a.hdf5")) == [Path("a.hdf5"), Path("a.yaml")]

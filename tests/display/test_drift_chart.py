from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smlm_accessor.display.drift_chart import curve_rows, drift_svg
from smlm_accessor.display.svg_chart import COLORS
from smlm_accessor.drift.curves import Curves, curves_of

MakeDrift = Callable[..., xr.Dataset]
NS = "{http://www.w3.org/2000/svg}"


def svg_of(drift: xr.Dataset) -> str:
    return drift_svg(drift, curves_of(drift))


def paths(svg: str, color: str, kind: str) -> list[list[np.ndarray]]:
    """The sub-paths of the lines or bands of a colour, each an array of points."""
    root = ElementTree.fromstring(svg)
    found = [p for p in root.iter(f"{NS}path") if p.get(kind) == color and p.get("class") != "dots"]
    drawn = [d for p in found if "V" not in (d := p.get("d") or "")]
    runs = [re.findall(r"M([^MZh]*)", d) for d in drawn]
    return [[np.array([q.split(",") for q in r.split()], float) for r in one] for one in runs]


def test_lines_lie_where_they_belong(make_drift: MakeDrift) -> None:
    offset = np.array([[0.0, 0], [-10, 0], [-5, 0]])
    ((line,),) = paths(svg_of(make_drift(3, offset=offset)), COLORS[0], "stroke")
    np.testing.assert_allclose(line[:, 0], 1000 * np.array([4.5, 14.5, 24.5]) / 30, atol=0.06)
    assert line[1, 1] < line[2, 1] < line[0, 1]  # up is up
    assert line[2, 1] == pytest.approx((line[0, 1] + line[1, 1]) / 2, abs=0.11)


def test_a_gap_where_drift_is_not_known_and_at_a_jump(make_drift: MakeDrift) -> None:
    segment = np.repeat([0, 1], [7, 3])
    drift = make_drift(10, invalid=(4,), segment=segment)
    svg = svg_of(drift)
    lines = paths(svg, COLORS[0], "stroke")
    assert [len(run) for line in lines for run in line] == [4, 2, 3]
    (jump,) = re.findall(r'class="jump"[^>]* d="M([\d.]*),', svg)
    assert float(jump) == 700
    (strip,) = re.findall(r'class="strip" x="([\d.]*)" y="975" width="([\d.]*)"', svg)
    assert strip == ("400", "100")


def test_a_band_of_one_standard_deviation(make_drift: MakeDrift) -> None:
    std = np.array([[1.0, 1], [2, 1], [1, 1]])
    drift = make_drift(3, offset=np.zeros((3, 2)), offset_std=std)
    svg = svg_of(drift)
    ((band,),) = paths(svg, COLORS[0], "fill")
    ((line,),) = paths(svg, COLORS[0], "stroke")
    below, above = band[:2:-1, 1] - line[:, 1], line[:, 1] - band[:3, 1]
    np.testing.assert_allclose(below, above, atol=0.11)
    assert below[1] == pytest.approx(2 * below[0], abs=0.3)
    assert paths(svg_of(make_drift(3, offset_std=None)), COLORS[0], "fill") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(float, st.tuples(st.integers(0, 400), st.integers(2, 3))),
    st.lists(st.integers(0, 400), max_size=3, unique=True).map(sorted),
)
@example(np.array([[5e-324, 0.0]]), [])
def test_any_drift_can_be_drawn(
    make_drift: MakeDrift, values: np.ndarray, jumps: list[int]
) -> None:
    values = np.where(np.abs(values) < 1e100, values, np.nan)
    n, d = values.shape
    drift = make_drift(1).isel(chunk=slice(0)) if n == 0 else make_drift(n, "xyz"[:d])
    curves = Curves(
        tuple("xyz"[:d]), 10.0 * np.arange(n), values, np.full((n, d), np.nan), np.array(jumps, int)
    )
    svg = drift_svg(drift, curves)
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg
    for color in COLORS[:3]:
        for run in (run for runs in paths(svg, color, "stroke") for run in runs):
            assert ((run >= -0.1) & (run <= 1000.1)).all()


def test_few_chunks_are_dots_many_are_a_line(make_drift: MakeDrift) -> None:
    assert 'class="dots"' in svg_of(make_drift(150))
    assert 'class="dots"' not in svg_of(make_drift(151))
    assert len(svg_of(make_drift(20_000, "xyz"))) < 15_000


def test_chunks_beside_a_curve(make_drift: MakeDrift) -> None:
    drift = make_drift(4)
    chunks = curves_of(drift)
    twice = Curves(chunks.names, chunks.frames, 2 * chunks.values, chunks.std, chunks.jumps)
    svg = drift_svg(drift, chunks, twice)
    ((line,),) = paths(svg, COLORS[0], "stroke")
    ((band,),) = paths(svg, COLORS[0], "fill")
    np.testing.assert_allclose(band[:4, 0], line[:, 0])
    np.testing.assert_allclose(band[:4, 1] + band[::-1][:4, 1], 2 * line[:, 1], atol=0.2)
    assert svg.count("V") == 2 * 4  # bars of chunks, in x and y
    unknown = Curves(twice.names, twice.frames, twice.values, twice.std * np.nan, twice.jumps)
    ((line,),) = paths(drift_svg(drift, chunks, unknown), COLORS[0], "stroke")
    ((band,),) = paths(drift_svg(drift, chunks, unknown), COLORS[0], "fill")
    middle = (band[:4, 1] + band[::-1][:4, 1]) / 2  # that of the chunks, half as far from zero
    assert np.ptp(line[:, 1]) == pytest.approx(2 * np.ptp(middle), rel=1e-3)


def test_the_drift_in_numbers(make_drift: MakeDrift) -> None:
    head, x, _ = curve_rows(curves_of(make_drift(invalid=(5,))), "nm")
    assert head == ["drift (nm)", "lowest", "highest", "range", "std, median", "std, largest"]
    assert x == ["x", "0", "4", "4", "0.18", "0.26"]
    nothing = curve_rows(curves_of(make_drift(3, invalid=(0, 1, 2))), None)
    assert nothing[1:] == [[name, *["unknown"] * 5] for name in "xy"]

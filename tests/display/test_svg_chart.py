"""Charts: lines where there are values, and round numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.display.svg_chart import COLORS, Chart, limits, number, ticks


def html_of(chart: Chart) -> str:
    return chart.html(says="a <chart>", x_name="x & y", y_name="<y>")


def svg_of(chart: Chart) -> str:
    return chart.svg(says="a <chart>", x_name="x & y", y_name="<y>", names=["<x>", "y"])


def luminance(color: str) -> float:
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("color", COLORS[:3])
@pytest.mark.parametrize("ground", ["#ffffff", "#111111", "#1e1e1e"])
def test_colours_show_on_light_and_dark(color: str, ground: str) -> None:
    high, low = sorted([luminance(color), luminance(ground)], reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2, for graphics


@pytest.mark.parametrize("text_of", [html_of, svg_of])
def test_a_line_is_interrupted_where_there_is_no_value(text_of: object) -> None:
    chart = Chart((0, 6), (0, 1))
    chart.line([0, 1.5, 2, 3, 6, 6], [0, 1, np.nan, 0, 0.5, np.nan], "red")
    chart.line([3, 3], [0.5, np.nan], "blue")
    assert callable(text_of)
    found = dict(re.findall(r' d="([^"]*)" stroke="(red|blue)"', text_of(chart)))
    assert found == {"M0,1000 250,0M500,1000 1000,500": "red", "M500,500h0": "blue"}


def test_a_band_is_interrupted_too_and_dots_are_left_out() -> None:
    chart = Chart((0, 2), (0, 1))
    values = np.array([0.5, np.nan, 0.5])
    chart.band([0, 1, 2], values - 0.1, values + 0.1, "red")
    chart.dots([0, 1, 2], values, "blue")
    chart.bars([0, 1, 2], values - 0.1, values + 0.1, "green")
    html = html_of(chart)
    (band,) = re.findall(r'class="band" [^>]*d="([^"]*)"', html)
    assert band == "M0,400 0,600ZM1000,400 1000,600Z"
    assert html.count("h0") == 2
    assert re.findall(r'd="(M0,600V400M1000,600V400)"', html)
    assert "nan" not in html


def test_of_many_values_every_peak_is_kept() -> None:
    values = np.zeros(50_000)
    values[12_345], values[40_000] = 100.0, -100.0
    chart = Chart((0, 50_000), (-100, 100), bins=80)
    chart.line(np.arange(50_000), values, "red")
    chart.band(np.arange(50_000), values - 1, values + 1, "red")
    assert len(html_of(chart)) < 8_000
    path = re.findall(r' d="M([^"]*)" stroke="red"', html_of(chart))[0]
    points = np.array([point.split(",") for point in path.split()], dtype=float)
    assert points[points[:, 1] == 0, 0] == pytest.approx(246.9, abs=0.1)
    assert points[points[:, 1] == 1000, 0] == pytest.approx(800)
    assert (np.diff(points[:, 0]) >= 0).all()


def test_names_are_escaped() -> None:
    chart = Chart((0, 1), (0, 1))
    chart.strip(0, 1, "<strip>")
    for text in (html_of(chart), svg_of(chart)):
        assert 'aria-label="a &lt;chart&gt;"' in text
        assert "x &amp; y" in text
        for name in ("<x>", "<y>", "<strip>"):
            assert name not in text
    ElementTree.fromstring(svg_of(chart))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_inside_and_are_evenly_spread(start: float, extent: float) -> None:
    found = [at for at, _ in ticks(start, start + extent)]
    assert 1 <= len(found) <= 7
    assert min(found) >= start - 1e-6 * extent
    assert max(found) <= start + extent * (1 + 1e-6)
    assert np.ptp(np.diff(found)) < 1e-6 * extent if len(found) > 2 else True


def test_limits() -> None:
    assert limits([np.nan]) == limits([0.0, 0.0]) == (-1, 1)
    assert limits([0.0, 10.0], [np.inf, 5.0]) == pytest.approx((-0.5, 10.5))
    assert limits([50.0, 50.0]) == pytest.approx((45, 55))


def test_numbers() -> None:
    assert [number(v) for v in (0.0, 1e7, -0.5, 12_345.0)] == ["0", "10,000,000", "−0.5", "12,345"]

"""Charts: lines where there are values, and round numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.assess import Assessment
from smlm_accessor.assess.sharpness import RingCorrelation
from smlm_accessor.report.chart import Chart, limits, number, ticks
from smlm_accessor.report.frc_chart import frc_chart


def drawn(chart: Chart) -> str:
    return chart.html(says="a <chart>", x_name="x & y", y_name="<y>")


def test_a_line_is_interrupted_where_there_is_no_value() -> None:
    chart = Chart((0, 4), (0, 1))
    chart.line([0, 1, 2, 3, 4], [0, 1, np.nan, 0, 0.5], "red")
    assert re.findall(r' d="([^"]*)" stroke="red"', drawn(chart)) == [
        "M0,1000 250,0 M750,1000 1000,500"
    ]


def test_a_band_is_interrupted_too_and_dots_are_left_out() -> None:
    chart = Chart((0, 2), (0, 1))
    values = np.array([0.5, np.nan, 0.5])
    chart.band([0, 1, 2], values - 0.1, values + 0.1, "red")
    chart.dots([0, 1, 2], values, "blue")
    chart.bars([0, 1, 2], values - 0.1, values + 0.1, "green")
    assert drawn(chart).count('class="band"') == 2
    assert drawn(chart).count("h0") == 2
    assert drawn(chart).count("V") == 2
    assert "nan" not in drawn(chart)


def test_names_are_escaped() -> None:
    html = drawn(Chart((0, 1), (0, 1)))
    assert 'aria-label="a &lt;chart&gt;"' in html
    assert "x &amp; y" in html
    assert "<y>" not in html


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_inside_and_are_evenly_spread(start: float, extent: float) -> None:
    found = [at for at, _ in ticks(start, start + extent)]
    assert 1 <= len(found) <= 7
    assert min(found) >= start - 1e-6 * extent
    assert max(found) <= start + extent * (1 + 1e-6)
    assert np.ptp(np.diff(found)) < 1e-6 * extent if len(found) > 2 else True


def test_limits() -> None:
    assert limits([np.nan], least=2.0) == pytest.approx((-1.12, 1.12))
    low, high = limits([0.0, 10.0], [np.inf, 5.0], least=1.0)
    assert low < 0 < 10 < high


def test_numbers() -> None:
    assert [number(v) for v in (0.0, 1e7, -0.5, 12_345.0)] == ["0", "10,000,000", "−0.5", "12,345"]


def rings(values: float) -> RingCorrelation:
    frequency = np.arange(1, 101) / 1000
    return RingCorrelation(frequency, np.full(100, values), np.linspace(1, 0, 100))


def test_ring_correlation_without_a_resolution() -> None:
    html = frc_chart(Assessment("no evidence", frc=rings(np.nan), frc_after=20.0))
    assert html is None
    html = frc_chart(Assessment("no evidence", frc=rings(0.0), frc_after=20.0, length_unit="um"))
    assert html is not None
    assert "before: no resolution found" in html
    assert "after: 20 µm" in html
    assert "nan" not in html
    assert frc_chart(Assessment("no evidence")) is None

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from smlm_accessor.display.svg import _BOTTOM, _LEFT, _RIGHT, _TOP, COLORS, trace_svg
from smlm_accessor.display.traces import Trace, dataset_trace
from smlm_accessor.plot.style import COLORS as FIGURES

MakeDrift = Callable[..., xr.Dataset]
NS = "{http://www.w3.org/2000/svg}"


def make_trace(values: np.ndarray, std: np.ndarray | None = None, **more: object) -> Trace:
    n, d = values.shape
    given = {
        "names": tuple("xyz"[:d]),
        "frames": np.arange(n) + 0.5,
        "values": values,
        "std": np.full((n, d), np.nan) if std is None else std,
        "ends": (0, n),
        "invalid": [],
        "jumps": [],
        "unit": "nm",
    }
    return Trace(**(given | more))  # type: ignore[arg-type]


def paths(svg: str, color: str, kind: str) -> list[list[np.ndarray]]:
    """The sub-paths of the lines or bands of a colour, each an array of points."""
    root = ElementTree.fromstring(svg)
    found = [p for p in root.iter(f"{NS}path") if p.get(kind) == color]
    runs = [re.findall(r"M([^MZh]*)", p.get("d") or "") for p in found]
    return [[np.array([q.split(",") for q in r.split()], float) for r in one] for one in runs]


def luminance(color: str) -> float:
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("ground", ["#ffffff", "#111111", "#1e1e1e"])
def test_colours_show_on_light_and_dark(color: str, ground: str) -> None:
    high, low = sorted([luminance(color), luminance(ground)], reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 3  # WCAG 2, for graphics


def test_colours_are_those_of_the_figures() -> None:
    assert FIGURES[:3] == COLORS


def test_points_lie_where_they_belong() -> None:
    values = np.array([[0.0], [10.0], [5.0]])
    (runs,) = paths(trace_svg(make_trace(values)), COLORS[0], "stroke")
    (line,) = runs
    np.testing.assert_allclose(
        line[:, 0], _LEFT + (_RIGHT - _LEFT) * np.array([0.5, 1.5, 2.5]) / 3, atol=0.06
    )
    assert line[1, 1] < line[2, 1] < line[0, 1]  # up is up
    assert line[2, 1] == pytest.approx((line[0, 1] + line[1, 1]) / 2, abs=0.11)


def test_a_gap_where_drift_is_not_known_and_at_a_jump() -> None:
    values = np.arange(10.0)[:, None]
    values[4] = np.nan
    (runs,) = paths(trace_svg(make_trace(values, jumps=[7])), COLORS[0], "stroke")
    assert [len(run) for run in runs] == [4, 2, 3]


def test_a_band_of_one_standard_deviation() -> None:
    values, std = np.zeros((3, 1)), np.array([[1.0], [2.0], [1.0]])
    svg = trace_svg(make_trace(values, std))
    ((band,),) = paths(svg, COLORS[0], "fill")
    ((line,),) = paths(svg, COLORS[0], "stroke")
    below, above = band[:3, 1] - line[:, 1], line[:, 1] - band[:2:-1, 1]
    np.testing.assert_allclose(below, above, atol=0.11)
    assert below[1] == pytest.approx(2 * below[0], abs=0.3)
    assert paths(trace_svg(make_trace(values)), COLORS[0], "fill") == []


def test_many_points_become_few_that_show_every_peak() -> None:
    values = np.zeros((50_000, 3))
    values[12_345, 1] = 100.0
    svg = trace_svg(make_trace(values, std=np.ones((50_000, 3))))
    assert len(svg) < 12_000
    ((line,),) = paths(svg, COLORS[1], "stroke")
    assert line[:, 1].min() < _TOP + 10
    assert np.sum(line[:, 1] < _BOTTOM - 70) == 1


@given(
    hnp.arrays(float, st.tuples(st.integers(0, 400), st.integers(2, 3))),
    st.lists(st.integers(0, 400), max_size=3, unique=True).map(sorted),
)
def test_any_drift_can_be_drawn(values: np.ndarray, jumps: list[int]) -> None:
    values = np.where(np.abs(values) < 1e100, values, np.nan)
    svg = trace_svg(make_trace(values, jumps=jumps, ends=(0, max(1, len(values)))))
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg
    for color in COLORS:
        for run in (run for runs in paths(svg, color, "stroke") for run in runs):
            assert ((run[:, 0] >= _LEFT - 0.1) & (run[:, 0] <= _RIGHT + 0.1)).all()
            assert ((run[:, 1] >= _TOP - 0.1) & (run[:, 1] <= _BOTTOM + 0.1)).all()


def test_names_are_escaped() -> None:
    svg = trace_svg(make_trace(np.zeros((2, 2)), unit="<nm>", names=("<x>", "y")))
    ElementTree.fromstring(svg)
    assert "<x>" not in svg


def test_few_chunks_are_dots_many_are_a_line(make_drift: MakeDrift) -> None:
    assert 'stroke-width="5"' in trace_svg(dataset_trace(make_drift(10)))
    assert 'stroke-width="5"' not in trace_svg(dataset_trace(make_drift(101)))

"""Curves in time that go through their points, do not swing, and go on straight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.interpolation import interpolate

KINDS = ("linear", "cubic")


@st.composite
def curves(draw: st.DrawFn, fewest: int = 1) -> tuple[FloatArray, FloatArray]:
    """Strictly increasing times and values of two components."""
    steps = draw(st.lists(st.floats(0.01, 1e4), min_size=fewest, max_size=12))
    times = draw(st.floats(-1e6, 1e6)) + np.cumsum(steps)
    value = st.one_of(st.floats(-1e5, 1e5), st.sampled_from([0.0, 1.0, -1.0]))
    return times, draw(arrays(np.float64, (len(times), 2), elements=value))


@pytest.mark.parametrize("kind", KINDS)
@given(curve=curves())
def test_goes_through_its_points(kind: str, curve: tuple[FloatArray, FloatArray]) -> None:
    times, values = curve
    result = interpolate(times, values, times, kind=kind)
    assert result.shape == values.shape
    np.testing.assert_allclose(result, values, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(curve=curves(fewest=2))
def test_stays_between_its_neighbours(kind: str, curve: tuple[FloatArray, FloatArray]) -> None:
    times, values = curve
    for k in range(len(times) - 1):
        at = np.linspace(times[k], times[k + 1], 23)
        at = at[(at >= times[k]) & (at <= times[k + 1])]
        inside = interpolate(times, values, at, kind=kind)
        low = np.minimum(values[k], values[k + 1])
        high = np.maximum(values[k], values[k + 1])
        slack = 1e-9 * np.maximum(1.0, np.abs(values).max())
        assert (inside >= low - slack).all()
        assert (inside <= high + slack).all()


@pytest.mark.parametrize("kind", KINDS)
@given(curve=curves(fewest=2))
def test_rises_where_its_points_rise(kind: str, curve: tuple[FloatArray, FloatArray]) -> None:
    times, values = curve
    values = np.sort(values, axis=0)
    at = np.linspace(times[0], times[-1], 300)
    slack = 1e-9 * max(1.0, float(np.abs(values).max()))
    assert (np.diff(interpolate(times, values, at, kind=kind), axis=0) >= -slack).all()


@pytest.mark.parametrize("kind", KINDS)
@given(times=curves(fewest=2), slope=st.floats(-1e3, 1e3), start=st.floats(-1e3, 1e3))
def test_a_straight_line_stays_one_everywhere(
    kind: str, times: tuple[FloatArray, FloatArray], slope: float, start: float
) -> None:
    t = times[0] - times[0][0]
    at = np.linspace(-0.5 * t[-1], 1.5 * t[-1], 51)
    result = interpolate(t, (start + slope * t)[:, None], at, kind=kind)[:, 0]
    size = abs(start) + abs(slope) * t[-1] + 1
    np.testing.assert_allclose(result, start + slope * at, rtol=0, atol=1e-9 * size)


@pytest.mark.parametrize("kind", KINDS)
def test_goes_on_through_the_last_two_points(kind: str) -> None:
    times, values = np.array([0.0, 1.0, 3.0]), np.array([[0.0], [5.0], [1.0]])
    result = interpolate(times, values, np.array([-2.0, 5.0]), kind=kind)
    np.testing.assert_allclose(result, [[-10.0], [-3.0]])


@pytest.mark.parametrize("kind", KINDS)
def test_goes_on_with_the_slopes_that_are_given(kind: str) -> None:
    times, values = np.array([0.0, 1.0, 3.0]), np.array([[0.0], [5.0], [1.0]])
    at, beyond = np.array([-2.0, 2.0, 5.0]), np.array([[3.0], [-4.0]])
    result = interpolate(times, values, at, kind=kind, beyond=beyond)
    assert result[[0, 2], 0].tolist() == [-6, -7]
    assert result[1] == interpolate(times, values, at, kind=kind)[1]
    one = interpolate(times[:1], values[:1], at, kind=kind, beyond=beyond)
    assert one[:, 0].tolist() == [-6, -8, -20]


def test_linear_is_linear() -> None:
    times, values = np.array([0.0, 1.0, 3.0]), np.array([[0.0, 1.0], [5.0, 1.0], [1.0, 2.0]])
    result = interpolate(times, values, np.array([0.5, 2.0]), kind="linear")
    np.testing.assert_allclose(result, [[2.5, 1.0], [3.0, 1.5]])


def test_cubic_is_smooth() -> None:
    times = np.array([0.0, 1.0, 1.5, 4.0])
    values = np.array([[0.0], [1.0], [3.0], [4.0]])
    step = 1e-6
    for knot in times[1:-1]:
        at = np.array([knot - step, knot, knot + step])
        left, right = np.diff(interpolate(times, values, at, kind="cubic")[:, 0]) / step
        assert left == pytest.approx(right, rel=1e-4)


def test_cubic_is_nearer_to_a_smooth_curve_than_linear() -> None:
    times = np.linspace(0, 2, 9)
    values = np.exp(times)[:, None]
    between = np.linspace(times[1], times[-2], 101)  # at the ends it is straight on purpose
    linear, cubic = (
        np.abs(interpolate(times, values, between, kind=kind)[:, 0] - np.exp(between)).max()
        for kind in KINDS
    )
    assert cubic < linear / 10


def test_cubic_turns_where_its_points_turn() -> None:
    times, values = np.arange(5.0), np.array([[0.0], [0.0], [1.0], [0.0], [0.0]])
    result = interpolate(times, values, np.linspace(0, 4, 401), kind="cubic")
    assert result.max() == 1.0
    assert result.min() == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_one_point_is_a_constant(kind: str) -> None:
    result = interpolate(np.array([5.0]), np.array([[1.0, 2.0]]), np.array([0.0, 9.0]), kind=kind)
    assert result.tolist() == [[1, 2], [1, 2]]
    result[0] = 0.0  # its own memory


@pytest.mark.parametrize("kind", KINDS)
def test_nowhere_to_evaluate(kind: str) -> None:
    result = interpolate(np.arange(3.0), np.ones((3, 2)), np.empty(0), kind=kind)
    assert result.shape == (0, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_components_do_not_mix_and_inputs_stay(kind: str) -> None:
    times, values = np.array([0.0, 1.0, 4.0, 5.0]), np.array([[0.0, 9], [3, 7], [2, 7], [8, 0]])
    at = np.array([-1.0, 0.3, 2.2, 6.0])
    for array in (times, values, at):
        array.setflags(write=False)
    both = interpolate(times, values, at, kind=kind)
    for j in range(2):
        alone = interpolate(times, values[:, j : j + 1], at, kind=kind)
        np.testing.assert_array_equal(both[:, j], alone[:, 0])

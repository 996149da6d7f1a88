from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

from smlm_accessor.drift import build
from smlm_accessor.drift.poses import to_matrices
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models import fit
from smlm_accessor.plot import plot_drift

MakeDrift = Callable[..., xr.Dataset]


@pytest.fixture
def make_drift() -> MakeDrift:
    def make(n: int = 6, components: str = "xy", **more: object) -> xr.Dataset:
        frame = 10.0 * np.arange(n) + 4.5
        d = len(components)
        wiggle = np.sin(np.arange(n))[:, None] * np.arange(1, d + 1)
        given = {
            "offset": -(np.arange(1, d + 1) * frame[:, None] / 10 + 0.2 * wiggle),
            "components": components,
            "frame": frame,
            "frame_start": 10 * np.arange(n),
            "frame_stop": 10 * np.arange(1, n + 1),
            "attrs": {"length_unit": "nm", "method": "made", "origin": "first_chunk"},
        }
        return build(**(given | more))

    return make


def bars(ax: Axes) -> dict[str, ErrorbarContainer]:
    return {c.get_label(): c for c in ax.containers if isinstance(c, ErrorbarContainer)}


def lines(ax: Axes, label: str) -> list[Line2D]:
    return [line for line in ax.lines if line.get_label() == label]


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_errors_open_no_figure(make_drift: MakeDrift) -> None:
    with pytest.raises(OptionError, match="quantity='speed' is not known; use 'drift' or"):
        plot_drift(make_drift(), quantity="speed")
    with pytest.raises(OptionError, match=r'component=.*"xx", "xy", "yx", "yy"'):
        plot_drift(make_drift(), quantity="matrix", component=["xx", "zz"])
    with pytest.raises(DriftError, match="does not hold drift"):
        plot_drift(xr.Dataset())
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("quantity", "sign"), [("drift", -1), ("offset", 1)])
def test_points_stand_at_the_mean_frames(quantity: str, sign: int, make_drift: MakeDrift) -> None:
    drift = make_drift(components="xyz")
    ax = plot_drift(drift, quantity=quantity)
    drawn = bars(ax)
    assert list(drawn) == ["x", "y", "z"]
    for name, bar in drawn.items():
        points, caps, _ = bar
        np.testing.assert_array_equal(points.get_xdata(), drift["frame"])
        expected = sign * drift["offset"].sel(component=name)
        np.testing.assert_allclose(points.get_ydata(), expected, rtol=1e-12)
        assert not caps
    assert ax.get_xlabel() == "Frame"
    assert ax.get_ylabel() == f"{quantity.capitalize()} (nm)"
    assert len({bar[0].get_color() for bar in drawn.values()}) == 3


def test_thin_lines_span_the_frames_of_each_chunk(make_drift: MakeDrift) -> None:
    drift = make_drift(n=3)
    ax = plot_drift(drift, component="y")
    (spans,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    ends = np.array([segment[:, 0] for segment in spans.get_segments()])
    np.testing.assert_array_equal(ends, [[0, 10], [10, 20], [20, 30]])
    assert legend(ax) == ["y"]


def test_drift_with_a_matrix_is_that_at_the_centre(make_drift: MakeDrift) -> None:
    matrix = np.tile([[1.01, 0.0], [0.0, 1.0]], (6, 1, 1))
    drift = make_drift(matrix=matrix, offset=np.zeros((6, 2)), center=[500.0, 0.0])
    points = bars(plot_drift(drift))["x"][0]
    np.testing.assert_allclose(points.get_ydata(), -5.0, rtol=1e-12)


def test_error_bars_where_there_are_standard_deviations(make_drift: MakeDrift) -> None:
    std = np.column_stack([np.full(6, 0.5), np.full(6, np.nan)])
    std[2, 0] = np.nan
    drift = make_drift(offset_std=std)
    drawn = bars(plot_drift(drift))
    assert not drawn["y"].has_yerr
    assert drawn["x"].has_yerr
    (barlines,) = drawn["x"][2]
    heights = [np.ptp(segment[:, 1]) for segment in barlines.get_segments() if len(segment)]
    finite = np.isfinite(heights)
    assert finite.sum() == 5
    np.testing.assert_allclose(np.array(heights)[finite], 1.0)


def test_offsets_at_a_far_origin_have_no_error_bars(make_drift: MakeDrift) -> None:
    matrix = np.tile([[1.01, 0.0], [0.0, 1.0]], (6, 1, 1))
    matrix[2] = np.nan
    valid = np.arange(6) != 2
    turns = make_drift(matrix=matrix, offset_std=np.full((6, 2), 0.5), valid=valid)
    assert bars(plot_drift(turns))["x"].has_yerr
    assert not bars(plot_drift(turns, quantity="offset"))["x"].has_yerr
    matrix[valid] = np.eye(2)
    shifts = make_drift(matrix=matrix, offset_std=np.full((6, 2), 0.5), valid=valid)
    assert bars(plot_drift(shifts, quantity="offset"))["x"].has_yerr


def test_matrix_entries_as_stored(make_drift: MakeDrift) -> None:
    matrix = np.eye(2) + np.arange(24).reshape(6, 2, 2) / 1000
    ax = plot_drift(make_drift(matrix=matrix), quantity="matrix")
    drawn = bars(ax)
    assert list(drawn) == ["xx", "xy", "yx", "yy"]
    np.testing.assert_array_equal(drawn["xy"][0].get_ydata(), matrix[:, 0, 1])
    np.testing.assert_array_equal(drawn["yx"][0].get_ydata(), matrix[:, 1, 0])
    assert ax.get_ylabel() == "Matrix entry"
    one = plot_drift(make_drift(matrix=matrix), quantity="matrix", component="yx")
    assert list(bars(one)) == ["yx"]
    # The same entry has the same colour alone as among others.
    assert bars(one)["yx"][0].get_color() == drawn["yx"][0].get_color()


def test_nine_entries_in_three_dimensions(make_drift: MakeDrift) -> None:
    ax = plot_drift(make_drift(components="xyz"), quantity="matrix")
    assert len({bar[0].get_color() for bar in bars(ax).values()}) == 9


@pytest.mark.parametrize("n", [6, 200])
def test_chunks_that_are_not_valid_are_marked(n: int, make_drift: MakeDrift) -> None:
    drift = make_drift(n=n)
    # As a method leaves them; and one with a value that is not to be trusted.
    drift["offset"][3] = np.nan
    drift["frame"][3] = np.nan
    drift["valid"][[2, 3, 5]] = False
    ax = plot_drift(drift)
    marks = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    assert marks == [(20, 40), (50, 60)]
    assert all(p.get_y() == 0 for p in ax.patches)
    assert legend(ax) == ["x", "y", "not registered"]
    (points,) = [line for line in ax.lines if len(line.get_xdata()) == n][:1]
    shown = np.isfinite(points.get_ydata())
    assert np.flatnonzero(~shown).tolist() == [2, 3, 5]


def test_a_drift_without_any_valid_chunk_is_drawn_too(make_drift: MakeDrift) -> None:
    ax = plot_drift(make_drift(offset=np.full((6, 2), np.nan)))
    assert [(p.get_x(), p.get_width()) for p in ax.patches] == [(0, 60)]
    ax.figure.canvas.draw()


def test_a_drift_for_every_frame_is_a_line(make_drift: MakeDrift) -> None:
    n = 33_000
    frame = np.arange(n)
    drift = make_drift(
        offset=np.column_stack([-0.001 * frame, 0.002 * frame]),
        frame=frame,
        frame_start=frame,
        frame_stop=frame + 1,
        offset_std=np.full((n, 2), 0.3),
    )
    ax = plot_drift(drift)
    assert not ax.containers
    (line,) = lines(ax, "x")
    assert line.get_marker() == "None"
    np.testing.assert_allclose(line.get_ydata(), 0.001 * frame, rtol=1e-12)
    assert len([c for c in ax.collections if isinstance(c, PolyCollection)]) == 2
    ax.figure.canvas.draw()


def test_the_model_is_drawn_on_top_with_its_band(make_drift: MakeDrift) -> None:
    drift = make_drift()
    model = fit(drift, offset="linear")
    ax = plot_drift(drift, model=model)
    frames = np.arange(60)
    (curve,) = lines(ax, "y")
    np.testing.assert_array_equal(curve.get_xdata(), frames)
    expected = model.drift(frames).sel(component="y").values
    np.testing.assert_allclose(curve.get_ydata(), expected, rtol=1e-12)
    assert curve.get_color() == bars(ax)["y"][0].get_color()
    bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
    assert len(bands) == 2
    std = model.eval(frames)["offset_std"].sel(component="y").values
    band = bands[1].get_paths()[0].vertices
    at_start = band[band[:, 0] == 0, 1]
    np.testing.assert_allclose(np.ptp(at_start), 2 * std[0], rtol=1e-9)
    assert legend(ax) == ["x", "y", "model"]


def test_the_model_of_offsets_and_of_matrices(make_drift: MakeDrift) -> None:
    rng = np.random.default_rng(0)
    matrix = np.eye(2) + rng.normal(0, 0.001, (6, 2, 2))
    drift = make_drift(matrix=matrix, center=[500.0, 300.0])
    model = fit(drift, offset="linear", matrix="constant")
    (offset,) = lines(plot_drift(drift, quantity="offset", model=model), "x")
    frames = offset.get_xdata()
    expected = model.eval(frames)["offset"].sel(component="x")
    np.testing.assert_allclose(offset.get_ydata(), expected, rtol=1e-12)
    ax = plot_drift(drift, quantity="matrix", component="xy", model=model)
    (entry,) = lines(ax, "xy")
    np.testing.assert_allclose(entry.get_ydata(), matrix[:, 0, 1].mean(), rtol=1e-6)
    assert not lines(ax, "xx")


@pytest.mark.parametrize("quantity", ["drift", "offset"])
def test_chunks_are_moved_to_the_zero_of_their_model(quantity: str, make_drift: MakeDrift) -> None:
    drift = make_drift()
    model = fit(drift, offset="linear", origin="first_frame")
    assert abs(model.shift[0]) > 0.1
    ax = plot_drift(drift, quantity=quantity, model=model)
    (curve,) = lines(ax, "x")
    assert curve.get_ydata()[0] == pytest.approx(0.0, abs=1e-12)
    points = bars(ax)["x"][0]
    residual = points.get_ydata() - np.interp(
        points.get_xdata(), curve.get_xdata(), curve.get_ydata()
    )
    # A linear fit weighted alike leaves residuals of zero mean.
    assert residual.mean() == pytest.approx(0.0, abs=1e-6)
    # Another drift, such as the truth, stays where it is.
    truth = make_drift(attrs={"length_unit": "nm", "method": "truth", "origin": "first_frame"})
    points = bars(plot_drift(truth, quantity=quantity, model=model))["x"][0]
    sign = -1 if quantity == "drift" else 1
    np.testing.assert_allclose(points.get_ydata(), sign * truth["offset"][:, 0], rtol=1e-12)


def test_a_long_drift_has_its_model_at_a_thousand_frames(make_drift: MakeDrift) -> None:
    drift = make_drift(n=500)
    model = fit(drift, offset="linear")
    data, curve = lines(plot_drift(drift, model=model), "x")
    assert len(data.get_xdata()) == 500
    assert len(curve.get_xdata()) == 1000
    assert (curve.get_xdata()[0], curve.get_xdata()[-1]) == (0, 4999)


def test_a_model_of_other_components(make_drift: MakeDrift) -> None:
    model = fit(make_drift(components="xyz"), offset="linear")
    with pytest.raises(OptionError, match=r"of x, y, z but the drift of x, y; .*transformations"):
        plot_drift(make_drift(), model=model)


def test_two_drifts_on_the_same_axes_share_a_legend(make_drift: MakeDrift) -> None:
    _, ax = plt.subplots()
    drift = make_drift()
    assert plot_drift(drift, model=fit(drift, offset="linear"), ax=ax) is ax
    plot_drift(make_drift(n=200), ax=ax)
    assert legend(ax) == ["x", "y", "model"]


def test_an_unknown_unit_leaves_no_brackets(make_drift: MakeDrift) -> None:
    assert plot_drift(make_drift(attrs={})).get_ylabel() == "Drift"


def test_inputs_are_not_touched(make_drift: MakeDrift) -> None:
    drift = make_drift(valid=[True, False, True, True, True, True])
    before = drift.copy(deep=True)
    plot_drift(drift, quantity="offset", model=fit(drift, offset="linear", origin="first_frame"))
    xr.testing.assert_identical(drift, before)


# Rotation and scale.


def turning(make_drift: MakeDrift, d: int = 2) -> xr.Dataset:
    rotation = np.zeros((6, 1 if d == 2 else 3))
    rotation[:, -1] = [0.0, 1e-3, 3e-3, 2e-3, 5e-3, 6e-3]
    matrix = to_matrices(rotation, -1e-4 * np.arange(6.0))
    return make_drift(matrix=matrix, offset=np.zeros((6, d)), components="xyz"[:d])


def test_rotation_is_in_mrad_and_scale_in_thousandths(make_drift: MakeDrift) -> None:
    drift = turning(make_drift)
    ax = plot_drift(drift, quantity="rotation")
    assert ax.get_ylabel() == "Rotation (mrad)"
    np.testing.assert_allclose(bars(ax)["rotation"][0].get_ydata(), [0, 1, 3, 2, 5, 6], atol=1e-12)
    ax = plot_drift(drift, quantity="scale")
    assert ax.get_ylabel() == "Log of scale (1/1000)"
    np.testing.assert_allclose(bars(ax)["scale"][0].get_ydata(), -0.1 * np.arange(6), atol=1e-12)


def test_rotation_about_each_axis(make_drift: MakeDrift) -> None:
    ax = plot_drift(turning(make_drift, 3), quantity="rotation")
    assert legend(ax) == ["x", "y", "z"]
    one = plot_drift(turning(make_drift, 3), quantity="rotation", component="z")
    np.testing.assert_allclose(bars(one)["z"][0].get_ydata(), [0, 1, 3, 2, 5, 6], atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("quantity", ["rotation", "scale"])
def test_models_of_rotation_and_scale_have_a_band(
    quantity: str, d: int, make_drift: MakeDrift
) -> None:
    drift = turning(make_drift, d)
    model = fit(drift, rotation="linear", scale="linear")
    component = "z" if (quantity, d) == ("rotation", 3) else None
    ax = plot_drift(drift, quantity=quantity, component=component, model=model)
    (curve,) = lines(ax, component or quantity)
    values = model.eval(curve.get_xdata())
    name = {"rotation": "rotation", "scale": "log_scale"}[quantity]
    expected = values[name] if component is None else values[name].sel(axis="z")
    np.testing.assert_allclose(curve.get_ydata(), 1000 * expected, atol=1e-12)
    assert len([c for c in ax.collections if isinstance(c, PolyCollection)]) == 1


def test_a_model_of_shifts_does_not_turn(make_drift: MakeDrift) -> None:
    drift = turning(make_drift)
    still = fit(make_drift(offset=np.zeros((6, 2))))
    ax = plot_drift(drift, quantity="rotation", model=still)
    (curve,) = lines(ax, "rotation")
    np.testing.assert_array_equal(curve.get_ydata(), 0)


def test_what_has_no_rotation_to_draw(make_drift: MakeDrift) -> None:
    drift = turning(make_drift)
    with pytest.raises(OptionError, match=r"entries of the matrix, not of its scale.*='matrix'"):
        plot_drift(drift, quantity="scale", model=fit(drift, matrix="linear"))
    drift["matrix"][2, 0, 1] = 0.5
    with pytest.raises(DriftError, match="chunk 2 is not a rotation with one scale"):
        plot_drift(drift, quantity="rotation")

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmfit
import numpy as np
import pytest
import xarray as xr

from smlm_accessor.drift import center_of, require_drift
from smlm_accessor.errors import OptionError, OutsideEstimateWarning
from smlm_accessor.models import DriftModel, Polynomial, fit

MakeDrift = Callable[..., xr.Dataset]
FRAMES = np.arange(0, 33_000, 500)


@pytest.fixture(scope="module")
def model(make_drift: MakeDrift) -> DriftModel:
    return fit(make_drift(), offset=["spline", "linear"])


@pytest.fixture(scope="module")
def turning(make_drift: MakeDrift) -> DriftModel:
    return fit(make_drift(d=3, angle=1e-4, center=1000.0), offset=["spline", "linear", "none"])


def test_eval_is_labelled(model: DriftModel, turning: DriftModel) -> None:
    values = model.eval([7, 3, 3])
    assert values.offset.dims == values.offset_std.dims == ("frame", "component")
    assert values.matrix.dims == ("frame", "component", "component_in")
    np.testing.assert_array_equal(values.frame, [7, 3, 3])
    assert values.frame.dtype.kind == "i"
    assert list(values.component_in.values) == ["x", "y"]
    assert values.offset.attrs["units"] == values.center.attrs["units"] == "nm"
    assert values.sizes == {"frame": 3, "component": 2, "component_in": 2}
    assert turning.eval([1]).sizes == {"frame": 1, "component": 3, "component_in": 3, "axis": 3}
    np.testing.assert_array_equal(turning.eval([1]).center, 1000)


def test_eval_drift_and_at_frames_agree(turning: DriftModel) -> None:
    values, plain = turning.eval(FRAMES), turning.at_frames(FRAMES)
    np.testing.assert_array_equal(values.offset, plain.offset)
    np.testing.assert_array_equal(values.matrix, plain.matrix)
    center = np.full(3, 1000.0)
    moved = values.matrix.values @ center + values.offset.values - center
    np.testing.assert_allclose(turning.drift(FRAMES).values, -moved, atol=1e-9)


def test_drift_is_labelled(model: DriftModel) -> None:
    drift = model.drift([7.5])
    assert drift.dims == ("frame", "component")
    assert drift.name == "drift"
    assert drift.attrs["units"] == "nm"
    assert drift.sel(component="x").item() == pytest.approx(0.002 * 7.5, abs=0.5)


def test_the_band_covers_the_truth(make_drift: MakeDrift) -> None:
    truth = np.outer(FRAMES, [-0.002, 0.001])
    normalised = []
    for seed in range(60):
        values = fit(make_drift(20, seed=seed), offset=["spline", "linear"]).eval(FRAMES)
        normalised.append((values.offset.values - truth) / values.offset_std.values)
    spread = np.std(normalised, axis=(0, 1))
    assert (spread > 0.8).all()
    assert (spread < 1.25).all()


def test_order_and_kind_of_frames_do_not_matter(model: DriftModel) -> None:
    expected = model.drift(FRAMES).values
    for frames in (FRAMES.astype(float), FRAMES.tolist(), xr.DataArray(FRAMES, dims="frame")):
        np.testing.assert_array_equal(model.drift(frames).values, expected)
    np.testing.assert_array_equal(model.drift(FRAMES[::-1]).values, expected[::-1])
    np.testing.assert_array_equal(model.drift(500).values, expected[1:2])
    assert model.eval([]).sizes["frame"] == 0


@pytest.mark.parametrize("frames", [["a"], [np.nan], [[1, 2]], [True], None])
def test_frames_must_be_numbers(model: DriftModel, frames: Any) -> None:
    with pytest.raises(OptionError, match="must be finite numbers, a single one or a list"):
        model.eval(frames)


# Outside the estimate.

BEYOND = np.array([-2000, 0, 32_999, 35_000, 99_000])


def test_hold_keeps_the_value_at_the_edge(turning: DriftModel) -> None:
    values = turning.eval(BEYOND)
    for name in ("offset", "matrix", "offset_std"):
        data = values[name].values
        np.testing.assert_array_equal(data[0], data[1])
        np.testing.assert_array_equal(data[[3, 4]], data[[2, 2]])


@pytest.mark.parametrize("offset", ["spline", "linear", Polynomial(7), "constant"])
def test_linear_goes_on_with_the_slope_at_the_edge(make_drift: MakeDrift, offset: Any) -> None:
    model = fit(make_drift(), offset=offset)
    inside = model.drift([0, 1, 32_998, 32_999]).values
    out = model.drift([-2000, -1000, 33_999, 34_999], outside="linear").values
    np.testing.assert_allclose(out[0] - out[1], out[1] - inside[0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(out[3] - out[2], out[2] - inside[3], rtol=1e-6, atol=1e-9)
    slope = (inside[[1, 3]] - inside[[0, 2]]) * 1000
    np.testing.assert_allclose(out[1] - inside[0], -slope[0], rtol=2e-3, atol=1e-9)
    np.testing.assert_allclose(out[2] - inside[3], slope[1], rtol=2e-3, atol=1e-9)
    std = model.eval([0, -2000, -20_000], outside="linear").offset_std.values
    assert (np.diff(std, axis=0) >= -1e-12).all()


def test_linear_continues_a_model_of_the_user(make_drift: MakeDrift) -> None:
    drift = make_drift(about=lambda f: np.column_stack([-40 * np.exp(-f / 8000)] * 2))
    model = fit(drift, offset=lmfit.models.ExponentialModel())
    out = model.eval([32_999, 42_999, 52_999], outside="linear").offset.values
    np.testing.assert_allclose(out[2] - out[1], out[1] - out[0], rtol=1e-6)
    assert (out[1] - out[0] != 0).all()


def test_splines_are_lines_from_the_last_chunk_on(make_drift: MakeDrift) -> None:
    drift = make_drift(about=lambda f: np.column_stack([20 * np.sin(f / 5000)] * 2))
    last = np.arange(float(drift.frame[-1]), 33_000, 100)
    bends = np.diff(fit(drift).drift(last).values, 2, axis=0)
    np.testing.assert_allclose(bends, 0, atol=1e-9)


def test_nan(turning: DriftModel) -> None:
    values = turning.eval(BEYOND, outside="nan")
    inside = np.array([False, True, True, False, False])
    for name in ("offset", "matrix", "offset_std"):
        finite = np.isfinite(values[name].values).reshape(5, -1)
        np.testing.assert_array_equal(finite, inside[:, None] & np.ones_like(finite))
    np.testing.assert_array_equal(
        np.isfinite(turning.drift(BEYOND, outside="nan")).all("component"), inside
    )


def test_nan_of_a_pure_shift_has_no_matrix_either(model: DriftModel) -> None:
    values = model.eval(BEYOND, outside="nan")
    np.testing.assert_array_equal(
        np.isnan(values.matrix).all(("component", "component_in")), [1, 0, 0, 1, 1]
    )


def test_error(model: DriftModel) -> None:
    model.eval([0, 32_999], outside="error")
    with pytest.raises(OptionError, match="3 frames, from -2000 to 99000, lie outside the frames"):
        model.eval(BEYOND, outside="error")


def test_at_frames_warns_if_not_told(model: DriftModel) -> None:
    with pytest.warns(OutsideEstimateWarning, match="3 frames, from -2000 to 99000"):
        held = model.at_frames(BEYOND)
    np.testing.assert_array_equal(held.offset, model.at_frames(BEYOND, outside="hold").offset)


def test_an_unknown_outside(model: DriftModel) -> None:
    with pytest.raises(OptionError, match="outside='free' is not known; use 'hold' or 'linear'"):
        model.drift([5], outside="free")


def test_chunks_that_are_not_valid_at_the_ends_are_outside(make_drift: MakeDrift) -> None:
    drift = make_drift()
    drift["valid"][[0, 9]] = False
    model = fit(drift)
    assert (model.frame_start, model.frame_stop) == (3300, 29_700)


# As a Dataset.


def test_to_dataset_has_a_chunk_for_each_frame(make_drift: MakeDrift) -> None:
    drift = make_drift(4, angle=1e-5, center=50.0).isel(chunk=[1, 2])
    model = fit(drift)
    dataset = model.to_dataset()
    require_drift(dataset)
    np.testing.assert_array_equal(dataset.frame, np.arange(8250, 24_750))
    np.testing.assert_array_equal(dataset.frame_stop - dataset.frame_start, 1)
    values = model.eval(dataset.frame.values)
    np.testing.assert_array_equal(dataset.offset, values.offset)
    np.testing.assert_array_equal(dataset.matrix, values.matrix)
    np.testing.assert_array_equal(center_of(dataset), 50)
    assert bool(dataset.valid.all())


def test_to_dataset_of_given_frames(model: DriftModel) -> None:
    np.testing.assert_array_equal(model.to_dataset([9, 3, 3.0]).frame_start, [3, 9])
    outside = model.to_dataset([5, 40_000], outside="nan")
    np.testing.assert_array_equal(outside.valid, [True, False])
    with pytest.raises(OptionError, match="must be whole numbers"):
        model.to_dataset([0.5])


def test_a_model_of_the_dataset_of_a_model_is_the_same(model: DriftModel) -> None:
    again = fit(model.to_dataset(FRAMES))
    np.testing.assert_allclose(again.drift(FRAMES), model.drift(FRAMES), atol=1e-6)


def test_models_a_drift_that_was_saved(make_drift: MakeDrift, tmp_path: Path) -> None:
    drift = make_drift(angle=1e-5, center=100.0)
    drift.to_netcdf(tmp_path / "drift.nc")
    with xr.open_dataset(tmp_path / "drift.nc") as loaded:
        model = fit(loaded)
    fresh = fit(drift)
    np.testing.assert_array_equal(model.drift(FRAMES), fresh.drift(FRAMES))
    assert model.attrs == fresh.attrs
    model.to_dataset([1, 2, 3]).to_netcdf(tmp_path / "model.nc")
    with xr.open_dataset(tmp_path / "model.nc") as again:
        require_drift(again)
        np.testing.assert_array_equal(again.offset, fresh.eval([1, 2, 3]).offset)


def test_attrs_are_plain(turning: DriftModel) -> None:
    attrs = turning.to_dataset([5]).attrs
    assert all(isinstance(value, str | int | float) for value in attrs.values())
    assert attrs["method"] == "icp"
    said = json.loads(attrs["model"])
    assert said["offset"] == {"x": "spline", "y": "linear", "z": "none"}
    assert said["rotation"] == {"x": "none", "y": "none", "z": "spline"}
    assert said["scale"] == "none"


# An object that does not change.


def test_cannot_be_changed(model: DriftModel) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.origin = "mean"  # type: ignore[misc]
    with pytest.raises(TypeError):
        model.offset["x"] = model.offset["y"]  # type: ignore[index]
    assert model.matrix is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_survives_copy_and_pickle(copied: Any, turning: DriftModel, model: DriftModel) -> None:
    for original in (turning, model):
        again = copied(original)
        assert again.eval(BEYOND, outside="linear").identical(
            original.eval(BEYOND, outside="linear")
        )
        assert repr(again) == repr(original)


def test_plot_asks_the_accessor_of_its_dataset(
    model: DriftModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    import smlm_accessor.accessors as accessors

    seen: dict[str, Any] = {}

    def plot(self: Any, **kwargs: Any) -> str:
        seen.update(kwargs)
        return "axes"

    monkeypatch.setattr(accessors.DriftAccessor, "plot", plot, raising=False)
    assert model.plot(quantity="offset") == "axes"
    assert seen == {"model": model, "quantity": "offset"}


def test_no_unit_is_no_unit(make_drift: MakeDrift) -> None:
    model = fit(make_drift(attrs={}))
    assert model.length_unit is None
    assert "units" not in model.eval([1]).offset.attrs
    assert "units" not in model.drift([1]).attrs
    assert model.origin == "first_chunk"

"""What the sample did: moved, turned and grew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import build, drift_of, is_shift_only, offset_about, offset_from_about
from smlm_accessor.drift.poses import pose, to_matrices
from smlm_accessor.errors import DriftError
from smlm_accessor.io import read_drift, write_drift
from smlm_accessor.models import fit
from smlm_accessor.simulate import simulate_drift
from tests.drift.datasets import drift_dataset

N = 6
MEANS = 10.0 * np.arange(N) + 4.5


def table_of(d: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    columns = {name: rng.uniform(0, 1e4, 500) for name in "xyz"[:d]}
    return pd.DataFrame(columns | {"frame": rng.integers(0, 50, 500)})


def chunks(rotation: Any, log_scale: Any = 0.0, **changes: Any) -> xr.Dataset:
    """Chunks of a sample that turned and grew about a far centre, which moved by 1 a chunk."""
    turned = np.asarray(rotation, float).reshape(N, -1)
    d = 2 if turned.shape[1] == 1 else 3
    matrix = to_matrices(turned, np.broadcast_to(log_scale, N).astype(float))
    center = np.full(d, 5e4)
    about = -np.arange(N)[:, None] * np.ones(d)
    fields: dict[str, Any] = {
        "matrix": matrix,
        "offset": offset_from_about(matrix, about, center),
        "components": "xyz"[:d],
        "frame": MEANS,
        "frame_start": MEANS - 4.5,
        "frame_stop": MEANS + 5.5,
        "center": center,
        "attrs": {"length_unit": "nm"},
    }
    return build(**fields | changes)


@pytest.mark.parametrize("d", [2, 3])
def test_the_sign_is_that_of_what_the_sample_did(d: int) -> None:
    _, drift = simulate_drift(
        table_of(d), velocity=3.0, rotation=1e-3, scale=-2e-4, return_drift=True
    )
    found, time = pose(drift), drift.frame.values - drift.frame.values[0]
    rotation = found.rotation if d == 2 else found.rotation.sel(axis="z")
    np.testing.assert_allclose(rotation, 1e-3 * time, atol=1e-14)
    np.testing.assert_allclose(found.log_scale, -2e-4 * time, atol=1e-14)
    np.testing.assert_allclose(found.drift, 3.0 * time[:, None] * np.ones(d), atol=1e-9)
    xr.testing.assert_allclose(found.drift, drift.smlm.drift(), atol=1e-9)


def test_a_point_goes_where_the_pose_says() -> None:
    before = pd.DataFrame({"x": [10.0, 12.0], "y": [20.0, 20.0], "frame": [0, 9]})
    terms = {"rotation": np.pi / 18, "scale": np.log(3) / 9, "rotation_center": (10, 20)}
    after, drift = simulate_drift(before, **terms, return_drift=True)
    last = pose(drift).isel(chunk=-1)
    assert float(last.rotation) == pytest.approx(np.pi / 2)
    assert float(last.log_scale) == pytest.approx(np.log(3))
    np.testing.assert_allclose(after.loc[1, ["x", "y"]].astype(float), [10.0, 26.0])


def test_it_is_labelled() -> None:
    flat, deep = pose(chunks(np.zeros(N))), pose(chunks(np.zeros((N, 3))))
    assert flat.rotation.dims == flat.rotation_std.dims == flat.log_scale.dims == ("chunk",)
    assert deep.rotation.dims == deep.rotation_std.dims == ("chunk", "axis")
    assert list(deep.axis.values) == ["x", "y", "z"]
    assert flat.rotation.attrs["units"] == flat.rotation_std.attrs["units"] == "rad"
    assert flat.drift.attrs["units"] == "nm"
    np.testing.assert_array_equal(flat.center, 5e4)
    for name in ("drift_std", "rotation_std", "log_scale_std"):
        assert np.isnan(flat[name]).all()


def test_angles_go_on_over_full_turns() -> None:
    turned = 2.5 * np.arange(N)
    np.testing.assert_allclose(pose(chunks(turned)).rotation, turned, atol=1e-12)
    about_an_axis = turned[:, None] * np.array([0.6, 0.0, 0.8])
    np.testing.assert_allclose(pose(chunks(about_an_axis)).rotation, about_an_axis, atol=1e-9)


def test_chunks_that_are_not_valid_are_unknown_and_passed_over() -> None:
    drift = chunks(2.5 * np.arange(N), valid=[1, 0, 1, 1, 0, 1])
    drift["matrix"][1] = np.nan
    drift["matrix"][4] = [[1.0, 5.0], [0.0, 1.0]]
    found = pose(drift)
    for name in ("rotation", "log_scale"):
        np.testing.assert_array_equal(np.isnan(found[name]), [0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(np.isnan(found.drift).any("component"), [0, 1, 0, 0, 1, 0])
    away = found.rotation.values[[0, 2, 3, 5]] - 2.5 * np.array([0, 2, 3, 5])
    np.testing.assert_allclose(away / (2 * np.pi), np.round(away / (2 * np.pi)), atol=1e-12)


@pytest.mark.parametrize("entries", [[[1.0, 0.01], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]]])
def test_a_matrix_that_is_no_rotation_is_named(entries: list[list[float]]) -> None:
    drift = chunks(np.zeros(N))
    drift["matrix"][3] = entries
    with pytest.raises(DriftError, match=r"chunk 3 is not a rotation with one scale.*matrix='spl"):
        pose(drift)


def test_not_a_drift() -> None:
    with pytest.raises(DriftError, match="does not hold drift"):
        pose(xr.Dataset())


def noisy(d: int, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 1e-4, (N, 1 if d == 2 else 3))
    return chunks(noise + 1e-3 * np.arange(N)[:, None], rng.normal(0, 1e-4, N))


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("end", [".nc", ".zarr"])
def test_a_model_keeps_its_standard_deviations_in_a_file(d: int, end: str, tmp_path: Path) -> None:
    model = fit(noisy(d))
    dataset, values = model.to_dataset([3, 30]), model.eval([3, 30])
    write_drift(dataset, tmp_path / f"drift{end}")
    again = read_drift(tmp_path / f"drift{end}")
    np.testing.assert_array_equal(again["matrix"], values["matrix"])
    found = pose(again)
    for name in ("rotation", "log_scale"):
        np.testing.assert_allclose(found[name].values, values[name].values, atol=1e-14)
        np.testing.assert_array_equal(found[f"{name}_std"].values, values[f"{name}_std"].values)
        assert (found[f"{name}_std"] > 0).all()


def test_the_plane_of_three_axes_turns_about_z() -> None:
    dataset = fit(chunks(np.outer(np.arange(N), [0, 0, 1e-3]))).to_dataset([3, 30])
    flat = pose(dataset.sel(component=["x", "y"], component_in=["x", "y"]))
    np.testing.assert_allclose(flat.rotation, pose(dataset).rotation.sel(axis="z"), atol=1e-14)
    assert np.isnan(flat.rotation_std).all()


def test_the_dataset_is_not_changed() -> None:
    drift: xr.Dataset = noisy(3)
    before: xr.Dataset = drift.copy(deep=True)
    turned: FloatArray = pose(drift).rotation.values
    turned[:] = 9
    assert drift.identical(before)


# About a point.


@st.composite
def affine(draw: st.DrawFn) -> tuple[FloatArray, FloatArray, FloatArray]:
    d = draw(st.sampled_from([2, 3]))
    element = st.floats(-2, 2)
    matrix = np.eye(d) + 0.1 * draw(arrays(np.float64, (4, d, d), elements=element))
    offset = draw(arrays(np.float64, (4, d), elements=st.floats(-1e3, 1e3)))
    center = draw(arrays(np.float64, d, elements=st.floats(-1e6, 1e6)))
    return matrix, offset, center


@given(affine())
def test_offset_about_is_the_same_transformation(
    parts: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    matrix, offset, center = parts
    position = center + np.arange(len(center)) + 1.0
    about = offset_about(matrix, offset, center)
    np.testing.assert_allclose(
        matrix @ (position - center) + center + about, matrix @ position + offset, atol=1e-7
    )


@given(affine())
def test_offset_from_about_undoes_offset_about(
    parts: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    matrix, offset, center = parts
    back = offset_from_about(matrix, offset_about(matrix, offset, center), center)
    np.testing.assert_allclose(back, offset, rtol=0, atol=1e-8)


@given(affine())
def test_a_shift_is_the_same_about_every_point(
    parts: tuple[FloatArray, FloatArray, FloatArray],
) -> None:
    _, offset, center = parts
    matrix = np.broadcast_to(np.eye(len(center)), (4, len(center), len(center)))
    np.testing.assert_array_equal(offset_about(matrix, offset, center), offset)


def test_drift_is_what_the_sample_did_at_the_center() -> None:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    center = np.array([10.0, 20.0])
    shift = np.array([3.0, 4.0])  # corrected = turned about the center, then shifted
    drift = build(
        matrix=[np.eye(2), turn],
        offset=[[0.0, 0.0], center + shift - turn @ center],
        components="xy",
        frame=[0, 1],
        frame_start=[0, 1],
        frame_stop=[1, 2],
        center=center,
        attrs={"length_unit": "nm"},
    )
    moved = drift_of(drift)
    np.testing.assert_allclose(moved.values, [[0, 0], [-3, -4]], atol=1e-12)
    assert not np.signbit(moved.values[0]).any()  # 0, not -0
    assert moved.name == "drift"
    assert moved.dims == ("chunk", "component")
    assert moved.attrs["units"] == "nm"
    assert not is_shift_only(drift)


def test_is_shift_only_looks_at_valid_chunks() -> None:
    matrix = np.array([np.eye(2), np.full((2, 2), np.nan), np.eye(2)])
    assert is_shift_only(drift_dataset("xy", matrix=matrix))

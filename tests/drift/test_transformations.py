"""The Dataset of transformations: built, checked, written to files and read back."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlm_accessor import __version__
from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import transformations
from smlm_accessor.drift.transformations import build, check, offset_about, offset_from_about
from smlm_accessor.errors import DriftError
from smlm_accessor.table import attributes


def drift_dataset(components: str = "xyz", **changes: Any) -> xr.Dataset:
    """Three chunks, the middle one not valid, with everything there can be."""
    d = len(components)
    rng = np.random.default_rng(3)
    offset = rng.normal(size=(3, d))
    matrix = np.eye(d) + 0.01 * rng.normal(size=(3, d, d))
    offset[1], matrix[1] = np.nan, np.nan
    fields: dict[str, Any] = {
        "offset": offset,
        "matrix": matrix,
        "offset_std": np.where(np.isnan(offset), np.nan, 0.5),
        "n_localizations": [10, 0, 12],
        "valid": [True, False, True],
        "quality": [1.0, np.nan, 0.5],
        "frame": [4.5, 14.5, 24.0],
        "frame_start": [0, 10, 20],
        "frame_stop": [10, 20, 31],
        "center": np.arange(d) * 100.0,
        "components": components,
        "attrs": {
            "method": "icp",
            "target": "first",
            "length_unit": "nm",
            "parameters": {"n_chunks": 3, "max_distance": 0.1, "names": ["a", "b"]},
        },
    }
    return build(**{**fields, **changes})


def test_build_keeps_what_it_is_given() -> None:
    drift = drift_dataset("xy")
    check(drift)
    assert dict(drift.sizes) == {"chunk": 3, "component": 2, "component_in": 2}
    assert drift["component"].values.tolist() == ["x", "y"]
    assert drift["n_localizations"].values.tolist() == [10, 0, 12]
    assert drift["frame"].values.tolist() == [4.5, 14.5, 24.0]
    assert drift["valid"].dtype == bool
    assert drift["frame_stop"].dtype == np.int64
    assert drift["center"].values.tolist() == [0, 100]
    assert drift["offset"].attrs["units"] == "nm"
    assert "corrected" in drift["matrix"].attrs["long_name"]
    assert drift.sel(chunk=2, component="y")["offset_std"].item() == 0.5


def test_build_fills_in_what_is_not_given() -> None:
    drift = build(
        offset=[[0, 0], [np.nan, 1]],
        components="xy",
        frame=[0, 1],
        frame_start=[0, 1],
        frame_stop=[1, 2],
    )
    check(drift)
    assert drift["valid"].values.tolist() == [True, False]
    assert np.isnan(drift["offset_std"]).all()
    assert np.isnan(drift["quality"]).all()
    assert drift["n_localizations"].values.tolist() == [0, 0]
    assert transformations.center(drift).tolist() == [0, 0]
    np.testing.assert_array_equal(drift["matrix"].values, [np.eye(2)] * 2)
    assert transformations.is_shift_only(drift)


def test_build_does_not_keep_hold_of_its_inputs() -> None:
    offset, frame = np.zeros((2, 2)), np.array([0.0, 1.0])
    drift = build(
        offset=offset, components="xy", frame=frame, frame_start=[0, 1], frame_stop=[1, 2]
    )
    offset[:], frame[:] = 9, 9
    assert not drift["offset"].any()
    assert drift["frame"].values.tolist() == [0, 1]
    drift["matrix"][0, 0, 0] = 2.0  # and it can be written
    assert drift["matrix"].values[1, 0, 0] == 1.0


def test_attrs_are_strings_and_numbers() -> None:
    drift = drift_dataset(
        attrs={
            "method": "icp",
            "length_unit": None,
            "count": np.int64(5),
            "factor": np.float32(0.5),
            "flag": True,
            "parameters": {"array": np.arange(3), "max": np.float64(0.1), "f": np.sum, "n": None},
        }
    )
    assert all(type(v) in (str, int, float) for v in drift.attrs.values()), drift.attrs
    assert "length_unit" not in drift.attrs
    assert drift.attrs["count"] == 5
    assert drift.attrs["factor"] == 0.5
    assert drift.attrs["package_version"] == __version__
    assert drift.attrs["schema_version"] == attributes.SCHEMA_VERSION
    assert attributes.parameters(drift) == {"array": [0, 1, 2], "max": 0.1, "f": "sum", "n": None}
    assert attributes.parameters(xr.Dataset()) == {}


# Files.


def through_netcdf(engine: str) -> Callable[[xr.Dataset, Path], xr.Dataset]:
    def go(drift: xr.Dataset, folder: Path) -> xr.Dataset:
        needs = {"netcdf4": "netCDF4", "h5netcdf": "h5py", "scipy": "scipy"}
        pytest.importorskip(needs[engine])
        drift.to_netcdf(folder / "drift.nc", engine=engine)
        return xr.load_dataset(folder / "drift.nc", engine=engine)

    return go


def through_zarr(drift: xr.Dataset, folder: Path) -> xr.Dataset:
    pytest.importorskip("zarr")
    drift.to_zarr(folder / "drift.zarr", consolidated=False)
    return xr.open_zarr(folder / "drift.zarr", consolidated=False)


ROUND_TRIPS: dict[str, Callable[[xr.Dataset, Path], xr.Dataset]] = {
    "netCDF 3": through_netcdf("scipy"),
    "netCDF 4": through_netcdf("netcdf4"),
    "h5netcdf": through_netcdf("h5netcdf"),
    "zarr": through_zarr,
    "pickle": lambda drift, folder: pickle.loads(pickle.dumps(drift)),
}


# Older versions of zarr have no specification for text.
@pytest.mark.filterwarnings("ignore:The (codec|dtype) .* is currently not part:UserWarning")
@pytest.mark.parametrize("kind", ROUND_TRIPS)
@pytest.mark.parametrize("components", ["xy", "xyz"])
def test_round_trip(kind: str, components: str, tmp_path: Path) -> None:
    drift = drift_dataset(components)
    back = ROUND_TRIPS[kind](drift, tmp_path)
    check(back)
    xr.testing.assert_identical(back, drift)
    assert set(back.coords) == set(drift.coords)
    assert back["valid"].values.tolist() == [True, False, True]
    assert attributes.parameters(back) == attributes.parameters(drift)
    assert transformations.components(back) == tuple(components)


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
    moved = transformations.drift(drift)
    np.testing.assert_allclose(moved.values, [[0, 0], [-3, -4]], atol=1e-12)
    assert not np.signbit(moved.values[0]).any()  # 0, not -0
    assert moved.name == "drift"
    assert moved.dims == ("chunk", "component")
    assert moved.attrs["units"] == "nm"
    assert not transformations.is_shift_only(drift)


def test_is_shift_only_looks_at_valid_chunks() -> None:
    matrix = np.array([np.eye(2), np.full((2, 2), np.nan), np.eye(2)])
    assert transformations.is_shift_only(drift_dataset("xy", matrix=matrix))


# The check.


def test_a_sound_dataset_passes() -> None:
    check(drift_dataset("xy"))
    check(drift_dataset("xyz"))
    check(drift_dataset().isel(chunk=[0, 2]))
    without = drift_dataset().drop_vars("center")
    check(without)
    assert transformations.center(without).tolist() == [0, 0, 0]


def test_all_that_is_missing_is_said_at_once() -> None:
    drift = drift_dataset().drop_vars(["matrix", "quality", "frame_start"])
    drift["offset"] = drift["offset"].transpose()
    with pytest.raises(DriftError) as error:
        check(drift)
    message = str(error.value)
    for part in ("'matrix' is missing", "'quality' is missing", "'frame_start' is missing"):
        assert part in message
    assert "'offset' has dims ('component', 'chunk')" in message
    assert "table.smlm.drift" in message


def test_all_wrong_values_are_said_at_once() -> None:
    drift = drift_dataset(
        frame_start=[0, 5, 20],
        frame_stop=[10, 20, 15],
        valid=[True, True, True],
        offset_std=-1.0,
        attrs={},
    )
    drift.attrs["schema_version"] = 99
    drift["component_in"] = ["a", "b", "c"]
    with pytest.raises(DriftError) as error:
        check(drift)
    message = str(error.value)
    for part in (
        "schema_version is 99",
        "component_in differs",
        "chunk 2 ends before it starts",
        "chunk 1 overlaps",
        "chunk 1 is valid but has no finite offset",
        "offset_std has negative",
    ):
        assert part in message


@pytest.mark.parametrize("frame", [[14.5, 4.5, 24.0], [4.5, 14.5, 31.0], [-1.0, 14.5, 24.0]])
def test_a_mean_frame_outside_its_chunk_is_wrong(frame: list[float]) -> None:
    with pytest.raises(DriftError, match="is not one of its frames"):
        check(drift_dataset(frame=frame))


@pytest.mark.parametrize("components", ["yx", "xz", "zyx", "ab"])
def test_components_in_another_order_are_wrong(components: str) -> None:
    with pytest.raises(DriftError, match="must be x, y or x, y, z in this order"):
        check(drift_dataset(components))


def test_chunks_in_another_order_are_wrong() -> None:
    with pytest.raises(DriftError, match="overlaps the one before it"):
        check(drift_dataset().isel(chunk=[2, 1, 0]))


@pytest.mark.parametrize("variable", ["offset", "matrix", "frame"])
def test_a_valid_chunk_without_numbers_is_wrong(variable: str) -> None:
    drift = drift_dataset()
    drift[variable] = drift[variable].copy(data=np.full(drift[variable].shape, np.nan))
    with pytest.raises(DriftError, match="chunk 0 is valid but has no finite"):
        check(drift)

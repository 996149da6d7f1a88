"""The Dataset of transformations: built, written to files and read back."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smlm_accessor import __version__
from smlm_accessor.drift import (
    build,
    center_of,
    components_of,
    is_shift_only,
    require_drift,
)
from smlm_accessor.table import attributes
from tests.drift.datasets import drift_dataset


def test_build_keeps_what_it_is_given() -> None:
    drift = drift_dataset("xy")
    require_drift(drift)
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
    require_drift(drift)
    assert drift["valid"].values.tolist() == [True, False]
    assert np.isnan(drift["offset_std"]).all()
    assert np.isnan(drift["quality"]).all()
    assert drift["n_localizations"].values.tolist() == [0, 0]
    assert center_of(drift).tolist() == [0, 0]
    np.testing.assert_array_equal(drift["matrix"].values, [np.eye(2)] * 2)
    assert is_shift_only(drift)


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
    require_drift(back)
    xr.testing.assert_identical(back, drift)
    assert set(back.coords) == set(drift.coords)
    assert back["valid"].values.tolist() == [True, False, True]
    assert attributes.parameters(back) == attributes.parameters(drift)
    assert components_of(back) == tuple(components)

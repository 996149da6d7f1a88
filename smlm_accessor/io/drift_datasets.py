"""Drift as netCDF and zarr: all of the Dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from smlm_accessor.drift.times import counted
from smlm_accessor.errors import FileError
from smlm_accessor.io.containers import hdf5 as _hdf5
from smlm_accessor.io.file_start import FileStart
from smlm_accessor.io.limits import require_room

if TYPE_CHECKING:
    from smlm_accessor.models import DriftModel


def as_dataset(drift: xr.Dataset | DriftModel) -> xr.Dataset:
    """Return the Dataset of a drift or a model, by counts. Raises `DriftError` if it is neither."""
    from smlm_accessor.models import DriftModel, require_drift_or_model

    dataset = require_drift_or_model(drift, "smlm_accessor.io.write_drift(drift, path)")
    return counted(drift.to_dataset()) if isinstance(drift, DriftModel) else dataset


def read_netcdf(start: FileStart) -> xr.Dataset:
    """Return a Dataset that was saved as netCDF 3 or 4."""
    engine = "scipy"
    if start.is_hdf5:
        _hdf5.require_sound(start.path)
        engine = "h5netcdf"
    with xr.open_dataset(start.path, engine=engine) as dataset:
        require_room(start.path, dataset.nbytes, len(dataset.variables))
        return dataset.load()


def write_netcdf(dataset: xr.Dataset, path: Path) -> None:
    """Write netCDF, by whichever of its libraries is installed.

    Raises `FileError` if the Dataset does not fit into the one format that needs no more libraries.
    """
    try:
        dataset.to_netcdf(path)
    except ValueError as error:
        raise FileError(
            f"the drift cannot be saved as netCDF 3 ({error}); pip install h5netcdf h5py"
        ) from error


def read_zarr(folder: Path) -> xr.Dataset:
    """Return a Dataset that was saved as zarr."""
    _require_zarr(folder)
    with xr.open_dataset(folder, engine="zarr", chunks=None, consolidated=False) as dataset:
        require_room(folder, dataset.nbytes, len(dataset.variables))
        return dataset.load()


def write_zarr(dataset: xr.Dataset, folder: Path) -> None:
    """Write a zarr store, a folder."""
    _require_zarr(folder)
    dataset.to_zarr(folder, mode="w", consolidated=False)


def _require_zarr(path: Path) -> None:
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise FileError(f'{path} needs zarr: pip install "zarr>=3.1.1"') from error


WRITERS = {"netcdf": write_netcdf, "zarr": write_zarr}

"""Tables of other libraries come in, and what this package gives goes out, where they are there."""

from __future__ import annotations

from pathlib import Path

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr

import smlm_accessor


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    still = smlm_accessor.simulate_thomas(cluster_mu=30, seed=1)
    return still.smlm.simulate_drift(velocity=(0.05, 0.02))


@pytest.fixture(scope="module")
def drift(table: pd.DataFrame) -> xr.Dataset:
    return table.smlm.drift(method="cc", n_chunks=4)


def test_tables_of_arrow_keep_their_types(table: pd.DataFrame, drift: xr.Dataset) -> None:
    arrow = pa.Table.from_pandas(table).to_pandas(types_mapper=pd.ArrowDtype)
    xr.testing.assert_allclose(arrow.smlm.drift(method="cc", n_chunks=4), drift)
    fixed = arrow.smlm.correct(drift, outside="hold")
    assert fixed.dtypes.tolist() == arrow.dtypes.tolist()
    wanted = table.smlm.correct(drift, outside="hold")
    np.testing.assert_allclose(fixed["position_x"].to_numpy(float), wanted["position_x"])
    assert pa.Table.from_pandas(fixed).num_rows == len(table)


def test_tables_of_polars_go_through_arrow(table: pd.DataFrame, drift: xr.Dataset) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(table)
    there = frame.to_arrow().to_pandas()
    fixed = there.smlm.correct(drift, outside="hold")
    back = polars.from_pandas(fixed)
    assert back.columns == frame.columns
    wanted = table.smlm.correct(drift, outside="hold")
    np.testing.assert_allclose(back["position_y"].to_numpy(), wanted["position_y"])


def test_plain_xarray_reads_a_drift(drift: xr.Dataset, tmp_path: Path) -> None:
    smlm_accessor.write_drift(drift, tmp_path / "drift.nc")
    read = xr.load_dataset(tmp_path / "drift.nc")
    xr.testing.assert_identical(read, drift)


def test_the_accessor_of_spatialdata_stays_beside_ours(
    table: pd.DataFrame, drift: xr.Dataset
) -> None:
    pytest.importorskip("spatialdata")
    many = dd.from_pandas(table, npartitions=2)
    many.attrs.update(transform="kept")  # spatialdata gives dask DataFrames attrs of their own
    fixed = many.smlm.correct(drift, outside="hold")
    wanted = table.smlm.correct(drift, outside="hold")
    np.testing.assert_allclose(fixed.compute()["position_x"], wanted["position_x"])
    assert many.attrs["transform"] == "kept"


def test_napari_storm_opens_a_corrected_table(
    table: pd.DataFrame, drift: xr.Dataset, tmp_path: Path
) -> None:
    storm = pytest.importorskip("napari_storm.localization_dataset_types.storm_class")
    precise = smlm_accessor.set_columns(
        table.assign(lpx=10.0, lpy=10.0).rename(columns={"position_x": "x", "position_y": "y"}),
        unit="nm",
        pixel_size=130,
    )
    fixed = precise.smlm.correct(drift, outside="hold")
    fixed.smlm.write(tmp_path / "fixed.hdf5")
    opened = storm.StormDataClass().load_hdf5(str(tmp_path / "fixed.hdf5"), "fixed")
    assert opened.pixelsize_nm == 130
    np.testing.assert_allclose(130 * opened.locs_all["x_pos_pixels"], fixed["x"], rtol=1e-5)

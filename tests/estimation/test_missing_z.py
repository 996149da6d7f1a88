"""Localizations without z: x and y as without the column, z from the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.errors import SmlmWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.estimation.missing_z import as_judged, parted
from smlm_accessor.models import at_frames
from smlm_accessor.table.columns import set_columns

DRIFT = np.array([100.0, -60.0, 80.0])
N_FRAMES = 3000


def scene(missing: float, n: int = 12_000) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = np.sort(rng.integers(N_FRAMES, size=n))
    sites = rng.uniform(0, 6000, (200, 3)) * [1, 1, 0.1]
    xyz = sites[rng.integers(200, size=n)] + rng.normal(0, [10, 10, 25], (n, 3))
    xyz += np.outer(frame / N_FRAMES, DRIFT)
    table = pd.DataFrame(xyz, columns=["x [nm]", "y [nm]", "z [nm]"]).assign(frame=frame)
    table.loc[rng.random(n) < missing, "z [nm]"] = np.nan
    return table


@pytest.mark.parametrize("method", ["overlap", "aim"])
def test_all_rows_count_for_x_and_y_and_the_others_for_z(method: str) -> None:
    table = scene(0.5)
    missing = int(table["z [nm]"].isna().sum())
    with pytest.warns(SmlmWarning, match=f"{missing} of 12000 localizations have no z.*z is that"):
        drift = estimate_drift(table, method=method)
    alone = estimate_drift(table.drop(columns="z [nm]"), method=method)
    assert int(drift["n_localizations"].sum()) == 12_000
    np.testing.assert_array_equal(drift["offset"][:, :2], alone["offset"])
    np.testing.assert_array_equal(drift["offset_std"][:, :2], alone["offset_std"])
    frames = np.arange(N_FRAMES)
    error = at_frames(drift, frames, outside="hold").offset + np.outer(frames / N_FRAMES, DRIFT)
    assert (error.std(axis=0) < [0.5, 0.5, 2.5]).all()
    assert (drift["offset_std"][:, 2] > 0).all()


@pytest.mark.parametrize(("missing", "why"), [(0.999, "not corrected"), (1, "no localization")])
def test_too_few_with_z(missing: float, why: str) -> None:
    table = scene(missing)
    with pytest.warns(SmlmWarning, match=why):
        drift = estimate_drift(table, method="aim")
    assert drift["component"].values.tolist() == ["x", "y"]
    fixed = table.smlm.correct(drift)
    assert fixed["z [nm]"].equals(table["z [nm]"])
    assert not fixed["x [nm]"].equals(table["x [nm]"])


def test_what_is_judged() -> None:
    table = scene(1)
    with pytest.warns(SmlmWarning, match="no localization"):
        drift = estimate_drift(table, method="aim")
    assert drift.smlm.assess(table).verdict == "improved"
    half = scene(0.5)
    assert as_judged(half, drift).smlm.columns.components == ("x", "y")
    whole = half.dropna()
    assert as_judged(whole, drift) is whole


def test_what_is_parted() -> None:
    table = scene(0.5)
    parts = parted(table)
    assert parts is not None
    assert len(parts.with_z) == 12_000 - parts.n_missing
    assert parts.flat.smlm.columns.components == ("x", "y")
    assert parted(table.dropna()) is None
    assert parted(set_columns(table, z=None)) is None
    assert parted(table.assign(**{"x [nm]": np.nan})) is None


METHODS = {
    "overlap": {},
    "aim": {},
    "rcc": {},
    "cc": {"n_chunks": 12},
    "icp": {"n_chunks": 6},
}


def said_of(table: Any, method: str, **options: Any) -> tuple[xr.Dataset, str]:
    with pytest.warns(SmlmWarning) as caught:
        drift = estimate_drift(table, method=method, **options)
    return drift, "; ".join(str(warning.message) for warning in caught)


@pytest.mark.parametrize("method", METHODS)
def test_partitions_of_dask_are_as_the_table_in_memory(method: str) -> None:
    table = scene(0.5)
    lazy = dd.from_pandas(table, npartitions=3)
    drift, said = said_of(lazy, method, **METHODS[method])
    same, also_said = said_of(table, method, **METHODS[method])
    assert said == also_said
    assert int(drift["n_localizations"].sum()) == 12_000
    xr.testing.assert_allclose(drift, same, rtol=1e-9, atol=1e-9)
    fixed = lazy.smlm.correct(drift).compute()
    pd.testing.assert_frame_equal(fixed, table.smlm.correct(drift))
    assert fixed["x [nm]"].notna().all()


@pytest.mark.parametrize(("missing", "why"), [(0.999, "not corrected"), (1, "no localization")])
def test_partitions_in_which_too_few_have_z(missing: float, why: str) -> None:
    lazy = dd.from_pandas(scene(missing), npartitions=3)
    drift, said = said_of(lazy, "aim")
    assert why in said
    assert drift["component"].values.tolist() == ["x", "y"]
    assert drift.smlm.assess(lazy).verdict == "improved"


@pytest.mark.parametrize("method", ["aim", "cc"])  # of one a sample, of the other sums
def test_a_sample_of_partitions_in_which_z_is_missing(method: str, tmp_path: Path) -> None:
    table = scene(0.5)
    table.to_parquet(tmp_path / "locs.parquet", row_group_size=3000)
    lazy = dd.read_parquet(tmp_path / "locs.parquet", split_row_groups=True)
    drift, said = said_of(lazy, method, max_localizations=8000, **METHODS[method])
    missing = int(table["z [nm]"].isna().sum())
    assert f"{missing} of 12000 localizations have no z" in said
    assert int(drift["n_localizations"].sum()) == 12_000
    frames = np.arange(N_FRAMES)
    error = at_frames(drift, frames, outside="hold").offset + np.outer(frames / N_FRAMES, DRIFT)
    assert (error.std(axis=0) < [3, 3, 8]).all()


def test_complete_partitions_are_read_as_often_as_without_z(tmp_path: Path) -> None:
    scene(0).to_csv(tmp_path / "locs.csv", index=False)
    reads = []

    def read(part: pd.DataFrame) -> pd.DataFrame:
        reads.append(len(part))
        return part

    counts = []
    for columns in (["x [nm]", "y [nm]", "frame"], ["x [nm]", "y [nm]", "z [nm]", "frame"]):
        lazy = dd.read_csv(tmp_path / "locs.csv")[columns]
        lazy = lazy.map_partitions(read, meta=lazy._meta)
        reads.clear()
        estimate_drift(lazy, method="aim")
        counts.append(len(reads))
    assert counts[0] == counts[1] > 0


def test_jumps_are_found_in_partitions_in_which_z_is_missing() -> None:
    lazy = dd.from_pandas(scene(0.5), npartitions=3)
    drift, said = said_of(lazy, "cc", n_chunks=12, segments="find")
    assert said.count("have no z") == 1
    assert drift["component"].values.tolist() == ["x", "y", "z"]

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.drift import build, require_drift
from smlm_accessor.drift.local import field_of, with_local
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.kernels.geometry.smooth_field import SmoothField

N = 4
FIELD = SmoothField(("x", "y", "xy"), np.array([500.0, 300.0]), np.array([500.0, 400.0]))
TABLE = pd.DataFrame(
    {
        "frame": np.repeat(np.arange(5, 40, 10), 3),
        "x": np.tile([0.0, 500.0, 900.0], N),
        "y": np.tile([650.0, 300.0, -50.0], N),
    }
)


def flow(unit: str | None = None) -> xr.Dataset:
    """Return a drift whose local shifts grow from chunk to chunk."""
    drift = build(
        offset=np.outer(np.arange(N), [-3.0, 1.0]),
        components="xy",
        frame=np.arange(N) * 10 + 5,
        frame_start=np.arange(N) * 10,
        frame_stop=np.arange(N) * 10 + 10,
        offset_std=0.2,
        center=[500.0, 300.0],
        attrs={"length_unit": unit} if unit else {},
    )
    one = np.array([[4.0, 0.0], [0.0, -2.0], [1.0, 1.0]])
    local = np.multiply.outer(np.arange(N), one)
    return with_local(drift, FIELD, local, np.full(local.shape, 0.1))


def expected(table: pd.DataFrame, sign: float = 1.0) -> np.ndarray:
    """Return positions shifted, and then moved by the field at where they are then."""
    k = (table["frame"].to_numpy() - 5) / 10
    x = table["x"].to_numpy() - 3 * k
    y = table["y"].to_numpy() + 1 * k
    u, v = np.clip((x - 500) / 500, -1, 1), np.clip((y - 300) / 400, -1, 1)
    return np.column_stack([x + k * (4 * u + u * v), y + k * (-2 * v + u * v)])


def corrected(table: pd.DataFrame, drift: xr.Dataset) -> np.ndarray:
    return table.smlm.correct(drift)[["x", "y"]].to_numpy()


def test_positions_are_corrected_where_they_are_once_shifted() -> None:
    require_drift(flow())
    np.testing.assert_allclose(corrected(TABLE, flow()), expected(TABLE), atol=1e-12)


def test_with_another_origin_only_a_constant_differs() -> None:
    for origin in ("mean", "first_frame", "first_chunk"):
        moved = flow().smlm.with_origin(origin)
        off = corrected(TABLE, moved) - expected(TABLE)
        np.testing.assert_allclose(off, np.broadcast_to(off[0], off.shape), atol=1e-9)


def test_in_other_units_and_with_more_components() -> None:
    table = TABLE.assign(x=TABLE.x / 1000, y=TABLE.y / 1000, z=0.5)
    in_um = smlm_accessor.set_columns(table, unit="um")
    fixed = in_um.smlm.correct(flow("nm"))
    np.testing.assert_allclose(1000 * fixed[["x", "y"]], expected(TABLE), atol=1e-9)
    assert (fixed["z"] == 0.5).all()


def test_of_dask_it_is_the_same() -> None:
    dd = pytest.importorskip("dask.dataframe")
    lazy = dd.from_pandas(TABLE, npartitions=3).smlm.correct(flow())
    np.testing.assert_allclose(lazy.compute()[["x", "y"]], expected(TABLE), atol=1e-12)


def test_through_files_unchanged(tmp_path: Path) -> None:
    drift = flow("nm")
    smlm_accessor.io.write_drift(drift, tmp_path / "flow.nc")
    back = smlm_accessor.io.read_drift(tmp_path / "flow.nc")
    np.testing.assert_array_equal(corrected(TABLE, back), corrected(TABLE, drift))
    assert field_of(back).terms == FIELD.terms
    with pytest.raises(DriftError, match=r"differs over the field.*\.nc"):
        smlm_accessor.io.write_drift(drift, tmp_path / "flow.csv")


def test_models_of_the_coefficients() -> None:
    model = flow().smlm.fit(offset="linear", local="linear")
    fixed = TABLE.smlm.correct(model)[["x", "y"]]
    np.testing.assert_allclose(fixed, expected(TABLE), atol=1e-6)
    assert "local xy y" in repr(model)
    by_frame = model.to_dataset()
    require_drift(by_frame)
    np.testing.assert_allclose(corrected(TABLE, by_frame), expected(TABLE), atol=1e-6)
    moved = flow().smlm.fit(offset="linear", origin="mean")
    off = TABLE.smlm.correct(moved)[["x", "y"]] - expected(TABLE)
    np.testing.assert_allclose(off.std(), 0, atol=1e-6)
    without = flow().smlm.fit(local="none")
    k = (TABLE.frame - 5) / 10
    np.testing.assert_allclose(TABLE.smlm.correct(without).x, TABLE.x - 3 * k, atol=1e-6)


def test_chained_with_one_that_only_shifts() -> None:
    shift = flow().drop_vars(["local", "local_std"]).drop_dims("term")
    moved = shift.assign(offset=shift.offset * 0 + 20.0)
    first_shifted = moved.smlm.compose(flow())
    there = TABLE.assign(x=TABLE.x + 20, y=TABLE.y + 20)
    np.testing.assert_allclose(corrected(TABLE, first_shifted), expected(there), atol=1e-9)
    then_shifted = flow().smlm.compose(moved)
    np.testing.assert_allclose(corrected(TABLE, then_shifted), expected(TABLE) + 20, atol=1e-9)
    other = moved.isel(chunk=slice(0, 2))
    other["frame_stop"] = other.frame_stop + 20 * (other.chunk == 1)
    between = flow().smlm.compose(other)
    np.testing.assert_allclose(corrected(TABLE, between), expected(TABLE) + 20, atol=0.5)
    with pytest.raises(DriftError, match="chained with one that only shifts"):
        flow().smlm.compose(flow())
    with pytest.raises(DriftError, match="what undoes it"):
        flow().smlm.inverse()


def test_what_is_wrong_is_said() -> None:
    drift = flow()
    for wrong, match in (
        (drift.drop_vars("field_scale"), "'field_scale' is missing"),
        (drift.assign(local=drift.local.transpose("term", "chunk", "component")), "has dims"),
        (drift.assign_coords(term=["x", "y", "xz"]), "'xz' is not a product of x, y"),
        (drift.assign_coords(field_scale=0 * drift.field_scale), "not positive"),
        (drift.assign(matrix=2 * drift.matrix), "identity"),
        (drift.assign(local=drift.local * np.nan), "no finite 'local'"),
    ):
        with pytest.raises(DriftError, match=match):
            wrong.smlm.check()


def test_it_is_shown() -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    assert "differs over the field: by up to" in repr(flow("nm").smlm)
    ax = flow("nm").smlm.plot(quantity="local", component="x by xy")
    assert ax.get_ylabel() == "Flow, by term (nm)"
    flow().smlm.fit(local="linear").plot(quantity="local")
    plt.close("all")
    with pytest.raises(OptionError, match="transformation='local'"):
        flow().drop_vars(["local", "local_std"]).drop_dims("term").smlm.plot(quantity="local")

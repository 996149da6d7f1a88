"""Drift in files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.drift import build
from smlm_accessor.errors import DriftError, FileError, OptionError, SmlmError
from smlm_accessor.io import read_drift, write_drift
from smlm_accessor.models import fit
from tests.io.conftest import FORMATS, make_table

Put = Callable[..., Path]
SHARED = None if FORMATS is None else FORMATS.parent


def make_drift(d: int = 2, *, unit: str | None = "nm", single: bool = False) -> xr.Dataset:
    n, step = 8, 1 if single else 10
    rng = np.random.default_rng(0)
    start = np.arange(n) * step + 3
    return build(
        offset=np.cumsum(rng.normal(0, 5, (n, d)), axis=0),
        components="xyz"[:d],
        frame=start + (step - 1) / 2,
        frame_start=start,
        frame_stop=start + step,
        offset_std=np.full((n, d), 0.5),
        n_localizations=np.full(n, 100),
        attrs={"method": "test", "parameters": {"a": [1, 2]}, "length_unit": unit},
    )


# All of it.


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
@pytest.mark.parametrize("d", [2, 3])
def test_datasets(suffix: str, d: int, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    drift = make_drift(d)
    write_drift(drift, tmp_path / f"drift{suffix}")
    os.rename(tmp_path / f"drift{suffix}", tmp_path / "renamed")
    again = read_drift(tmp_path / "renamed")
    xr.testing.assert_identical(again, drift)
    assert os.listdir(tmp_path) == ["renamed"]


def test_netcdf_3(tmp_path: Path) -> None:
    drift = make_drift()
    drift.to_netcdf(tmp_path / "a", engine="scipy", format="NETCDF3_64BIT")
    again = read_drift(tmp_path / "a")
    xr.testing.assert_allclose(again["offset"], drift["offset"])


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".txt", ".csv"])
def test_replaced_only_if_asked(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"drift{suffix}"
    write_drift(make_drift(), path, pixel_size=100)
    with pytest.raises(FileError, match="exists"):
        write_drift(make_drift(), path, pixel_size=100)
    other = make_drift().assign(offset=2 * make_drift()["offset"])
    write_drift(other, path, pixel_size=100, overwrite=True)
    again = read_drift(path, pixel_size=100)
    assert abs(again["offset"]).max() == pytest.approx(float(abs(other["offset"]).max()), rel=0.2)
    assert os.listdir(tmp_path) == [path.name]


def test_a_folder_that_is_no_store_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("precious")
    with pytest.raises(FileError, match="is a folder"):
        write_drift(make_drift(), tmp_path / "a.zarr", overwrite=True)
    assert (tmp_path / "a.zarr" / "thesis.txt").read_text() == "precious"


# Text.


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_text_corrects_as_the_drift_itself(suffix: str, d: int, tmp_path: Path) -> None:
    table = make_table(300, z=d == 3).query("frame >= 3")
    drift = make_drift(d)
    write_drift(drift, tmp_path / f"a{suffix}", pixel_size=130)
    again = read_drift(tmp_path / f"a{suffix}", pixel_size=130)
    assert again.attrs["length_unit"] == "nm"
    expected, found = table.smlm.correct(drift), table.smlm.correct(again)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
    assert not np.allclose(found["position_x"], table["position_x"], atol=1)


@pytest.mark.parametrize(("format", "pixel"), [("picasso", 1), ("picasso-0", 100)])
def test_picasso_txt(format: str, pixel: float, tmp_path: Path) -> None:
    drift = make_drift(3, single=True)
    write_drift(drift, tmp_path / "a.txt", format=format, pixel_size=100, n_frames=200)
    text = (tmp_path / "a.txt").read_text()
    assert text.startswith("# picasso_format 1.0\n# columns: x y z") == (pixel == 1)
    values = np.loadtxt(tmp_path / "a.txt", delimiter=" ")  # as Picasso does
    assert values.shape == (200, 3)
    np.testing.assert_allclose(values[3:11], drift.smlm.drift() / [pixel, pixel, 1], rtol=1e-12)
    assert (values[:4] == values[0]).all()
    assert (values[-100:] == values[-1]).all()
    assert values[0].any()


@pytest.mark.parametrize(
    "text", ["0.5 1\r\n0.7 2\r\n", "# dx\tdy\n0.5\t1\n0.7\t2", "dx dy\n.5 1\n.7 2\n"]
)
def test_picasso_txt_as_others_write_it(text: str, put: Put) -> None:
    drift = read_drift(put(text))
    assert drift.attrs["length_unit"] == "pixel"
    np.testing.assert_array_equal(drift["frame"], [0, 1])
    np.testing.assert_array_equal(drift["offset"], [[-0.5, -1], [-0.7, -2]])
    np.testing.assert_allclose(read_drift(put(text), pixel_size=10)["offset"][:, 0], [-5, -7])


def test_picasso_txt_from_1_on(put: Put) -> None:
    text = "# picasso_format 1.0\r\n# columns: x y z (nm per frame)\r\n0.5 1 2\r\n0.7 2 3\r\n"
    for told in ({}, {"pixel_size": 130}):
        drift = read_drift(put(text), **told)
        assert drift.attrs["length_unit"] == "nm"
        np.testing.assert_array_equal(drift["offset"], [[-0.5, -1, -2], [-0.7, -2, -3]])
    with pytest.raises(FileError, match="picasso_format 2, which is not known"):
        read_drift(put(text.replace("1.0", "2.0")))


def test_csv(tmp_path: Path, put: Put) -> None:
    write_drift(make_drift(single=True), tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table.columns) == ["frame", "dx [nm]", "dy [nm]"]
    np.testing.assert_array_equal(table["frame"], np.arange(8) + 3)
    np.testing.assert_allclose(table["dx [nm]"], -make_drift()["offset"].sel(component="x"))
    drift = read_drift(put('"frame","dx","dy [um]"\n7,2,0.5\n5,1,0.25\n'))
    np.testing.assert_array_equal(drift["frame"], [5, 7])
    np.testing.assert_array_equal(drift["offset"], [[-1, -250], [-2, -500]])
    drift = read_drift(put("frame,dx [px],dy [px],dz [nm]\n1,2,3,4\n"), pixel_size=100)
    np.testing.assert_array_equal(drift["offset"], [[-200, -300, -4]])


# Of other programs.


FORMS = {  # a drift with (2, 3) in frame 5 and (4, -1) in frame 6
    "an index": ",frame,dx,dy\n0,5,2,3\n1,6,4,-1\n",
    "an index that is the frame": ",dx,dy\n5,2,3\n6,4,-1\n",
    "tabs": "frame\tdx\tdy\n5\t2\t3\n6\t4\t-1\n",
    "semicolons": "frame;dx;dy\n5;2,0;3,0\n6;4,0;-1,0\n",
    "no names": "5,2,3\n6,4,-1\n",
    "no names, blanks": "5 2 3\n6 4 -1\n",
    "x_drift": "Frame,x_drift,y_drift\n5,2,3\n6,4,-1\n",
    "drift x": "frame number,Drift X [nm],Drift Y [nm]\n5,2,3\n6,4,-1\n",
    "delta": "image,delta_x_nm,delta_y_nm\n5,2,3\n6,4,-1\n",
    "um": "frame,dx (um),dy (um)\n5,0.002,0.003\n6,0.004,-0.001\n",
    "offsets": "frame,offset_x,offset_y\n5,-2,-3\n6,-4,1\n",
    "x, y": "frame,x [nm],y [nm]\n5,2,3\n6,4,-1\n",
    "beside positions": "frame,x,y,dx,dy\n5,100,200,2,3\n6,100,200,4,-1\n",
    "comments": "# by hand\n# frame, dx, dy\n5, 2, 3\n6, 4, -1\n",
    "in another order": "frame,dy,dx\n6,-1,4\n5,3,2\n",
    "t": "t,dx,dy\n5,2,3\n6,4,-1\n",
}


def assert_is_it(drift: xr.Dataset) -> None:
    assert drift.attrs["length_unit"] == "nm"
    np.testing.assert_array_equal(drift["frame_start"], [5, 6])
    np.testing.assert_allclose(drift["offset"], [[-2, -3], [-4, 1]])


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_text(form: str, put: Put) -> None:
    assert_is_it(read_drift(put(FORMS[form])))


def test_four_columns_without_names(put: Put) -> None:
    drift = read_drift(put("5 2 3 7\n6 4 -1 8\n"))
    np.testing.assert_allclose(drift["offset"], [[-2, -3, -7], [-4, 1, -8]])
    np.testing.assert_array_equal(drift["frame_start"], [5, 6])


def test_arrays_and_frames(tmp_path: Path) -> None:
    values = np.array([[5, 2, 3], [6, 4, -1]])
    table = pd.DataFrame(values, columns=["frame", "dx", "dy"])
    assert_is_it(read_drift(table))
    assert_is_it(read_drift(table.set_index("frame")))
    assert_is_it(read_drift(values))
    assert_is_it(smlm_accessor.read_drift(table.to_records(index=False)))
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "b.npz", frame=[5, 6], dx=[2, 4], dy=[3, -1])
    np.savez(tmp_path / "c.npz", frame=[5, 6], drift=values[:, 1:])
    np.savez(tmp_path / "d.npz", values)
    for name in ("a.npy", "b.npz", "c.npz", "d.npz"):
        assert_is_it(read_drift(tmp_path / name))
    pixels = read_drift(values[:, 1:], unit="px", pixel_size=100)
    np.testing.assert_allclose(pixels["offset"], [[-200, -300], [-400, 100]])
    turned = read_drift(np.arange(20.0).reshape(2, 10))
    assert turned.sizes["chunk"] == 10
    with pytest.raises(FileError, match=r"the array has the shape \(3,\)"):
        read_drift(np.arange(3))
    with pytest.raises(FileError, match="5 columns without names"):
        read_drift(np.zeros((7, 5)))
    with pytest.raises(FileError, match=r"the DataFrame needs the columns frame, dx and dy"):
        read_drift(pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time [s],x_um,y_um\n0.51,1.0,1.0\n0.61,1.002,1.003\n0.99,1.01,1.01\n", {}),
        ("t (ms)\tstage_x [um]\tstage_y [um]\n510\t1\t1\n610\t1.002\t1.003\n990\t1.01\t1.01\n", {}),
        ("time,x,y\n100.51,0,0\n100.61,2,3\n100.99,10,10\n", {"time_zero": 100}),
    ],
)
def test_a_log_with_seconds(text: str, told: dict[str, float], put: Put) -> None:
    drift = read_drift(put(text), frame_duration=0.1, **told)
    np.testing.assert_array_equal(drift["frame_start"], [5, 6, 9])
    np.testing.assert_allclose(drift["offset"], [[0, 0], [-2, -3], [-10, -10]], atol=1e-9)


def test_a_log_with_dates_and_of_the_focus(put: Put) -> None:
    text = (
        "timestamp,z [um]\n2026-11-28 10:00:00.0,5.0\n2026-11-28 10:00:01.04,5.1\n"
        "2026-11-28 10:00:01.06,5.2\n"
    )
    with pytest.warns(smlm_accessor.SmlmWarning, match=r"with the first row.*time_zero"):
        drift = read_drift(put(text), frame_duration=0.1)
    np.testing.assert_array_equal(drift["frame_start"], [0, 10])
    np.testing.assert_allclose(drift["offset"], [[0, 0, 0], [0, 0, -100]], atol=1e-9)


@pytest.mark.parametrize("suffix", [".nc", ".zarr", ".csv"])
def test_a_log_with_seconds_is_a_drift_in_seconds(put: Put, suffix: str, tmp_path: Path) -> None:
    text = "time [ms],dx [nm],dy [nm]\n500,0,0\n1500,10,-5\n1500,11,-5\n2250,20,-10\n"
    drift = read_drift(put(text))
    assert drift.attrs["time_unit"] == drift["time"].attrs["units"] == "s"
    assert drift["time"].values.tolist() == drift["time_start"].values.tolist() == [0.5, 1.5, 2.25]
    assert drift["time_stop"].values.tolist() == [1.5, 2.25, 2.250001]
    assert drift.smlm.drift().values.tolist() == [[0, 0], [10, -5], [20, -10]]
    drift.smlm.check()
    path = tmp_path / f"drift{suffix}"
    smlm_accessor.write_drift(drift, path)
    again = read_drift(path)
    for name in ("time", "time_start", "time_stop", "offset"):
        np.testing.assert_array_equal(again[name], drift[name])
    if suffix != ".csv":
        xr.testing.assert_identical(again.load(), drift)
    table = pd.DataFrame({"time": [0.5, 1.0, 2.25], "x": [0.0, 5, 20], "y": [0.0, -2.5, -10]})
    table = smlm_accessor.set_columns(table, unit="nm")
    moved = table.smlm.correct(again, by="linear")
    np.testing.assert_allclose(moved[["x", "y"]], 0, atol=1e-9)


def test_a_drift_in_seconds_has_no_row_for_each_frame_of_picasso(tmp_path: Path) -> None:
    log = pd.DataFrame({"t [s]": [0.5, 1.5], "dx": [0.0, 1], "dy": [0.0, 1]})
    with pytest.raises(DriftError, match=r"this drift has times; write \.csv or \.nc"):
        smlm_accessor.write_drift(read_drift(log), tmp_path / "drift.txt")


def test_what_is_read_corrects(tmp_path: Path) -> None:
    table = make_table(300, z=False)
    moved = table.smlm.simulate_drift(velocity=(2.0, -1.0))
    curve = pd.DataFrame({"frame": np.arange(50)})
    curve[["x_drift", "y_drift"]] = np.outer(curve["frame"] - 0.0, [2.0, -1.0])
    curve.to_csv(tmp_path / "a.csv")
    fixed = moved.smlm.correct(read_drift(tmp_path / "a.csv"))
    np.testing.assert_allclose((fixed - table)[["position_x", "position_y"]].std(), 0, atol=1e-9)


def test_models(tmp_path: Path) -> None:
    model = fit(make_drift(), offset="linear")
    for suffix in (".nc", ".csv"):
        write_drift(model, tmp_path / f"a{suffix}")
        again = read_drift(tmp_path / f"a{suffix}")
        expected = model.to_dataset()
        np.testing.assert_allclose(again["offset"], expected["offset"], rtol=1e-12)
        np.testing.assert_array_equal(again["frame_start"], expected["frame_start"])


def test_units(tmp_path: Path) -> None:
    unknown = make_drift(unit=None, single=True)
    with pytest.raises(OptionError, match=r"unit that is not known.*unit='nm'"):
        write_drift(unknown, tmp_path / "a.csv")
    write_drift(unknown, tmp_path / "a.csv", unit="um")
    again = read_drift(tmp_path / "a.csv")
    np.testing.assert_allclose(again["offset"], 1000 * unknown["offset"], rtol=1e-12)
    with pytest.raises(OptionError, match=r"in nm .* in pixel.*pixel_size=130"):
        write_drift(make_drift(), tmp_path / "a.txt")
    write_drift(make_drift(unit="pixel"), tmp_path / "a.txt")
    with pytest.raises(OptionError, match=r"in pixel .* in nm.*pixel_size=130"):
        write_drift(make_drift(unit="pixel"), tmp_path / "b.txt", format="picasso")
    with pytest.raises(OptionError, match=r"'furlong'"):
        write_drift(unknown, tmp_path / "b.csv", unit="furlong")


@pytest.mark.skipif(SHARED is None, reason="no ../shared/data here")
def test_the_drift_that_a_source_fitted_to_its_beads(tmp_path: Path) -> None:
    assert SHARED is not None
    curve = pd.read_parquet(SHARED / "gold_fiducials_drift.parquet")
    curve.to_csv(tmp_path / "a.csv", index=False)
    beads = smlm_accessor.set_columns(pd.read_parquet(SHARED / "gold_fiducials.parquet"), unit="nm")
    fixed = beads.smlm.correct(read_drift(tmp_path / "a.csv"))
    at = pd.Index(curve["frame"]).get_indexer(beads["frame"])
    expected = beads[["x", "y"]].to_numpy() - curve[["dx", "dy"]].to_numpy()[at]
    inside = at >= 0
    np.testing.assert_allclose(fixed.loc[inside, ["x", "y"]], expected[inside], rtol=1e-12)
    still = [t.query("region_id == 1")[["x", "y"]].std() for t in (beads, fixed)]
    assert (still[1] < still[0] / 4).all()


# What is refused.

BAD: dict[str, tuple[str | bytes, list[str]]] = {
    "0 bytes": (b"", ["is empty"]),
    "words": ("no drift here\n", ["cannot be read as netCDF"]),
    "a table": ("frame,x,y\n1,2,3\n1,4,5\n", ["a frame twice", "a table of localizations?"]),
    "other columns": ("a,b\n1,2\n", ["frame, dx and dy", "It has 'a', 'b'", "x_drift"]),
    "two clocks": ("time,t,dx,dy\n1,1,2,3\n", ["more than one column"]),
    "a word": ("frame,dx,dy\n1,2,3\n2,a,3\n", ["'dx' holds 'a'"]),
    "npy, broken": (b"\x93NUMPY\x01\x00", ["locs.dat"]),
    "npz, broken": (b"PK\x03\x04abc", ["locs.dat"]),
    "netCDF 4, broken": (b"\x89HDF\r\n\x1a\n" + bytes(99), ["damaged"]),
    "netCDF 3, broken": (b"CDF\x01" + bytes(9), ["cannot be read as netCDF"]),
    "Picasso, ragged": ("1 2\n3 4\n5\n", ["row 2 has 1 values"]),
    "Picasso, a word": ("1 2\n3 a\n", ["cannot be read"]),
    "Picasso in 3D": ("1 2 3\n", ["pixel_size=130"]),
    "Picasso, nothing": ("# dx dy\n", ["no rows"]),
    "Picasso, no numbers": ("nan nan\n", ["no finite values"]),
    "csv, cut off": ("frame,dx,dy\n1,2,3\n4,5", ["middle of a line"]),
    "csv, no rows": ("frame,dx,dy\n", ["no rows"]),
    "csv, a frame twice": ("frame,dx,dy\n1,2,3\n1,2,3\n", ["twice"]),
    "csv, half frames": ("frame,dx,dy\n1.5,2,3\n", ["whole numbers"]),
    "csv, no dy": ("frame,dx,dz\n1,2,3\n", ["frame, dx and dy"]),
    "csv, pixels and nm": ("frame,dx [px],dy [px],dz [nm]\n1,2,3,4\n", ["pixel_size=130"]),
    "csv, a unit nobody knows": ("frame,dx [inch],dy [inch]\n1,2,3\n", ["'inch'"]),
}


@pytest.mark.parametrize("case", BAD)
def test_broken(case: str, put: Put) -> None:
    content, words = BAD[case]
    with pytest.raises(SmlmError) as raised:
        read_drift(put(content))
    message = str(raised.value)
    assert "locs.dat" in message
    assert all(word in message for word in words), message


def test_not_drift(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        read_drift(tmp_path / "no.nc")
    with pytest.raises(FileError, match="not a file"):
        read_drift(tmp_path)
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "a.nc")
    with pytest.raises(DriftError, match=r"a\.nc: [\s\S]*'offset' is missing"):
        read_drift(tmp_path / "a.nc")


def test_bad_calls(tmp_path: Path) -> None:
    calls: list[tuple[type[SmlmError], str, dict[str, Any]]] = [
        (FileError, r"extension.*\.nc", {"path": "a.xls"}),
        (OptionError, r"'excel'.*'zarr'", {"path": "a.nc", "format": "excel"}),
        (OptionError, "pixel_size=-1", {"path": "a.txt", "pixel_size": -1}),
        (DriftError, "Give a drift or a model, not a int", {"path": "a.nc", "drift": 3}),
        (DriftError, "does not hold drift", {"path": "a.nc", "drift": xr.Dataset()}),
        (FileError, "folder .* does not exist", {"path": "no/a.nc"}),
    ]
    for error, words, options in calls:
        path = tmp_path / options.pop("path")
        with pytest.raises(error, match=words):
            write_drift(options.pop("drift", make_drift()), path, **options)
    turned = make_drift()
    turned["matrix"] = turned["matrix"] * 1.01
    with pytest.raises(DriftError, match="turns, stretches or differs over the field"):
        write_drift(turned, tmp_path / "a.csv")
    early = make_drift().assign_coords(frame_start=make_drift()["frame_start"] - 5)
    early["frame_stop"], early["frame"] = early["frame_stop"] - 5, early["frame"] - 5
    with pytest.raises(DriftError, match="from 0 on"):
        write_drift(early, tmp_path / "a.txt", pixel_size=100)
    assert not os.listdir(tmp_path)

"""Corrected tables: only coordinates differ, and they differ by the drift."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor import __version__
from smlm_accessor.correct import CorrectionByFrame, correct, corrected_positions
from smlm_accessor.drift import build, offset_from_about
from smlm_accessor.drift.between_chunks import evaluate
from smlm_accessor.drift.composition import compose, inverse
from smlm_accessor.errors import (
    AlreadyCorrectedWarning,
    DriftError,
    InvalidChunkWarning,
    OptionError,
    OutsideEstimateWarning,
    SmlmWarning,
    TableError,
)
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import ChunkedLocalizations, Method, Registered
from smlm_accessor.models import fit
from smlm_accessor.table import history
from smlm_accessor.table.columns import set_columns
from smlm_accessor.table.localizations import read_localizations

VELOCITY = np.array([1.0, -2.0, 0.5])


def locs(n: int = 60, d: int = 2, seed: int = 0, start: int = 0) -> pd.DataFrame:
    """Localizations in the frames start to start + 39, unsorted."""
    rng = np.random.default_rng(seed)
    frames = rng.permutation(start + np.arange(n) % 40)
    table = pd.DataFrame({"frame": frames})
    for axis in "xyz"[:d]:
        table[axis] = rng.uniform(0, 1000, n)
    return table


def moved(table: pd.DataFrame, sign: float = 1.0) -> pd.DataFrame:
    """The table after a steady drift."""
    time = table["frame"] - table["frame"].min()
    axes = [a for a in "xyz" if a in table]
    return table.assign(**{a: table[a] + sign * time * VELOCITY["xyz".index(a)] for a in axes})


def steady(d: int = 2, start: int = 0, **changes: Any) -> xr.Dataset:
    """The transformations of four chunks that correct `moved`."""
    means = np.array([4.5, 14.5, 24.5, 34.5])
    fields: dict[str, Any] = {
        "offset": -np.outer(means, VELOCITY[:d]),
        "components": "xyz"[:d],
        "frame": start + means,
        "frame_start": start + np.array([0, 10, 20, 30]),
        "frame_stop": start + np.array([10, 20, 30, 40]),
        "attrs": {"method": "icp", "target": "first", "origin": "first_frame"},
    }
    return build(**{**fields, **changes})


def turning(center: float = 500.0) -> xr.Dataset:
    """Rotations about a center, with shifts."""
    angle = np.array([0.0, 0.001, 0.002, 0.003])
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.moveaxis(np.array([[c, -s], [s, c]]), 2, 0)
    middle = np.full(2, center)
    offset = offset_from_about(matrix, -np.outer([4.5, 14.5, 24.5, 34.5], VELOCITY[:2]), middle)
    return steady(offset=offset, matrix=matrix, center=middle)


def assert_close(table: pd.DataFrame, other: pd.DataFrame, **tolerance: float) -> None:
    pd.testing.assert_frame_equal(table, other, check_flags=False, **{"atol": 1e-9, **tolerance})


# The answer.


@pytest.mark.parametrize("drift", [steady(), turning(), fit(steady(), offset="linear")])
def test_a_correction_that_is_found_by_frame_is_the_same(drift: Any) -> None:
    localizations = read_localizations(locs())
    frames = np.unique(localizations.frames)
    known = CorrectionByFrame.of(localizations, drift, frames, outside="hold")
    expected = corrected_positions(localizations, drift, outside="hold")
    before = localizations.positions.copy()
    found = known(localizations.positions, localizations.frames)
    np.testing.assert_array_equal(found, expected)
    some = slice(3, 20)
    found = known(localizations.positions[some], localizations.frames[some])
    np.testing.assert_array_equal(found, expected[some])
    np.testing.assert_array_equal(localizations.positions, before)


@pytest.mark.parametrize("by", [None, "linear", "cubic"])
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("start", [0, 1, -500, 10**12])
def test_a_steady_drift_is_undone(by: str | None, d: int, start: int) -> None:
    table = locs(d=d, start=start)
    assert_close(correct(moved(table), steady(d, start), by=by), table)


@pytest.mark.parametrize("d", [2, 3])
def test_a_model_undoes_a_steady_drift(d: int) -> None:
    table = locs(d=d)
    model = fit(steady(d), offset="linear")
    assert_close(correct(moved(table), model), table)


def test_by_chunk_moves_each_chunk_as_a_whole() -> None:
    table = locs()
    result = correct(table, steady(), by="chunk")
    means = table["frame"] // 10 * 10 + 4.5
    np.testing.assert_allclose(result["x"], table["x"] - means)
    np.testing.assert_allclose(result["y"], table["y"] + 2 * means)


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
def test_every_row_by_the_transformation_of_its_frame(by: str) -> None:
    table = locs()
    result = correct(table, turning(), by=by)
    for i in range(len(table)):
        at = evaluate(turning(), table["frame"].to_numpy()[[i]], by=by)
        assert at.matrix is not None
        expected = at.matrix[0] @ table[["x", "y"]].to_numpy()[i] + at.offset[0]
        np.testing.assert_allclose(result[["x", "y"]].to_numpy()[i], expected, atol=1e-9)


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
@pytest.mark.parametrize("make", [steady, turning])
def test_the_inverse_undoes_a_correction(by: str, make: Callable[[], xr.Dataset]) -> None:
    table = locs()
    there = correct(table, make(), by=by)
    back = correct(there, inverse(make()), by=by)
    # Between chunks an interpolated inverse is not the inverse of what is interpolated: about
    # the angle between them times the shift, 0.001 x 22 here.
    assert_close(back, table, atol=1e-9 if make is steady or by == "chunk" else 0.022, rtol=0)


def test_compose_is_one_correction_after_the_other() -> None:
    table = locs()
    first, second = turning(), steady()
    with pytest.warns(AlreadyCorrectedWarning):
        twice = correct(correct(table, first, by="chunk"), second, by="chunk")
    assert_close(correct(table, compose(first, second), by="chunk"), twice)


def test_frames_far_apart() -> None:
    table = pd.DataFrame({"frame": [0, 10**12], "x": [1.0, 1.0], "y": [0.0, 0.0]})
    drift = steady(
        offset=[[0.0, 0.0], [-5.0, 0.0]],
        frame=[0, 10**12],
        frame_start=[0, 1000],
        frame_stop=[1000, 10**12 + 1],
    )
    assert correct(table, drift)["x"].tolist() == [1.0, -4.0]


# What comes back besides.


def odd() -> pd.DataFrame:
    """A table with all that can be lost."""
    table = moved(locs(d=2))
    table["x"] = table["x"].astype("float32")
    table["y"] = table["y"].astype("Float64")
    table.loc[table.index[3], "y"] = pd.NA
    table["kind"] = pd.Categorical(["u", "v", "w"] * 20)
    table["name"] = [f"spot {i}" for i in range(60)]
    table["when"] = pd.date_range("2024-01-01", periods=60)
    table["count"] = pd.array([1, None, 3] * 20, dtype="Int16")
    table = table[["kind", "y", "name", "frame", "when", "x", "count"]]
    table.index = pd.Index(np.random.default_rng(1).integers(0, 9, 60), name="label")
    table.columns.name = "what"
    table.attrs["mine"] = {"deep": [1, 2]}
    return table


IN_THE_INDEX: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "column": lambda t: t,
    "index": lambda t: t.set_index("frame"),
    "level": lambda t: t.set_index("frame", append=True),
}


@pytest.mark.parametrize("where", IN_THE_INDEX)
@pytest.mark.parametrize("by", ["chunk", "cubic"])
def test_only_coordinates_differ(where: str, by: str) -> None:
    table = IN_THE_INDEX[where](odd())
    before = table.copy(deep=True)
    result = correct(table, steady(), by=by)
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs == {"mine": {"deep": [1, 2]}}
    others = [c for c in table if c not in ("x", "y")]
    pd.testing.assert_frame_equal(result[others], table[others], check_flags=False)
    pd.testing.assert_index_equal(result.columns, table.columns)
    pd.testing.assert_series_equal(result.dtypes, table.dtypes)
    assert result["y"].isna().tolist() == table["y"].isna().tolist()
    assert (result["x"] != table["x"]).sum() > 50
    assert result.attrs["mine"] == {"deep": [1, 2]}


def test_writing_to_the_result_leaves_the_input() -> None:
    table = locs().assign(extra=1.0)
    before = table.copy(deep=True)
    result = correct(table, steady())
    result.iloc[:, :] = -1
    result.attrs["smlm_history"].append("more")
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_without_coordinates_stay(bad: float) -> None:
    table = moved(locs())
    table.loc[5, "x"] = bad
    table.loc[[6, 7], ["x", "y"]] = bad
    result = correct(table, steady())
    assert len(result) == len(table)
    np.testing.assert_array_equal(np.isfinite(result["x"]), np.isfinite(table["x"]))
    np.testing.assert_array_equal(np.isfinite(result["y"]), np.isfinite(table["y"]))
    turned = correct(table, turning())
    assert len(turned) == len(table)
    assert not np.isfinite(turned.loc[[5, 6, 7], "x"]).any()
    assert np.isfinite(turned.drop(index=[5, 6, 7])[["x", "y"]]).all(axis=None)


def test_integer_coordinates_become_floats() -> None:
    table = locs().round().astype(int)
    result = correct(table, steady(offset=np.full((4, 2), 0.25)))
    np.testing.assert_array_equal(result[["x", "y"]], table[["x", "y"]] + 0.25)
    assert result["frame"].dtype == table["frame"].dtype


def test_no_rows_and_one_row() -> None:
    table = moved(locs())
    assert_close(correct(table.iloc[:0], steady()), table.iloc[:0])
    assert_close(correct(table.iloc[[5]], steady()), locs().iloc[[5]])
    assert len(correct(table.iloc[:0], fit(steady(), offset="linear"))) == 0


def test_the_drift_is_not_changed() -> None:
    drift = turning()
    before = drift.copy(deep=True)
    correct(locs(), drift)
    xr.testing.assert_identical(drift, before)


# Another table.


def test_frames_outside_are_treated_as_asked() -> None:
    table = pd.DataFrame({"frame": [-10, 0, 39, 100], "x": 0.0, "y": 0.0})
    x = {
        "hold": [0, 0, -39, -39],
        "linear": [10, 0, -39, -100],
        "nan": [np.nan, 0, -39, np.nan],
    }
    for drift in (steady(), fit(steady(), offset="linear")):
        for outside, expected in x.items():
            result = correct(table, drift, outside=outside)
            np.testing.assert_allclose(result["x"], expected, atol=1e-9)
        with pytest.raises(OptionError, match="2 frames, from -10 to 100"):
            correct(table, drift, outside="error")
        with pytest.warns(OutsideEstimateWarning, match="2 frames, from -10 to 100") as caught:
            result = correct(table, drift)
        assert len(caught) == 1
        np.testing.assert_allclose(result["x"], x["hold"], atol=1e-9)


def test_frames_outside_are_counted_where_there_are_localizations() -> None:
    table = pd.DataFrame({"frame": [0, 39, 100], "x": 0.0, "y": 0.0})
    with pytest.warns(OutsideEstimateWarning, match="1 frames, from 100 to 100"):
        correct(table, steady())


def test_an_unknown_way_for_frames_outside() -> None:
    with pytest.raises(OptionError, match="outside='wrap'"):
        correct(locs(), steady(), outside="wrap")


def test_a_drift_in_2d_leaves_z() -> None:
    table = locs(d=3)
    assert_close(correct(moved(table).assign(z=table["z"]), steady(2)), table)
    turned = correct(table, turning())
    pd.testing.assert_series_equal(turned["z"], table["z"])
    flat = correct(table.drop(columns="z"), turning())
    pd.testing.assert_frame_equal(turned[["x", "y"]], flat[["x", "y"]], check_flags=False)


def test_a_drift_in_3d_on_a_flat_table() -> None:
    table = locs()
    assert_close(correct(moved(table), steady(3)), table)
    turn = np.tile(np.eye(3), (4, 1, 1)) * 1.01
    with pytest.raises(DriftError, match=r"x, y, z.*only x, y"):
        correct(table, steady(3, matrix=turn))


def in_unit(unit: str | None, **changes: Any) -> xr.Dataset:
    return steady(attrs={} if unit is None else {"length_unit": unit}, **changes)


def named(table: pd.DataFrame, unit: str) -> pd.DataFrame:
    return table.rename(columns={"x": f"x [{unit}]", "y": f"y [{unit}]"})


def test_units_are_converted_where_both_are_known() -> None:
    offset = np.outer([4.5, 14.5, 24.5, 34.5], [-1.0, 2.0])
    table = named(locs(), "nm")
    expected = correct(table, in_unit("nm", offset=offset))
    in_um = correct(table, in_unit("um", offset=offset / 1000))
    assert_close(in_um, expected)
    um = named(locs() / [1, 1000, 1000], "um").astype({"frame": int})
    result = correct(um, in_unit("nm", offset=offset))
    np.testing.assert_allclose(result["x [um]"] * 1000, expected["x [nm]"])
    # Unknown on one side: taken as the same.
    assert_close(correct(table, in_unit(None, offset=offset)), expected)
    np.testing.assert_allclose(
        correct(locs(), in_unit("um", offset=offset))["x"], expected["x [nm]"]
    )


def test_units_do_not_change_matrices() -> None:
    nm = named(locs(), "nm")
    expected = correct(nm, turning().assign_attrs(length_unit="nm"))
    um = named(locs() / [1, 1000, 1000], "um").astype({"frame": int})
    result = correct(um, turning().assign_attrs(length_unit="nm"))
    np.testing.assert_allclose(result["y [um]"] * 1000, expected["y [nm]"])


def test_camera_pixels_need_a_size() -> None:
    table = locs(d=2).assign(lpx=0.1, lpy=0.1)
    drift = in_unit("nm")
    with pytest.raises(DriftError, match=r"drift is in nm but the table is in pixel.*pixel_size"):
        correct(table, drift)
    sized = set_columns(table, pixel_size=100)
    result = correct(sized, drift)
    np.testing.assert_allclose(result["x"], table["x"] - table["frame"] / 100)
    np.testing.assert_allclose(
        correct(sized, in_unit("pixel"))["x"], table["x"] - table["frame"], atol=1e-9
    )
    assert_close(
        correct(table, in_unit("pixel"))[["x", "y"]], correct(locs(), steady())[["x", "y"]]
    )


def test_pixels_and_nm_in_one_table_need_a_size() -> None:
    table = locs(d=3).assign(lpx=0.1, lpy=0.1)
    drift = steady(3, attrs={"length_unit": "nm"})
    with pytest.raises(TableError, match=r"x and y are in pixel but z is in nm.*pixel_size"):
        correct(table, drift)
    result = correct(set_columns(table, pixel_size=100), drift)
    np.testing.assert_allclose(result["x"], table["x"] - table["frame"] / 100)
    np.testing.assert_allclose(result["z"], table["z"] - table["frame"] / 2)


# Drifts from elsewhere.


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
def test_a_loaded_drift_corrects_as_well_as_a_fresh_one(tmp_path: Path, by: str) -> None:
    drift = turning()
    drift.to_netcdf(tmp_path / "drift.nc", engine="scipy")
    loaded = xr.load_dataset(tmp_path / "drift.nc", engine="scipy")
    fresh = correct(locs(), drift, by=by)
    pd.testing.assert_frame_equal(correct(locs(), loaded, by=by), fresh)


def test_selected_chunks_stay_with_their_frames() -> None:
    """Chunks are found by their frames, not by their position."""
    table = locs()
    late = table[table["frame"] >= 20]
    expected = correct(table, steady(), by="chunk")[table["frame"] >= 20]
    result = correct(late, steady().isel(chunk=[2, 3]), by="chunk")
    pd.testing.assert_frame_equal(result, expected, check_flags=False)


def gap() -> xr.Dataset:
    offset = steady()["offset"].values.copy()
    offset[1] = np.nan
    return steady(offset=offset)


@pytest.mark.parametrize("by", ["linear", "cubic"])
def test_a_chunk_that_is_not_valid_is_bridged(by: str) -> None:
    table = locs()
    assert_close(correct(moved(table), gap(), by=by), table)


def test_by_chunk_a_chunk_that_is_not_valid_is_bridged_with_a_word() -> None:
    table = locs()
    with pytest.warns(SmlmWarning, match="chunk 1 is not valid") as caught:
        result = correct(moved(table), gap(), by="chunk")
    assert len(caught) == 1
    inside = table["frame"].between(10, 19)
    assert_close(result[inside], table[inside])
    assert np.isfinite(result[["x", "y"]]).all(axis=None)


def test_a_chunk_without_localizations_needs_no_word() -> None:
    table = locs()
    table = table[~table["frame"].between(10, 19)]
    correct(table, gap(), by="chunk")


def test_no_valid_chunk_is_an_error_not_an_uncorrected_table() -> None:
    with pytest.raises(DriftError, match="No chunk of this drift is valid"):
        correct(locs(), steady(offset=np.full((4, 2), np.nan)))


@pytest.mark.parametrize("drift", ["drift.nc", 3.0, np.zeros((4, 2)), pd.DataFrame()])
def test_what_is_not_a_drift_is_an_error(drift: Any) -> None:
    with pytest.raises(DriftError, match=f"a model, not a {type(drift).__name__}"):
        correct(locs(), drift)


def test_a_dataset_that_is_not_a_drift_is_an_error() -> None:
    with pytest.raises(DriftError, match="'matrix' is missing"):
        correct(locs(), steady().drop_vars("matrix"))


def test_an_unknown_way_lists_those_there_are() -> None:
    with pytest.raises(OptionError, match=r"by='spline' is not known; use 'chunk' or 'linear'"):
        correct(locs(), steady(), by="spline")


def test_a_model_takes_no_by() -> None:
    with pytest.raises(DriftError, match=r"by='chunk' is for Datasets"):
        correct(locs(), fit(steady(), offset="linear"), by="chunk")


def test_a_table_without_frames_is_an_error() -> None:
    with pytest.raises(TableError, match="frame numbers"):
        correct(locs().drop(columns="frame"), steady())


# History.


def test_history() -> None:
    table = locs()
    table.attrs = history.record({"mine": 1}, "simulate_drift", velocity=1.0)
    result = correct(table, steady(), by="linear", outside="hold")
    first, last = history.steps(result.attrs)
    assert first["step"] == "simulate_drift"
    assert last == {
        "step": "correct",
        "package_version": __version__,
        "parameters": {
            "by": "linear",
            "outside": "hold",
            "components": ["x", "y"],
            "inverse": False,
            "method": "icp",
            "origin": "first_frame",
            "target": "first",
        },
    }
    assert len(history.steps(table.attrs)) == 1
    assert result.attrs["mine"] == 1


def test_history_of_a_model_says_which() -> None:
    model = fit(steady(), offset=["linear", "constant"], origin="mean")
    parameters = history.steps(correct(locs(), model).attrs)[0]["parameters"]
    assert parameters["by"] == "model"
    assert parameters["origin"] == "mean"
    assert '"x": "linear"' in parameters["model"]
    assert '"y": "constant"' in parameters["model"]


def test_a_second_correction_warns_and_still_corrects() -> None:
    table = locs()
    once = correct(moved(moved(table)), steady())
    with pytest.warns(AlreadyCorrectedWarning, match=r"compose") as caught:
        twice = correct(once, steady())
    assert len(caught) == 1
    assert_close(twice, table)
    assert history.times_corrected(twice.attrs) == 2


@pytest.mark.parametrize(
    "between",
    [lambda t: t.query("x > 100"), lambda t: t.reset_index(drop=True), lambda t: t.assign(a=1)],
)
def test_a_second_correction_warns_after_other_work(between: Any) -> None:
    once = between(correct(locs(), steady()))
    with pytest.warns(AlreadyCorrectedWarning):
        correct(once, fit(steady(), offset="linear"))


def test_a_second_correction_warns_after_parquet(tmp_path: Path) -> None:
    correct(locs(), steady()).to_parquet(tmp_path / "t.parquet")
    with pytest.warns(AlreadyCorrectedWarning):
        correct(pd.read_parquet(tmp_path / "t.parquet"), steady())


def test_undoing_and_correcting_anew_does_not_warn() -> None:
    table = moved(locs())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        undone = correct(correct(table, steady()), inverse(steady()))
        assert_close(undone, table)
        assert_close(correct(undone, steady()), locs())


def test_undoing_one_of_two_corrections_leaves_one() -> None:
    once = correct(locs(), steady())
    with pytest.warns(AlreadyCorrectedWarning):
        twice = correct(once, steady())
    with pytest.warns(AlreadyCorrectedWarning):
        correct(correct(twice, inverse(steady())), steady())


# Estimating first.


def means(
    points: ChunkedLocalizations, *, target: str = "first", progress: bool = False, fewest: int = 1
) -> Registered:
    mean = np.array([points.chunk(k).mean(axis=0) for k in range(points.n_chunks)])
    valid = np.diff(points.bounds) >= fewest
    offset = np.where(valid[:, None], mean[0] - mean, np.nan)
    return Registered(offset=offset, quality=np.ones(len(mean)), valid=valid)


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(registry._METHODS, "means", Method("means", means))
    return "means"


def still() -> pd.DataFrame:
    """The same four spots in each of forty frames."""
    spots = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    table = pd.DataFrame(np.tile(spots, (40, 1)), columns=["x", "y"])
    return table.assign(frame=np.repeat(np.arange(40), 4))


def test_without_a_drift_it_is_estimated_first(method: str) -> None:
    result = correct(moved(still()), method=method, n_chunks=4, origin="first_frame")
    assert_close(result, still())
    entry = history.steps(result.attrs)[0]
    assert entry["parameters"]["method"] == "means"
    assert '"n_chunks": 4' in entry["parameters"]["parameters"]


def test_without_a_drift_by_and_outside_are_kept(method: str) -> None:
    result = correct(moved(still()), method=method, n_chunks=4, by="chunk", outside="nan")
    assert result.loc[[0, 4, 40], "x"].tolist() == [0, 1, 0]


def test_without_a_drift_invalid_chunks_are_said_and_bridged(method: str) -> None:
    table = moved(still()).drop(index=range(45, 79))
    with pytest.warns(InvalidChunkWarning, match="chunk 1 ") as caught:
        result = correct(table, method=method, frames_per_chunk=10, fewest=20, origin="first_frame")
    assert len(caught) == 1
    assert_close(result, still().loc[result.index])


def test_estimate_options_beside_a_drift_are_an_error(method: str) -> None:
    with pytest.raises(DriftError, match="method, n_chunks would be used to estimate"):
        correct(locs(), steady(), method=method, n_chunks=3)


def test_unknown_options_are_an_error(method: str) -> None:
    with pytest.raises(OptionError, match="no option 'nchunks'"):
        correct(locs(), method=method, nchunks=3)

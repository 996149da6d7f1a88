from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.drift import center_of, drift_of, require_drift
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.simulate import simulate_drift, simulate_thomas
from smlm_accessor.simulate.drift_curve import drift_curve
from smlm_accessor.table import history

ALL: dict[str, Any] = {
    "velocity": 0.02,
    "diffusion_constant": 0.3,
    "sinusoid": {"amplitude": 4, "period": 70, "phase": 0.5},
    "settling": {"amplitude": 9, "time_constant": 30},
    "step": (60, 11),
    "curve": lambda frames: np.sqrt(np.abs(frames))[:, None] * [[1.0, 2.0, 3.0]],
    "rotation": 1e-3,
    "scale": 1e-4,
    "seed": 4,
}


def table_of(n: int = 400, d: int = 2, first: int = 10, seed: int = 1) -> pd.DataFrame:
    """Localizations far from the origin, in no order, with frames missing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        rng.uniform(5000, 6000, (n, d)), columns=[f"position_{a}" for a in "xyz"[:d]]
    )
    table["frame"] = np.append(first, first + 2 * rng.integers(0, 60, n - 1))
    table["intensity"] = rng.integers(0, 99, n).astype(np.uint16)
    return table.sample(frac=1, random_state=3)


def positions(table: pd.DataFrame) -> np.ndarray:
    return table[[c for c in table if str(c).startswith("position_")]].to_numpy()


def undo(table: pd.DataFrame, drift: xr.Dataset) -> np.ndarray:
    """Apply the transformation of its frame to each localization, one by one."""
    result = []
    chunk_of = {int(f): k for k, f in enumerate(drift["frame_start"].values)}
    for position, frame in zip(positions(table), table["frame"], strict=True):
        k = chunk_of[frame]
        result.append(drift["matrix"].values[k] @ position + drift["offset"].values[k])
    return np.array(result)


def with_d(options: dict[str, Any], d: int) -> dict[str, Any]:
    if "curve" not in options:
        return options
    return options | {"curve": lambda frames: options["curve"](frames)[:, :d]}


def test_tutorial_drift() -> None:
    """Without correction the RMSE is about 37.8 and 18.9 in the tutorial."""
    velocity = np.array([0.002, 0.001])
    errors = []
    for seed in range(20):
        locs = simulate_thomas(seed=seed)
        moved = positions(simulate_drift(locs, velocity=velocity)) - positions(locs)
        np.testing.assert_allclose(
            moved, locs["frame"].to_numpy()[:, None] * velocity, rtol=0, atol=1e-9
        )
        errors.append(np.sqrt(np.mean(moved**2, axis=0)))
    # A third of 1e5 frames, more or less by a tenth: there are 100 clusters, more or less by 10.
    expected = velocity * 1e5 / 3 / np.sqrt(3)
    np.testing.assert_allclose(np.mean(errors, axis=0), expected, rtol=5 * 0.1 / np.sqrt(20))


def test_velocity_keeps_its_sign_beside_diffusion() -> None:
    """Locan's ``add_drift`` turns it round."""
    table = table_of()
    moved = simulate_drift(table, velocity=(50, -80), diffusion_constant=1, seed=1)
    way = (positions(moved) - positions(table)) / (table["frame"].to_numpy()[:, None] - 9.999)
    late = (table["frame"] > 50).to_numpy()
    np.testing.assert_allclose(way[late], np.broadcast_to([50.0, -80.0], way[late].shape), atol=2)


@pytest.mark.parametrize("d", [2, 3])
def test_the_returned_drift_undoes_everything_at_once(d: int) -> None:
    table = table_of(d=d)
    moved, drift = simulate_drift(table, **with_d(ALL, d), return_drift=True)
    require_drift(drift)
    assert np.abs(positions(moved) - positions(table)).max() > 20
    np.testing.assert_allclose(undo(moved, drift), positions(table), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in ALL if name != "seed"])
def test_the_returned_drift_undoes_each_term(name: str) -> None:
    table = table_of()
    options = with_d({name: ALL[name], "seed": 4}, 2)
    moved, drift = simulate_drift(table, **options, return_drift=True)
    assert np.abs(positions(moved) - positions(table)).max() > 1
    np.testing.assert_allclose(undo(moved, drift), positions(table), rtol=0, atol=1e-8)


def test_the_drift_has_one_chunk_for_each_frame() -> None:
    table = table_of()
    _, drift = simulate_drift(table, velocity=(1, 2), return_drift=True)
    frames = np.arange(10, table["frame"].max() + 1)
    for name in ("frame", "frame_start"):
        np.testing.assert_array_equal(drift[name], frames)
    np.testing.assert_array_equal(drift["frame_stop"], frames + 1)
    counts = table["frame"].value_counts().reindex(frames, fill_value=0)
    np.testing.assert_array_equal(drift["n_localizations"], counts)
    assert drift["valid"].all()
    np.testing.assert_array_equal(drift["offset"], (frames - 10)[:, None] * [-1.0, -2.0])
    assert (drift["matrix"].values == np.eye(2)).all()
    assert not np.signbit(drift["offset"].values[0]).any()


def test_the_drift_tells_how_it_was_made_and_survives_a_file(tmp_path: Any) -> None:
    table = table_of()
    _, drift = simulate_drift(
        table, velocity=(1, 2), curve=np.zeros((200, 2)), seed=3, return_drift=True
    )
    assert drift.attrs["method"] == "simulate_drift"
    assert drift.attrs["origin"] == "first_frame"
    assert '"velocity": [1, 2]' in drift.attrs["parameters"]
    drift.to_netcdf(tmp_path / "drift.nc")
    with xr.open_dataset(tmp_path / "drift.nc") as loaded:
        xr.testing.assert_equal(loaded.load(), drift)


def test_the_drift_at_the_centre_is_the_curve_also_with_rotation() -> None:
    table = table_of(d=3)
    options = {"velocity": (1, 2, 3), "diffusion_constant": 0.1, "seed": 2}
    _, drift = simulate_drift(table, **options, rotation=0.01, return_drift=True)
    curve = drift_curve(10, drift.sizes["chunk"], ("x", "y", "z"), **options)
    np.testing.assert_allclose(drift_of(drift), curve, atol=1e-9)


def test_rotation_is_about_the_centre_from_x_to_y() -> None:
    table = pd.DataFrame({"x": [10.0, 11.0, 11.0], "y": [20.0, 20.0, 20.0], "frame": [0, 0, 9]})
    options = {"rotation": np.pi / 18, "rotation_center": (10, 20)}
    moved = simulate_drift(table, **options)
    np.testing.assert_allclose(moved[["x", "y"]], [[10, 20], [11, 20], [10, 21]], atol=1e-12)


def test_rotation_turns_about_the_middle_of_the_extent_and_keeps_z() -> None:
    table = table_of(d=3)
    moved, drift = simulate_drift(table, rotation=0.01, return_drift=True)
    middle = (positions(table).min(axis=0) + positions(table).max(axis=0)) / 2
    np.testing.assert_allclose(center_of(drift), middle)
    np.testing.assert_array_equal(moved["position_z"], table["position_z"])
    radius = np.linalg.norm(positions(table)[:, :2] - middle[:2], axis=1)
    turned = np.linalg.norm(positions(moved)[:, :2] - middle[:2], axis=1)
    np.testing.assert_allclose(turned, radius)


@pytest.mark.parametrize("d", [2, 3])
def test_growth_is_by_the_same_factor_along_all_axes(d: int) -> None:
    table = table_of(d=d)
    options = {"scale": 1e-3, "rotation_center": (10, 20, 30)[:d]}
    moved, drift = simulate_drift(table, **options, return_drift=True)
    factor = np.exp(1e-3 * (table["frame"] - table["frame"].min())).to_numpy()[:, None]
    expected = np.array([10, 20, 30][:d]) + factor * (positions(table) - [10, 20, 30][:d])
    np.testing.assert_allclose(positions(moved), expected)
    np.testing.assert_array_equal(center_of(drift), [10, 20, 30][:d])


@pytest.mark.parametrize("first", [0, 1, 12_345])
def test_nothing_moves_in_the_first_frame(first: int) -> None:
    table = table_of(first=first)
    moved = simulate_drift(table, **with_d(ALL, 2))
    at_first = (table["frame"] == first).to_numpy()
    assert at_first.any()
    np.testing.assert_array_equal(positions(moved)[at_first], positions(table)[at_first])
    assert (positions(moved)[~at_first] != positions(table)[~at_first]).all()


def test_the_table_comes_back_as_it_was_but_for_the_coordinates() -> None:
    table = table_of().astype({"position_x": np.float32})
    table.index = pd.Index(np.random.default_rng(1).permutation(len(table)) * 3, name="id")
    table.attrs["sample"] = "U2OS"
    before = table.copy()
    moved = simulate_drift(table, **with_d(ALL, 2))
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs == {"sample": "U2OS"}
    assert list(moved.columns) == list(table.columns)
    assert (moved.dtypes == table.dtypes).all()
    pd.testing.assert_index_equal(moved.index, table.index)
    pd.testing.assert_frame_equal(moved[["frame", "intensity"]], table[["frame", "intensity"]])
    assert moved.attrs["sample"] == "U2OS"


def test_read_only_arrays_are_fine() -> None:
    arrays = {"x": np.arange(5.0), "y": np.arange(5.0), "frame": np.arange(5)}
    for array in arrays.values():
        array.setflags(write=False)
    table = pd.DataFrame(arrays, copy=False)
    moved = simulate_drift(table, velocity=(1, -1), rotation=1e-3)
    assert moved["x"].iloc[4] > 7
    np.testing.assert_array_equal(arrays["x"], np.arange(5.0))


def test_frames_may_be_in_the_index() -> None:
    table = table_of()
    moved = simulate_drift(table, **with_d(ALL, 2))
    indexed = simulate_drift(table.set_index("frame"), **with_d(ALL, 2))
    np.testing.assert_array_equal(positions(indexed), positions(moved))
    assert indexed.index.name == "frame"


@given(seed=st.integers(0, 10**6), keep=st.floats(0, 1))
def test_any_rows_in_any_order_move_alike(seed: int, keep: float) -> None:
    """The random walk belongs to the movie, not to the rows, so that parts of a table fit."""
    table = table_of(100)
    options = with_d(ALL, 2) | {"rotation_center": (5500, 5500)}
    moved = simulate_drift(table, **options)
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero((rng.random(100) < keep) | (table["frame"] == 10).to_numpy())
    rows = rng.permutation(rows)
    part = simulate_drift(table.iloc[rows], **options)
    np.testing.assert_allclose(positions(part), positions(moved)[rows], rtol=0, atol=1e-9)


def test_few_rows_in_many_frames_give_the_same_as_many_rows() -> None:
    """Frame by frame, or only in the frames that are there."""
    options = with_d({k: v for k, v in ALL.items() if k != "diffusion_constant"}, 2)
    dense = table_of(400)
    sparse = dense.drop_duplicates("frame")
    assert len(sparse) < np.ptp(dense["frame"]) + 1 < len(dense)
    options |= {"rotation_center": (5500, 5500)}
    expected = simulate_drift(dense, **options).loc[sparse.index]
    pd.testing.assert_frame_equal(simulate_drift(sparse, **options), expected)


def test_a_seed_gives_the_same_walk() -> None:
    table = table_of()
    walk = [simulate_drift(table, diffusion_constant=1, seed=s) for s in (1, 1, 2, None, None)]
    pd.testing.assert_frame_equal(walk[0], walk[1])
    assert not walk[0].equals(walk[2])
    assert not walk[3].equals(walk[4])


def test_frames_far_apart_need_no_memory_without_a_walk() -> None:
    table = pd.DataFrame({"x": [0.0, 0.0], "y": [0.0, 0.0], "frame": [0, 10**12]})
    tracemalloc.start()
    moved = simulate_drift(table, velocity=(1e-9, 0), step=(5, (0, 3)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
    np.testing.assert_allclose(moved["x"], [0, 1000])
    np.testing.assert_allclose(moved["y"], [0, 3])
    for options in ({"diffusion_constant": 1}, {"velocity": 1, "return_drift": True}):
        with pytest.raises(OptionError, match="frames 0 to 1000000000000"):
            simulate_drift(table, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("rotation", [None, 1e-3])
def test_missing_coordinates_stay_missing(rotation: float | None) -> None:
    table = table_of()
    table.iloc[5, :2] = np.nan
    options = with_d(ALL, 2) | {"rotation": rotation}
    moved, drift = simulate_drift(table, **options, return_drift=True)
    assert np.isnan(positions(moved)).sum() == 2
    assert np.isnan(positions(moved)[5]).all()
    assert np.isfinite(drift["offset"]).all()
    assert int(drift["n_localizations"].sum()) == len(table) - 1


def test_one_frame_does_not_move() -> None:
    table = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0], "frame": [5, 5]})
    moved, drift = simulate_drift(table, **with_d(ALL, 2), return_drift=True)
    pd.testing.assert_frame_equal(moved, table)
    assert drift.sizes["chunk"] == 1


def test_an_empty_table_gives_an_empty_table() -> None:
    table = table_of().iloc[:0]
    for options in (with_d(ALL, 2), {"velocity": (1, 2)}, {"curve": np.zeros((0, 2))}):
        moved, drift = simulate_drift(table, **options, return_drift=True)
        pd.testing.assert_frame_equal(moved, table)
        assert drift.sizes == {"chunk": 0, "component": 2, "component_in": 2}
        require_drift(drift)
    with pytest.raises(OptionError, match="velocity"):
        simulate_drift(table, velocity=(1, 2, 3))


def test_without_terms_nothing_moves() -> None:
    table = table_of()
    pd.testing.assert_frame_equal(simulate_drift(table), table)


def test_lengths_are_in_the_unit_of_the_table() -> None:
    """Picasso: x and y in camera pixels, z in nm, drift in nm."""
    table = pd.DataFrame(
        {"frame": [0, 1], "x": [5.0, 5.0], "y": [5.0, 5.0], "z": [0.0, 0.0], "lpx": 1, "lpy": 1}
    )
    table.attrs["smlm_columns"] = {"unit": "pixel", "pixel_size": 100.0}
    moved, drift = simulate_drift(table, velocity=(50, 20, 7), return_drift=True)
    np.testing.assert_allclose(moved[["x", "y", "z"]].iloc[1], [5.5, 5.2, 7])
    assert drift.attrs["length_unit"] == "nm"


def test_the_history_tells_what_was_done() -> None:
    table = simulate_thomas(cluster_mu=3, seed=1)
    curve = np.zeros((5000, 2))
    moved = simulate_drift(table, velocity=(1, 2), step=(5, 3), curve=curve, seed=8)
    made, moved_by = history.steps(moved.attrs)
    assert made["step"] == "simulate_thomas"
    assert moved_by["step"] == "simulate_drift"
    assert moved_by["parameters"]["velocity"] == [1, 2]
    assert moved_by["parameters"]["seed"] == 8
    assert len(str(moved_by["parameters"]["curve"])) < 100
    assert len(history.steps(table.attrs)) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"velocity": (1, 2, 3)}, "velocity"),
        ({"diffusion_constant": (1,)}, "diffusion_constant"),
        ({"rotation": (1, 2)}, r"rotation=\(1, 2\) must be one number"),
        ({"rotation": np.inf}, "rotation=inf"),
        ({"scale": (1, 2)}, r"scale=\(1, 2\) must be one number"),
        ({"rotation": 1, "rotation_center": (1, 2, 3)}, "rotation_center"),
    ],
)
def test_what_makes_no_sense_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        simulate_drift(table_of(), **options)


def test_a_table_without_frames_is_an_error() -> None:
    with pytest.raises(TableError, match="frame"):
        simulate_drift(table_of().drop(columns="frame"), velocity=(1, 2))

"""Drift of a table, by a method so simple that its answer is known: the means of the chunks."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.drift import center_of, drift_of, require_drift
from smlm_accessor.errors import InvalidChunkWarning, OptionError, TableError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import ChunkedLocalizations, Method, Registered
from smlm_accessor.table import attributes
from smlm_accessor.table.columns import set_columns
from smlm_accessor.table.localizations import read_localizations

SEEN: list[dict[str, Any]] = []


def means(
    points: ChunkedLocalizations,
    *,
    target: str = "first",
    progress: bool = False,
    fewest: int = 1,
    threads: int | None = None,
    turn: bool = False,
) -> Registered:
    """Register by the mean of each chunk; NaN for chunks with fewer localizations."""
    SEEN.append({"points": points, "target": target, "progress": progress})
    counts = np.diff(points.bounds)
    valid = counts >= fewest
    mean = np.full((points.n_chunks, len(points.components)), np.nan)
    for k in np.flatnonzero(valid):
        mean[k] = points.chunk(k).mean(axis=0)
    first = mean[np.flatnonzero(valid)[0]] if valid.any() else np.nan
    matrix = None
    if turn:  # about the center of the table, more for each chunk
        angle = 0.01 * np.arange(points.n_chunks)
        c, s = np.cos(angle), np.sin(angle)
        matrix = np.moveaxis(np.array([[c, -s], [s, c]]), 2, 0)
    return Registered(
        offset=first - mean,
        quality=counts.astype(float),
        valid=valid,
        matrix=matrix,
        offset_std=np.full(mean.shape, 0.5),
        chosen={"reach": 2.5},
    )


@pytest.fixture(autouse=True)
def _method(monkeypatch: pytest.MonkeyPatch) -> None:
    SEEN.clear()
    monkeypatch.setitem(registry._METHODS, "means", Method("means", means))


def drifting(
    frames: Any = None, velocity: tuple[float, ...] = (1.0, -2.0), far: float = 0.0
) -> pd.DataFrame:
    """The same four spots in every frame, moved on by the velocity in each."""
    frames = np.arange(1, 41) if frames is None else np.asarray(frames)
    spots = np.array([[0.0, 0, 0], [10, 0, 5], [0, 10, -5], [10, 10, 0]])[:, : len(velocity)]
    time = (frames - frames.min()).astype(float)
    positions = far + spots + (time[:, None] * velocity)[:, None]
    table = pd.DataFrame({"frame": np.repeat(frames, len(spots))})
    for j, axis in enumerate("xyz"[: len(velocity)]):
        table[axis] = positions[..., j].ravel()
    return table


def estimated(table: pd.DataFrame, **options: Any) -> xr.Dataset:
    return estimate_drift(table, method="means", **options)


# The answer.


@pytest.mark.parametrize("velocity", [(1.0, -2.0), (1.0, -2.0, 0.5)])
@pytest.mark.parametrize("far", [0.0, 1e6])
def test_the_drift_is_that_of_the_sample(velocity: tuple[float, ...], far: float) -> None:
    drift = estimated(drifting(velocity=velocity, far=far), n_chunks=4)
    require_drift(drift)
    expected = np.outer(np.arange(4) * 10, velocity)
    np.testing.assert_allclose(drift["offset"], -expected, atol=1e-8)
    np.testing.assert_allclose(drift_of(drift), expected, atol=1e-8)
    assert drift["n_localizations"].values.tolist() == [40] * 4
    assert drift["frame"].values.tolist() == [5.5, 15.5, 25.5, 35.5]
    assert drift["frame_start"].values.tolist() == [1, 11, 21, 31]
    assert drift["frame_stop"].values.tolist() == [11, 21, 31, 41]
    assert (drift["offset_std"] == 0.5).all()
    assert drift["quality"].values.tolist() == [40.0] * 4
    mean = drifting(velocity=velocity, far=far).drop(columns="frame").mean()
    np.testing.assert_allclose(center_of(drift), mean, rtol=0, atol=1e-4)


@pytest.mark.parametrize("start", [0, 1, -1000, 10**12, -(10**12)])
def test_frames_may_start_anywhere(start: int) -> None:
    drift = estimated(drifting(start + np.arange(40)), n_chunks=4)
    np.testing.assert_allclose(drift["offset"][:, 0], [0, -10, -20, -30], atol=1e-9)
    assert drift["frame_start"].values.tolist() == [start + 10 * k for k in range(4)]
    assert drift["frame"].values.tolist() == [start + 10 * k + 4.5 for k in range(4)]


def test_gaps_between_frames() -> None:
    frames = np.array([0, 1, 2, 100, 101, 102, 10**9, 10**9 + 1, 10**9 + 2])
    drift = estimated(drifting(frames, velocity=(1e-6, 0.0)), n_chunks=3)
    assert drift["frame"].values.tolist() == [1, 101, 10**9 + 1]
    assert drift["frame_start"].values.tolist() == [0, 100, 10**9]
    np.testing.assert_allclose(drift["offset"][:, 0], [0, -1e-4, -1e3], rtol=1e-6)


def test_the_mean_frame_is_over_localizations() -> None:
    table = pd.DataFrame({"frame": [0, 3, 3, 3, 8, 9], "x": 0.0, "y": 0.0})
    drift = estimated(table, chunks=[0, 4, 10])
    assert drift["frame"].values.tolist() == [9 / 4, 8.5]


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    table = drifting()
    shuffled = table.sample(frac=1, random_state=seed)
    drift = estimated(table, chunk_size=37)
    again = estimated(shuffled, chunk_size=37)
    np.testing.assert_allclose(again["offset"], drift["offset"], atol=1e-12)
    xr.testing.assert_allclose(again, drift, atol=1e-12)


IN_THE_INDEX: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "index": lambda t: t.set_index("frame"),
    "level": lambda t: t.assign(id=range(len(t))).set_index(["id", "frame"]),
    "column": lambda t: t.set_axis(["same label"] * len(t), axis=0),
}


@pytest.mark.parametrize("where", IN_THE_INDEX)
def test_frames_wherever_they_are(where: str) -> None:
    table = drifting()
    expected = estimated(table)
    xr.testing.assert_identical(estimated(IN_THE_INDEX[where](table)), expected)


@pytest.mark.parametrize("dtype", ["float32", "Float64", "double[pyarrow]", object, "category"])
def test_coordinates_of_any_kind(dtype: Any) -> None:
    table = drifting()
    moved = table.astype({"x": dtype, "y": dtype})
    xr.testing.assert_allclose(estimated(moved), estimated(table), atol=1e-4)


# What the method gets.


def test_the_method_gets_centered_points_ordered_by_frame() -> None:
    table = drifting(far=1e6).sample(frac=1, random_state=1)
    drift = estimated(table, n_chunks=4, target="all", progress=True)
    points = SEEN[-1]["points"]
    assert SEEN[-1]["target"] == "all"
    assert SEEN[-1]["progress"] is True
    assert points.positions.flags.c_contiguous
    assert points.positions.dtype == np.float64
    np.testing.assert_allclose(points.positions.mean(axis=0), 0, atol=1e-4)
    assert (np.diff(points.frames) >= 0).all()
    assert points.bounds.tolist() == [0, 40, 80, 120, 160]
    assert points.components == ("x", "y")
    assert points.n_chunks == 4
    assert points.uncertainty is None
    center = drift["center"].values
    first = table["frame"].min()  # methods get frames that are counted from 0
    back = np.column_stack([points.frames + first, points.positions + center])
    expected = table[["frame", "x", "y"]].to_numpy()
    np.testing.assert_allclose(
        back[np.lexsort(back.T[::-1])], expected[np.lexsort(expected.T[::-1])], atol=1e-8
    )


def test_the_method_gets_the_precision_of_the_rows_it_gets() -> None:
    table = drifting().assign(uncertainty=np.arange(160.0))
    table.loc[3, "x"] = np.nan
    shuffled = table.sample(frac=1, random_state=1)
    drift = estimated(shuffled)
    points = SEEN[-1]["points"]
    assert points.uncertainty.shape == points.positions.shape
    known = dict(zip(table["uncertainty"], table["x"], strict=True))
    center = float(drift["center"][0])
    for (u, _), (x, _) in zip(points.uncertainty, points.positions, strict=True):
        assert x + center == pytest.approx(known[u], abs=1e-9)


def test_rotations_are_about_the_center_wherever_the_table_is() -> None:
    near, far = (estimated(drifting(far=f), n_chunks=4, turn=True) for f in (0.0, 1e5))
    np.testing.assert_allclose(drift_of(far), drift_of(near), rtol=0, atol=1e-8)
    angle = 0.01 * np.arange(4)
    np.testing.assert_allclose(near["matrix"][:, 0, 0], np.cos(angle))
    corrected = far["matrix"].values @ center_of(far) + far["offset"].values
    np.testing.assert_allclose(corrected - center_of(far), -drift_of(far), atol=1e-8)


# Rows that cannot be used.


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_rows_without_coordinates_do_not_count(missing: float) -> None:
    table = drifting()
    expected = estimated(table, n_chunks=4)
    extra = table.iloc[::7].assign(x=missing, frame=lambda t: t["frame"] * 3 - 50)
    drift = estimated(pd.concat([extra, table]), n_chunks=4)
    xr.testing.assert_allclose(drift, expected)


def test_no_rows() -> None:
    with pytest.raises(TableError, match="no rows"):
        estimated(drifting().iloc[:0])


def test_no_coordinates() -> None:
    with pytest.raises(TableError, match="None of the 160 rows has coordinates"):
        estimated(drifting().assign(x=np.nan))


def test_a_single_frame() -> None:
    with pytest.raises(TableError, match=r"All localizations are in frame 7.*set_columns"):
        estimated(drifting().assign(frame=7))


def test_a_single_frame_with_coordinates() -> None:
    table = drifting([1, 2])
    table.loc[table["frame"] == 2, "y"] = np.nan
    with pytest.raises(TableError, match="All localizations are in frame 1"):
        estimated(table)


def test_one_row() -> None:
    with pytest.raises(TableError, match="in frame 1"):
        estimated(drifting().iloc[:1])


@pytest.mark.parametrize("rule", [{"n_chunks": 1}, {"chunk_size": 160}, {"frames_per_chunk": 99}])
def test_a_single_chunk_is_an_error(rule: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=r"single one, of 160 localizations in 40 frames"):
        estimated(drifting(), **rule)


def test_two_frames_are_enough() -> None:
    drift = estimated(drifting([5, 9]))
    assert drift["frame"].values.tolist() == [5, 9]
    np.testing.assert_allclose(drift["offset"], [[0, 0], [-4, 8]])


# Chunks.


@pytest.mark.parametrize(
    ("rule", "edges"),
    [
        ({}, [1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41]),
        ({"n_chunks": 3}, [1, 14, 28, 41]),
        ({"chunk_size": 60}, [1, 16, 31, 41]),
        ({"frames_per_chunk": 15}, [1, 16, 31, 41]),
        ({"chunks": [0, 7, 100]}, [0, 7, 100]),
    ],
)
def test_rules(rule: dict[str, Any], edges: list[int]) -> None:
    drift = estimated(drifting(), **rule)
    assert [*drift["frame_start"].values, drift["frame_stop"].values[-1]] == edges
    assert int(drift["n_localizations"].sum()) == 160


def test_two_rules_are_an_error() -> None:
    with pytest.raises(OptionError, match="only one of"):
        estimated(drifting(), n_chunks=3, chunk_size=10)


def test_a_chunk_that_cannot_be_registered_is_said_once_with_its_name() -> None:
    table = drifting()
    table = table[~table["frame"].between(11, 20)]
    with pytest.warns(InvalidChunkWarning) as caught:
        drift = estimated(table, frames_per_chunk=10)
    assert len(caught) == 1
    assert "chunk 1 (frames 11 to 20, 0 localizations)" in str(caught[0].message)
    assert drift["valid"].values.tolist() == [True, False, True, True]
    assert np.isnan(drift["offset"].values[1]).all()
    np.testing.assert_allclose(drift["offset"].values[[0, 2, 3], 0], [0, -20, -30])
    assert drift["frame"].values[1] == 15.5
    require_drift(drift)


def test_many_chunks_that_cannot_be_registered_are_one_short_warning() -> None:
    with pytest.warns(InvalidChunkWarning, match="and 3 more") as caught:
        drift = estimated(drifting(), chunks=[1, 4, 8, 11, 14, 17, 20, 23, 26, 29, 41], fewest=13)
    assert len(caught) == 1
    assert int(drift["valid"].sum()) == 2


def test_the_first_chunk_may_be_the_one_that_fails() -> None:
    with pytest.warns(InvalidChunkWarning, match="chunk 0 "):
        drift = estimated(drifting(), chunks=[1, 3, 11, 21, 41], fewest=10)
    assert np.isnan(drift["offset"].values[0]).all()
    np.testing.assert_array_equal(drift["offset"].values[1], 0)


@pytest.mark.parametrize("k", [0, 3])
def test_a_chunk_that_is_tiny_beside_the_others_counts_as_empty(k: int) -> None:
    speed = 1.1**0.5  # positions are not multiples of anything
    table = drifting(np.arange(4000), (speed, -2 * speed)).assign(uncertainty=1.0)
    few = table[table["frame"] // 1000 == k].iloc[:49]
    rest = table[table["frame"] // 1000 != k]
    edges = np.arange(0, 4001, 1000)
    with pytest.warns(InvalidChunkWarning, match=f"chunk {k} .*49 localizations") as caught:
        drift = estimated(pd.concat([few, rest]), chunks=edges)
    assert len(caught) == 1
    points = SEEN[-1]["points"]
    counts = [4000] * 4
    counts[k] = 0
    assert np.diff(points.bounds).tolist() == counts
    assert len(points.positions) == len(points.frames) == len(points.uncertainty) == 12_000
    counts[k] = 49
    assert drift["n_localizations"].values.tolist() == counts
    others = np.arange(4) != k
    expected = -1000.0 * speed * (np.arange(4) - (k == 0))
    np.testing.assert_allclose(drift["offset"].values[others, 0], expected[others], atol=1e-6)
    # Fifty are enough, and so is a twentieth of what the others have.
    more = table[table["frame"] // 1000 == k].iloc[:50]
    assert estimated(pd.concat([more, rest]), chunks=edges)["valid"].all()
    table = drifting(np.arange(80))
    table = table[(table["frame"] >= 20) | (table.index == 0)]
    assert estimated(table, chunks=[0, 20, 25, 30, 80])["valid"].all()


def test_no_warning_without_cause() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimated(drifting())


# Origin, units, record.


def test_origin() -> None:
    velocity = np.array([1.0, -2.0])
    zero = {"first_chunk": 5.5, "first_frame": 1.0, "mean": 20.5}
    for origin, frame in zero.items():
        drift = estimated(drifting(), n_chunks=4, origin=origin)
        expected = np.outer([5.5 - frame + 10 * k for k in range(4)], velocity)
        np.testing.assert_allclose(drift_of(drift), expected, atol=1e-9)
        assert drift.attrs["origin"] == origin


def test_units() -> None:
    table = drifting(velocity=(1.0, -2.0, 10.0)).assign(lpx=0.1, lpy=0.1)
    sized = set_columns(table, pixel_size=100)
    drift = estimated(sized, n_chunks=4)
    assert drift.attrs["length_unit"] == "nm"
    assert drift["offset"].attrs["units"] == "nm"
    np.testing.assert_allclose(drift["offset"].values[1], [-1000, 2000, -100], atol=1e-9)
    assert "length_unit" not in estimated(drifting()).attrs
    with pytest.raises(TableError, match="pixel_size"):
        estimated(table)


def test_the_record() -> None:
    drift = estimated(drifting(), chunk_size=50, target="all", fewest=3)
    assert drift.attrs["method"] == "means"
    assert drift.attrs["target"] == "all"
    assert drift.attrs["origin"] == "first_chunk"
    assert attributes.parameters(drift) == {
        "chunk_size": 50,
        "fewest": 3,
        "turn": False,
        "reach": 2.5,  # what the method chose
    }
    assert attributes.parameters(estimated(drifting()))["n_chunks"] == 10
    edges = attributes.parameters(estimated(drifting(), chunks=np.array([1, 20, 41])))["chunks"]
    assert edges == [1, 20, 41]
    json.dumps(drift.attrs)


# What is not known.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, r"method='magic' is not known; choose one of 'overlap', 'aim'"),
        ({"target": "last"}, r"target='last'.*'previous'"),
        ({"origin": "last"}, r"origin='last'.*'first_chunk'"),
        ({"n_chunk": 3}, r"(?s)'means' has no option 'n_chunk'; did you mean 'n_chunks'\?.*fewest"),
        ({"few": 3, "turns": 1}, r"'few', 'turns'"),
    ],
)
def test_unknown_words_are_errors_that_list_the_known(options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        estimate_drift(drifting(), **{"method": "means", **options})
    assert not SEEN  # said before any work


def test_the_table_is_not_touched(tmp_path: Path) -> None:
    table = drifting().sample(frac=1, random_state=1).set_index("frame")
    table["x"] = table["x"].astype("float32")
    table.attrs["mine"] = {"deep": [1]}
    before, attrs = table.copy(deep=True), {"mine": {"deep": [1]}}
    for column in table:
        table[column].to_numpy(copy=False).flags.writeable = False
    estimated(table)
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs == attrs


def test_the_dataset_holds_its_own_memory() -> None:
    table = drifting()
    drift = estimated(table)
    drift["offset"][:] = 1e9
    drift["center"][:] = 1e9
    np.testing.assert_array_equal(read_localizations(table).positions[:4, 0], [0, 10, 0, 10])
    np.testing.assert_array_equal(SEEN[-1]["points"].positions.max() < 1e3, True)

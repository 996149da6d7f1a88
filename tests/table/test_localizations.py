"""Localizations out of a table, and back into a new one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from smlm_accessor.errors import TableError
from smlm_accessor.table.columns import set_columns
from smlm_accessor.table.localizations import read_localizations, write_positions

NAN = float("nan")


def table(x: Any = (1.0, 2.5, 3.0), frame: Any = (0, 1, 2), **others: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": x, "y": [10.0, 20.0, 30.0], "frame": frame, **others})


def arrow(*values: Any, kind: str) -> pd.Series:
    return pd.Series(values, dtype=f"{kind}[pyarrow]")


# Coordinates: what they may be, and in which dtype they come back.

X_COLUMNS: dict[str, tuple[Any, list[float], Any]] = {
    "float64": (np.array([1.0, 2.5, NAN]), [1, 2.5, NAN], np.dtype("float64")),
    "float32": (np.array([1, 2.5, NAN], np.float32), [1, 2.5, NAN], np.dtype("float32")),
    "float16": (np.array([1, 2.5, NAN], np.float16), [1, 2.5, NAN], np.dtype("float64")),
    "big endian": (np.array([1, 2.5, NAN], ">f8"), [1, 2.5, NAN], np.dtype(">f8")),
    "int64": (np.array([1, 2, 3]), [1, 2, 3], np.dtype("float64")),
    "int32": (np.array([1, 2, 3], np.int32), [1, 2, 3], np.dtype("float64")),
    "uint16": (np.array([1, 2, 65535], np.uint16), [1, 2, 65535], np.dtype("float64")),
    "Float64": (pd.Series([1, 2.5, pd.NA], dtype="Float64"), [1, 2.5, NAN], pd.Float64Dtype()),
    "Float32": (pd.Series([1, 2.5, pd.NA], dtype="Float32"), [1, 2.5, NAN], pd.Float32Dtype()),
    "Int64": (pd.Series([1, 2, pd.NA], dtype="Int64"), [1, 2, NAN], pd.Float64Dtype()),
    "UInt8": (pd.Series([1, 2, pd.NA], dtype="UInt8"), [1, 2, NAN], pd.Float64Dtype()),
    "arrow double": (
        arrow(1.0, 2.5, None, kind="double"),
        [1, 2.5, NAN],
        pd.ArrowDtype(pa.float64()),
    ),
    "arrow float": (
        arrow(1.0, 2.5, None, kind="float"),
        [1, 2.5, NAN],
        pd.ArrowDtype(pa.float32()),
    ),
    "arrow int": (arrow(1, 2, None, kind="int32"), [1, 2, NAN], pd.ArrowDtype(pa.float64())),
    "category": (pd.Categorical([1.0, 2.5, 1.0]), [1, 2.5, 1], np.dtype("float64")),
    "category of int": (pd.Categorical([7, 2, 7]), [7, 2, 7], np.dtype("float64")),
    "category of int, missing": (pd.Categorical([7, None, 7]), [7, NAN, 7], np.dtype("float64")),
    "category of text": (pd.Categorical(["1", "2.5", None]), [1, 2.5, NAN], np.dtype("float64")),
    "object": (pd.Series([1, 2.5, None], dtype=object), [1, 2.5, NAN], np.dtype("float64")),
    "object, NA": (pd.Series([1, 2.5, pd.NA], dtype=object), [1, 2.5, NAN], np.dtype("float64")),
    "decimal": (pd.Series([Decimal("2.5"), 1, None]), [2.5, 1, NAN], np.dtype("float64")),
    "text of numbers": (["1", "2.5e3", "-3"], [1, 2500, -3], np.dtype("float64")),
    "infinite": (np.array([np.inf, 1, -np.inf]), [np.inf, 1, -np.inf], np.dtype("float64")),
}


@pytest.mark.parametrize("kind", X_COLUMNS)
def test_coordinates_of_every_kind(kind: str) -> None:
    column, expected, dtype = X_COLUMNS[kind]
    given = table(column)
    before = given.copy(deep=True)

    localizations = read_localizations(given)
    assert localizations.positions.dtype == np.float64
    assert localizations.positions.flags.c_contiguous
    np.testing.assert_array_equal(localizations.positions[:, 0], expected)

    moved = write_positions(given, localizations.columns, localizations.positions + 0.25)
    assert moved["x"].dtype == dtype
    np.testing.assert_array_equal(
        moved["x"].to_numpy(dtype=np.float64, na_value=NAN), np.array(expected) + 0.25
    )
    assert moved["x"].isna().tolist() == np.isnan(expected).tolist()
    pd.testing.assert_frame_equal(given, before)


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ([True, False, True], "bool"),
        (pd.array([True, None, False], dtype="boolean"), "boolean"),
        ([1j, 2, 3], "complex128"),
        (pd.Series([1j, 2, pd.NA], dtype=object), "1j"),
        (pd.to_datetime(["2020-01-01"] * 3), "datetime64"),
        (pd.Series(pd.to_datetime(["2020-01-01"] * 3), dtype=object), "2020"),
        (pd.to_timedelta([1, 2, 3]), "timedelta64"),
        (pd.period_range("2020", periods=3, freq="D"), "period"),
        (["1", "two", "3"], "'two'"),
        (["1", "", "3"], "''"),
        (pd.Categorical(["one", "2", None]), "'one'"),
        (pd.Series(["1,5", "2", "3"], dtype=object), "'1,5'"),
        (pd.Series([[1], [2], [3]]), r"\[1\]"),
    ],
)
def test_what_is_not_a_number_is_an_error_that_names_it(column: Any, named: str) -> None:
    with pytest.raises(TableError, match=rf"'x'.*{named}.*pandas.to_numeric"):
        read_localizations(table(column))


def test_read_only_arrays_and_the_input_stay_as_they_are() -> None:
    x = np.array([1.0, 2.0, 3.0])
    x.setflags(write=False)
    given = pd.DataFrame({"x": x, "y": x, "frame": np.arange(3)}, copy=False)
    localizations = read_localizations(given)
    localizations.positions[:] = -1  # ours, so it can be written
    moved = write_positions(given, localizations.columns, np.zeros((3, 2)))
    moved.loc[0, "x"] = 99.0
    assert x.tolist() == [1, 2, 3]
    assert given["x"].tolist() == [1, 2, 3]
    assert given["y"].tolist() == [1, 2, 3]


def test_the_new_table_does_not_share_the_arrays_it_was_given() -> None:
    given = table(extra=[1.0, 2.0, 3.0])
    columns = read_localizations(given).columns
    positions = np.ones((3, 2))
    moved = write_positions(given, columns, positions)
    moved.loc[0, "extra"] = 99.0
    moved.loc[0, "x"] = 99.0
    assert given["extra"].tolist() == [1, 2, 3]
    assert given["x"].tolist() == [1, 2.5, 3]


# Rows: none, one, doubled labels, any order.


def test_no_rows() -> None:
    given = table().iloc[:0]
    localizations = read_localizations(given)
    assert localizations.positions.shape == (0, 2)
    assert localizations.frames.shape == (0,)
    moved = write_positions(given, localizations.columns, np.empty((0, 2)))
    pd.testing.assert_frame_equal(moved, given)


def test_no_rows_and_no_dtypes() -> None:
    localizations = read_localizations(pd.DataFrame(columns=["x", "y", "z", "frame"]))
    assert localizations.positions.shape == (0, 3)


def test_one_row() -> None:
    localizations = read_localizations(table().iloc[1:2])
    assert localizations.positions.tolist() == [[2.5, 20.0]]
    assert localizations.frames.tolist() == [1]


def test_row_order_index_and_columns_come_back() -> None:
    given = table(name=list("abc"), kind=pd.Categorical(list("uvu")))[
        ["kind", "y", "frame", "x", "name"]
    ]
    given.index = pd.Index([7, 7, -1], name="spot")
    given.columns.name = "what"
    localizations = read_localizations(given)
    np.testing.assert_array_equal(localizations.positions[:, 0], [1, 2.5, 3])
    moved = write_positions(given, localizations.columns, localizations.positions + 1)
    pd.testing.assert_frame_equal(moved, given.assign(x=given["x"] + 1, y=given["y"] + 1))


def test_a_column_beside_that_exists_twice_comes_back() -> None:
    given = pd.concat([table(a=1), table()[["frame"]].rename(columns={"frame": "a"})], axis=1)
    localizations = read_localizations(given)
    moved = write_positions(given, localizations.columns, localizations.positions + 1)
    assert list(moved.columns) == list(given.columns)
    pd.testing.assert_frame_equal(moved["a"], given["a"])


# Frames.


@pytest.mark.parametrize(
    "frame",
    [
        np.array([-3, 0, 10**12]),
        np.array([-3, 0, 100], np.int8),
        np.array([3, 0, 100], np.uint32),
        np.array([3, 0, 100], np.uint64),
        np.array([3, 0, 100], ">i4"),
        np.array([-3.0, 0.0, 1e12]),
        np.array([-3, 0, 100], np.float32),
        pd.array([-3, 0, 100], dtype="Int64"),
        arrow(-3, 0, 100, kind="int16"),
        pd.Categorical([5, 4, 5]),
        ["3", "4", "0"],
    ],
)
def test_frames_of_every_kind(frame: Any) -> None:
    frames = read_localizations(table(frame=frame)).frames
    assert frames.dtype == np.int64
    np.testing.assert_array_equal(frames, [int(f) for f in frame])


def test_integer_frames_are_exact() -> None:
    large = 2**53 - 3 + np.arange(3)
    np.testing.assert_array_equal(read_localizations(table(frame=large)).frames, large)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ([0, 0.5, 1], "0.5, which is not a whole number"),
        ([0, NAN, 1], "1 rows without a frame number"),
        ([0, np.inf, 1], "1 rows without a frame number"),
        (pd.array([0, None, None], dtype="Int64"), "2 rows without a frame number"),
        ([0, 1e300, 1], r"beyond 2\*\*53"),
        (np.array([2**60, 1, 2]), r"beyond 2\*\*53"),
        (np.array([0, 1, -(2**63)]), r"beyond 2\*\*53"),
        (np.array([2**53 + 1, 1, 2], np.uint64), r"beyond 2\*\*53"),  # would become 2**53
        (pd.array([2**53 + 1, 1, 2], dtype="Int64"), r"beyond 2\*\*53"),
        ([True, False, True], "bool"),
        (["a", "b", "c"], "'a'"),
        (pd.to_datetime(["2020-01-01"] * 3), "datetime64"),
    ],
)
def test_frames_that_cannot_be(frame: Any, problem: str) -> None:
    with pytest.raises(TableError, match=problem) as error:
        read_localizations(table(frame=frame))
    assert "'frame'" in str(error.value)


def test_a_table_without_frames() -> None:
    given = table().drop(columns="frame")
    with pytest.raises(TableError, match=r"no column of frame numbers.*set_columns"):
        read_localizations(given)
    assert read_localizations(given, need_frames=False).positions.shape == (3, 2)


@pytest.mark.parametrize("levels", [["frame"], ["frame", "id"], ["id", "frame"]])
def test_frames_in_the_index(levels: list[str]) -> None:
    given = table(frame=[5, 5, 2], id=[1, 2, 3]).set_index(levels)
    localizations = read_localizations(given)
    assert localizations.frames.tolist() == [5, 5, 2]
    moved = write_positions(given, localizations.columns, localizations.positions + 1)
    pd.testing.assert_index_equal(moved.index, given.index)


# Problems, all at once.


def test_all_problems_are_said_at_once() -> None:
    given = pd.DataFrame({"x": [True], "y": ["b"], "z": [0.0], "lpx": ["c"], "lpy": [0.0]})
    with pytest.raises(TableError) as error:
        read_localizations(given)
    message = str(error.value)
    for part in ("'x' has dtype bool", "'b'", "'c'", "pixel_size", "frame numbers"):
        assert part in message
    assert message.count("\n- ") == 5


def test_a_problem_of_a_column_used_twice_is_said_once() -> None:
    given = pd.DataFrame(
        {"position_x": [0.0], "position_y": [0.0], "frame": [0], "uncertainty": ["bad"]}
    )
    with pytest.raises(TableError) as error:
        read_localizations(given)
    assert str(error.value).count("'bad'") == 1


# Units.


def picasso() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "frame": [0, 1],
            "x": [1.0, 2.0],
            "y": [3.0, 4.0],
            "z": [50.0, -60.0],
            "lpx": [0.1, 0.2],
            "lpy": [0.3, 0.4],
            "lpz": [10.0, 20.0],
        }
    )


def test_pixels_and_nm_need_a_pixel_size() -> None:
    with pytest.raises(TableError, match=r"in pixel but z is in nm.*pixel_size=130"):
        read_localizations(picasso())


def test_pixels_and_nm_become_nm_and_go_back() -> None:
    given = set_columns(picasso(), pixel_size=100)
    localizations = read_localizations(given)
    assert localizations.length_unit == "nm"
    np.testing.assert_allclose(localizations.positions, [[100, 300, 50], [200, 400, -60]])
    np.testing.assert_allclose(localizations.uncertainty, [[10, 30, 10], [20, 40, 20]])
    moved = write_positions(given, localizations.columns, localizations.positions + 50)
    np.testing.assert_allclose(moved[["x", "y", "z"]], [[1.5, 3.5, 100], [2.5, 4.5, -10]])


def test_pixels_alone_stay_pixels() -> None:
    localizations = read_localizations(picasso().drop(columns=["z", "lpz"]))
    assert localizations.length_unit == "pixel"
    assert localizations.positions.tolist() == [[1, 3], [2, 4]]
    np.testing.assert_array_equal(localizations.uncertainty, [[0.1, 0.3], [0.2, 0.4]])


def test_z_in_another_unit_is_converted() -> None:
    given = pd.DataFrame({"x [um]": [1.0], "y [um]": [2.0], "z [nm]": [500.0], "frame": [0]})
    localizations = read_localizations(given)
    np.testing.assert_allclose(localizations.positions, [[1, 2, 0.5]])
    moved = write_positions(given, localizations.columns, localizations.positions)
    np.testing.assert_allclose(moved["z [nm]"], 500)


def test_precision_in_the_unit_that_its_name_says() -> None:
    given = pd.DataFrame(
        {"x [um]": [1.0], "y [um]": [2.0], "frame": [0], "uncertainty [nm]": [20.0]}
    )
    np.testing.assert_allclose(read_localizations(given).uncertainty, [[0.02, 0.02]])


def test_precision_in_nm_beside_pixels_of_unknown_size_is_unknown() -> None:
    given = pd.DataFrame(
        {"x [px]": [1.0], "y [px]": [2.0], "frame": [0], "uncertainty [nm]": [20.0]}
    )
    assert np.isnan(read_localizations(given).uncertainty).all()
    sized = read_localizations(set_columns(given, pixel_size=100))
    np.testing.assert_allclose(sized.uncertainty, [[20, 20]])
    np.testing.assert_allclose(sized.positions, [[100, 200]])


def test_a_word_in_brackets_that_is_no_length_is_no_unit() -> None:
    given = pd.DataFrame({"x [um]": [1.0], "y [um]": [2.0], "frame": [0], "s (fit)": [0.02]})
    named = set_columns(given, uncertainty_x="s (fit)", uncertainty_y="s (fit)")
    np.testing.assert_array_equal(read_localizations(named).uncertainty, [[0.02, 0.02]])


def test_no_precision() -> None:
    assert read_localizations(table()).uncertainty is None


def test_precision_of_x_and_y_only_leaves_z_unknown() -> None:
    given = table(z=[0.0, 1.0, 2.0], uncertainty=[5.0, 6.0, NAN])
    np.testing.assert_array_equal(
        read_localizations(given).uncertainty, [[5, 5, NAN], [6, 6, NAN], [NAN, NAN, NAN]]
    )


def test_finite_means_all_coordinates() -> None:
    given = table([1.0, NAN, 3.0], z=[0.0, 1.0, np.inf])
    assert read_localizations(given).finite.tolist() == [True, False, False]


@pytest.mark.parametrize("make", [table, picasso], ids=["plain", "Picasso"])
def test_reading_and_writing_leave_the_input_untouched(make: Callable[[], pd.DataFrame]) -> None:
    given = set_columns(make(), pixel_size=100)
    given.attrs["mine"] = {"deep": [1, 2]}
    before, attrs = given.copy(deep=True), {k: dict(v) for k, v in given.attrs.items()}
    localizations = read_localizations(given)
    write_positions(given, localizations.columns, localizations.positions * 2)
    pd.testing.assert_frame_equal(given, before)
    assert given.attrs == attrs

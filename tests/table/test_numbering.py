"""Frame numbers that go on from file to file."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.table.numbering import join_movies, number_frames


def file_of(n_frames: int, *, first: int = 0, seed: int = 1, per_frame: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = np.repeat(np.arange(first, first + n_frames), per_frame)
    x, y = rng.uniform(0, 1000, (2, len(frames)))
    return pd.DataFrame({"frame": frames, "x": x, "y": y, "extra": "a"})


@pytest.fixture
def both() -> pd.DataFrame:
    return pd.concat([file_of(100), file_of(50, seed=2)], ignore_index=True)


def test_the_order_of_rows_tells_files(both: pd.DataFrame) -> None:
    before = both.copy()
    table = number_frames(both)
    assert table["frame"].tolist() == np.repeat(np.arange(150), 2).tolist()
    assert table["file"].tolist() == [0] * 200 + [1] * 100
    pd.testing.assert_frame_equal(both, before)
    pd.testing.assert_frame_equal(table.drop(columns=["frame", "file"]), both.drop(columns="frame"))


def test_numbers_of_the_first_file_stay() -> None:
    table = pd.concat([file_of(10, first=1), file_of(10, first=1, seed=2)], ignore_index=True)
    assert number_frames(table)["frame"].tolist() == np.repeat(np.arange(1, 21), 2).tolist()


def test_a_column_tells_files_whatever_the_order_of_rows(both: pd.DataFrame) -> None:
    both["movie"] = pd.Categorical(["b"] * 200 + ["a"] * 100)
    expected = number_frames(both, by="movie")
    assert expected["frame"].max() == 149
    first = [0, *np.random.default_rng(1).permutation(np.arange(1, 300))]
    shuffled = both.iloc[first]
    found = number_frames(shuffled, by="movie")
    pd.testing.assert_frame_equal(found.sort_index(), expected)


def test_dask_gives_the_same(both: pd.DataFrame) -> None:
    both = both.drop(columns="extra").assign(file=np.repeat([7, 3], [200, 100]))
    expected = number_frames(both, by="file")
    found = dd.from_pandas(both, npartitions=4).smlm.number_frames(by="file").compute()
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("uint8", "int64"), ("int16", "int16"), ("float64", "float64"), ("int64[pyarrow]", "int64")],
)
def test_dtypes_hold_the_new_numbers(dtype: str, expected: str) -> None:
    table = pd.concat([file_of(200), file_of(200, seed=2)], ignore_index=True)
    found = number_frames(table.astype({"frame": dtype}))["frame"]
    assert found.max() == 399
    assert str(found.dtype) == expected


def test_what_was_done_is_recorded(both: pd.DataFrame) -> None:
    assert number_frames(both).attrs["smlm_history"][-1]["step"] == "number_frames"


class TestJoin:
    def test_files_follow_each_other(self) -> None:
        a, b = file_of(100), file_of(50, seed=2)
        table = join_movies([a, b], names=["first.csv", "second.csv"])
        assert table["frame"].tolist() == np.repeat(np.arange(150), 2).tolist()
        assert table["file"].unique().tolist() == ["first.csv", "second.csv"]
        assert table.index.equals(pd.RangeIndex(300))
        np.testing.assert_array_equal(table["x"], np.concatenate([a["x"], b["x"]]))
        assert "file" not in a

    def test_roles_of_columns_stay(self) -> None:
        renamed = [file_of(20, seed=s).rename(columns={"x": "u", "frame": "t"}) for s in (1, 2)]
        roles = {"x": "u", "y": "y", "frame": "t", "unit": "nm"}
        tables = [smlm_accessor.set_columns(table, **roles) for table in renamed]
        assert join_movies(tables).smlm.columns.frame == "t"

    def test_what_does_not_fit_together_is_an_error(self) -> None:
        a = file_of(10)
        with pytest.raises(TableError, match="Table 1 has other columns than table 0"):
            join_movies([a, a.drop(columns="extra")])
        with pytest.raises(TableError, match="units or roles"):
            join_movies([a, smlm_accessor.set_columns(a, unit="um")])
        with pytest.raises(TableError, match="dask"):
            join_movies([a, dd.from_pandas(a, npartitions=1)])
        with pytest.raises(TableError, match="has a column 'file' already"):
            join_movies([a.assign(file=1), a.assign(file=2)])
        for tables, names in (([], None), ([a, a], ["one"]), ([a, a], ["one", "one"])):
            with pytest.raises(OptionError, match="a name of its own"):
                join_movies(tables, names=names)


class TestErrors:
    def test_rows_in_no_order(self, both: pd.DataFrame) -> None:
        shuffled = both.sample(frac=1, random_state=1)
        with pytest.raises(TableError, match=r"decrease more than 32 times"):
            number_frames(shuffled)

    def test_no_such_column(self, both: pd.DataFrame) -> None:
        with pytest.raises(OptionError, match="by='movie' is not a column"):
            number_frames(both, by="movie")

    def test_dask_needs_a_column(self, both: pd.DataFrame) -> None:
        with pytest.raises(OptionError, match="dask tables need one"):
            dd.from_pandas(both, npartitions=2).smlm.number_frames()

    def test_a_column_file_that_is_not_asked_for(self, both: pd.DataFrame) -> None:
        with pytest.raises(OptionError, match="by='file'"):
            number_frames(both.assign(file=1))

    def test_frames_in_the_index(self, both: pd.DataFrame) -> None:
        with pytest.raises(TableError, match="reset_index"):
            number_frames(both.set_index("frame"))

    def test_a_row_without_a_file(self, both: pd.DataFrame) -> None:
        both["file"] = np.repeat([0.0, np.nan], [200, 100])
        with pytest.raises(TableError, match="column 'file' is empty in 100 rows"):
            number_frames(both, by="file")


def test_no_rows() -> None:
    empty = file_of(5).iloc[:0]
    assert len(number_frames(empty)) == 0

from __future__ import annotations

from itertools import chain
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor import TableError
from smlm_accessor.table.ordering import sort_frames


def table(frames: Any) -> pd.DataFrame:
    n = len(frames)
    return pd.DataFrame({"x": np.arange(n) * 1.0, "y": np.zeros(n), "frame": frames})


def partitions(*frames: list[int]) -> Any:
    parts = [table(np.array(part, dtype=np.int64)) for part in frames]
    return dd.from_map(lambda part: part, parts, meta=parts[0].iloc[:0])


@given(st.lists(st.integers(-5, 5), max_size=30))
def test_pandas_is_sorted_stably(frames: list[int]) -> None:
    given_table = table(np.array(frames, dtype=np.int64))
    before = given_table.copy(deep=True)
    found = sort_frames(given_table)
    pd.testing.assert_frame_equal(found, before.sort_values("frame", kind="stable"))
    pd.testing.assert_frame_equal(given_table, before)


@pytest.mark.parametrize(
    "frames",
    [
        [[0, 1, 1], [1, 2], [5, 4, 3]],  # frame 1 goes on in the next partition
        [[7, 6], [], [0, 2, 1], [3]],  # files whose names are in another order
        [[0, 3, 1, 2]],
    ],
)
def test_no_row_leaves_its_partition_if_that_can_be(frames: list[list[int]]) -> None:
    ddf = sort_frames(partitions(*frames))
    parts = [part.compute()["frame"].tolist() for part in ddf.partitions]
    assert [*chain(*parts)] == sorted(chain(*frames))
    assert sorted(map(sorted, filter(None, parts))) == sorted(map(sorted, filter(None, frames)))
    assert len(ddf.optimize().dask) <= len(frames)  # each is read and sorted in one task


def test_overlapping_partitions_need_a_word() -> None:
    ddf = partitions([0, 5, 9], [3, 4], [20, 11])
    with pytest.raises(TableError, match=r"partitions 0 and 1 overlap.*shuffle=True"):
        sort_frames(ddf)
    found = sort_frames(ddf, shuffle=True).compute()
    assert found["frame"].tolist() == [0, 3, 4, 5, 9, 11, 20]


def test_frames_in_the_index() -> None:
    indexed = table([4, 2, 3]).set_index("frame")
    assert sort_frames(indexed).index.tolist() == [2, 3, 4]
    ddf = dd.from_map(lambda part: part, [indexed, indexed], meta=indexed.iloc[:0])
    with pytest.raises(TableError, match="overlap"):
        sort_frames(ddf)
    assert sort_frames(ddf, shuffle=True).compute().index.tolist() == [2, 2, 3, 3, 4, 4]


def test_a_table_without_frames() -> None:
    with pytest.raises(TableError, match="no column of frame numbers"):
        sort_frames(table([1]).drop(columns="frame"))

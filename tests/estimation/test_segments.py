"""Segments that the user gives: a rule, a list of frames, or a column that tells them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.backends import source_of
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.estimation.segments import given_jumps, require_one_movie
from smlm_accessor.kernels.frames.runs import Runs

TABLE = pd.DataFrame(
    {
        "frame": [12, 0, 5, 25, 19, 30],  # in no order
        "x": 0.0,
        "y": 0.0,
        "file": ["a", "c", "c", "b", "a", "b"],  # nor these
    }
)


@pytest.mark.parametrize("segments", [None, "auto", "find"])
def test_a_rule_gives_no_frames(segments: str | None) -> None:
    assert given_jumps(source_of(TABLE), segments) is None


@pytest.mark.parametrize("partitions", [0, 3])
def test_segments_of_a_column_begin_with_its_values(partitions: int) -> None:
    table: Any = TABLE
    if partitions:
        dd = pytest.importorskip("dask.dataframe")
        table = dd.from_pandas(TABLE, npartitions=partitions)
    jumps = given_jumps(source_of(table), "file")
    assert jumps is not None
    assert jumps.tolist() == [12, 25]


def test_frames_are_taken_as_they_are() -> None:
    jumps = given_jumps(source_of(TABLE), [25, 12])
    assert jumps is not None
    assert sorted(jumps.tolist()) == [12, 25]


def test_what_is_no_column_is_told_the_columns() -> None:
    with pytest.raises(OptionError, match=r"'files' is neither a column.*columns are frame, x, y"):
        given_jumps(source_of(TABLE), "files")


def test_values_that_share_frames_are_named() -> None:
    table = TABLE.assign(file=["b", "a", "b", "c", "a", "c"])  # a: 0 to 19, b: 5 to 12
    with pytest.raises(TableError, match="'a' has the frames 0 to 19, and 'b' 5 to 12"):
        given_jumps(source_of(table), "file")


def test_movies_put_together_are_refused_and_one_movie_is_not() -> None:
    once = np.arange(1000)
    require_one_movie(Runs.of(once, None))
    with pytest.raises(TableError, match="after frame 999 follows frame 0, as if 2 movies"):
        require_one_movie(Runs.of(np.concatenate([once, once]), None))

"""Parquet files are read a block of rows at a time where a step asks for no more."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from smlm_accessor import TableError
from smlm_accessor.backends import NotPassedError, RowBlocks, Rows, Selection, source_of
from smlm_accessor.backends.dask import streaming

ALL = Selection(["frame", "x"], {"told": "by the table"})


def table(n: int = 1000) -> pd.DataFrame:
    frame = np.arange(n, dtype=np.int32)
    return pd.DataFrame({"frame": frame, "x": frame * np.float32(0.5), "other": "a"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eleven files, the names of which are not in the order of letters."""
    for i, rows in enumerate(np.array_split(np.arange(1000), 11)):
        table().iloc[rows].to_parquet(tmp_path / f"part.{i}.parquet", row_group_size=40)
    return tmp_path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_BLOCK", 25)
    monkeypatch.setattr(streaming, "_OF_TASK", 60)


def frames(part: Rows) -> list[tuple[bool, int]]:
    """Whether a part is read in blocks, and its frames."""
    if isinstance(part, RowBlocks):
        assert part.example.attrs == ALL.attrs
        assert all(list(block.columns) == ["frame", "x"] and not block.attrs for block in part)
        return [(True, f) for block in part for f in block["frame"].tolist()]
    return [(False, f) for f in part["frame"].tolist()]


def added(parts: Any) -> list[Any]:
    return list(chain.from_iterable(parts))


def found(ddf: Any, **options: Any) -> list[tuple[bool, int]]:
    source = source_of(ddf)
    return source.result(source.reduce(frames, added, only=ALL, in_blocks=True, **options))


@pytest.mark.parametrize("engine", ["fsspec", "arrow"])
def test_rows_come_in_the_order_of_partitions(folder: Path, engine: str) -> None:
    ddf = dd.read_parquet(folder, filesystem=engine)
    expected = ddf["frame"].compute().tolist()
    assert found(ddf) == [(True, frame) for frame in expected]
    assert len(source_of(ddf)._pieces) == 2 * 11  # of 91 rows each


def test_some_of_the_parts_are_those_that_all_were(folder: Path) -> None:
    source = source_of(dd.read_parquet(folder))
    every = source.result(
        source.reduce(lambda part: [frames(part)], added, only=ALL, in_blocks=True)
    )
    wanted = [i % 5 == 3 for i in range(len(every))]
    some = source.parts(wanted)
    got = some.result(some.reduce(lambda part: [frames(part)], added, only=ALL, in_blocks=True))
    assert got == every[3::5]


def test_values_are_those_of_the_partitions(tmp_path: Path) -> None:
    some = pd.DataFrame(
        {"a": [1, 2, None], "b": np.array([3.5, np.nan, 1], np.float32), "c": [7, 8, 9]}
    ).astype({"a": "Int64"})
    some.to_parquet(tmp_path / "p.parquet")
    plain = dd.read_parquet(tmp_path).astype({"a": "float64"})
    for ddf, labels in ((dd.read_parquet(tmp_path), ["b", "c"]), (plain, ["a", "b", "c"])):
        source = source_of(ddf)
        step = source.reduce(tables, added, only=Selection(labels, {}), in_blocks=True)
        whole = pd.concat(source.result(step), ignore_index=True)
        pd.testing.assert_frame_equal(whole, ddf[labels].compute().reset_index(drop=True))


def tables(part: Rows) -> list[pd.DataFrame]:
    return list(part) if isinstance(part, RowBlocks) else [part]


def test_what_is_not_as_in_the_files_comes_in_partitions(folder: Path) -> None:
    ddf = dd.read_parquet(folder)
    for one in (
        ddf[ddf["x"] > 3],
        ddf.map_partitions(lambda part: part),
        dd.read_parquet(folder, filters=[("x", ">", 3)]),
        dd.from_pandas(table(), npartitions=3),
    ):
        assert {in_blocks for in_blocks, _ in found(one)} == {False}


def test_plain_numbers_are_read_in_blocks() -> None:
    plain = table(0)[["frame", "x"]]
    assert streaming.streamable(plain)
    for other in (
        table(0).astype({"other": "category"}),
        plain.astype({"x": "Float64"}),
        plain.astype(bool),
        plain.set_index("frame"),
        plain.rename(columns={"x": 0}),
        plain[[]],
    ):
        assert not streaming.streamable(other)


def test_no_rows_are_one_empty_block(tmp_path: Path) -> None:
    table(0).astype({"other": "string"}).to_parquet(tmp_path / "p.parquet")
    source = source_of(dd.read_parquet(tmp_path))
    (only,) = source.result(source.reduce(tables, added, only=ALL, in_blocks=True))
    assert list(only.columns) == ["frame", "x"]
    assert not len(only)


def test_a_file_that_breaks_off_is_named(folder: Path) -> None:
    ddf = dd.read_parquet(folder)
    source = source_of(ddf)
    assert source.n_rows == 1000  # the footer is known
    file = folder / "part.3.parquet"
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)
    file.write_bytes(content)
    with pytest.raises(TableError, match=r"partition 3 of 11 .*part\.3\.parquet\) cannot be read"):
        source.result(source.reduce(frames, added, only=ALL, in_blocks=True))


def test_what_is_wrong_with_rows_is_told_with_their_file(folder: Path) -> None:
    def refuse(part: Rows) -> list[Any]:
        if any(600 in block["frame"].to_numpy() for block in part):
            raise TableError("not this one")
        return []

    source = source_of(dd.read_parquet(folder))
    with pytest.raises(TableError, match=r"^partition 6 of 11 .*: not this one"):
        source.result(source.reduce(refuse, added, only=ALL, in_blocks=True))


def test_every_block_has_to_pass(folder: Path) -> None:
    def is_early(block: pd.DataFrame) -> bool:
        assert block.attrs == ALL.attrs
        return bool((block["frame"] < 990).all())

    ddf = dd.read_parquet(folder)
    source = source_of(ddf, passes=is_early)
    with pytest.raises(NotPassedError):
        source.result(source.reduce(frames, added, only=ALL, in_blocks=True))
    some = source.parts([True] * 5 + [False] * 17)
    assert len(some.result(some.reduce(frames, added, only=ALL, in_blocks=True))) > 100

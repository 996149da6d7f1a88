"""What is known of the partitions of dask, and how steps go over them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor import OptionError, TableError
from smlm_accessor.backends import cluster, source_of
from smlm_accessor.backends.dask.facts import facts
from smlm_accessor.backends.dask.reading import computed_parts, reads_of

ROOT = Path(__file__).parents[3]


def table(n: int = 100) -> pd.DataFrame:
    frame = np.arange(n)
    return pd.DataFrame({"frame": frame + 5, "x": frame * 1.0, "y": -frame * 2.0, "other": "a"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(4):
        part = table().iloc[25 * i : 25 * (i + 1)]
        part.to_parquet(tmp_path / f"p{i}.parquet", row_group_size=10)
    return tmp_path


def sizes(parts: list[Any]) -> list[int]:
    """Combine lists of numbers."""
    return [n for part in parts for n in (part if isinstance(part, list) else [part])]


# Registered whichever import comes first.


@pytest.mark.parametrize(
    "imports",
    [
        "import smlm_accessor, dask.dataframe as dd",
        "import dask.dataframe as dd, smlm_accessor",
        "import smlm_accessor; from dask.dataframe import DataFrame; import dask.dataframe as dd",
        "import smlm_accessor, importlib; dd = importlib.import_module('dask.dataframe')",
    ],
)
def test_the_accessor_is_there(imports: str) -> None:
    code = (
        f"{imports}\nimport sys, pandas as pd\n"
        "table = pd.DataFrame({'frame': [0, 1], 'x': [1.0, 2], 'y': [3.0, 4]})\n"
        "print(dd.from_pandas(table, npartitions=1).smlm.columns.components)\n"
        "assert not [f for f in sys.meta_path if 'smlm' in type(f).__module__]\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "('x', 'y')"


def test_dask_is_not_imported_before_it_is_used() -> None:
    code = (
        "import sys, pandas as pd, smlm_accessor\n"
        "table = pd.DataFrame({'frame': [0, 1], 'x': [1.0, 2], 'y': [3.0, 4]})\n"
        "table.smlm.simulate_drift(velocity=1.0), repr(table.smlm)\n"
        "assert 'dask' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# Facts.


@pytest.mark.parametrize("engine", ["fsspec", "arrow"])
def test_parquet_tells_rows_and_ranges(folder: Path, engine: str) -> None:
    ddf = dd.read_parquet(folder, filesystem=engine)
    for known in (facts(ddf), facts(ddf[["frame", "y"]])):
        assert known.n_rows == 100
        assert known.range_of("frame") == (5, 104)
        assert known.range_of("y") == (-198.0, 0.0)
        assert known.range_of("nothing") is None


def test_a_table_in_memory_tells_rows_and_ranges() -> None:
    ddf = dd.from_pandas(table(), npartitions=3)
    assert facts(ddf).n_rows == 100
    assert facts(ddf).range_of("frame") == (5, 104)
    assert facts(ddf).range_of("other") is None
    indexed = facts(dd.from_pandas(table().set_index("frame"), npartitions=3))
    assert indexed.range_of("frame") == (5, 104)
    assert facts(dd.from_pandas(table().iloc[:0], npartitions=1)).range_of("x") is None


def test_what_was_filtered_is_not_known(folder: Path) -> None:
    ddf = dd.read_parquet(folder)
    for one in (
        ddf[ddf["x"] > 3],
        dd.read_parquet(folder, filters=[("x", ">", 3)]),
        ddf.partitions[1],
        ddf.map_partitions(lambda part: part),
        dd.from_pandas(table(), npartitions=4).partitions[:2],
    ):
        assert facts(one).n_rows is None
        assert facts(one).range_of("frame") is None


def test_verbs_keep_what_they_do_not_change(folder: Path) -> None:
    ddf = smlm_accessor.set_columns(dd.read_parquet(folder), unit="nm")
    assert facts(ddf).range_of("x") == (0, 99)
    moved = ddf.smlm.simulate_drift(velocity=1.0)
    assert facts(moved).n_rows == 100
    assert facts(moved).range_of("frame") == (5, 104)
    assert facts(moved).range_of("x") is None


def test_missing_statistics_are_no_statistics(tmp_path: Path) -> None:
    table().to_parquet(tmp_path / "p.parquet", write_statistics=False)
    known = facts(dd.read_parquet(tmp_path))
    assert known.n_rows == 100
    assert known.range_of("frame") is None


# Steps.


@pytest.mark.parametrize("n", [1, 2, 8, 9, 70])
def test_all_partitions_are_combined(n: int) -> None:
    ddf = dd.from_map(lambda i: table(i + 1), range(n), meta=table(0))
    source = source_of(ddf)
    found = source.result(source.reduce(len, sizes))
    assert found == list(range(1, n + 1))
    assert computed_parts(ddf, lambda part, i: (i, len(part))) == [(i, i + 1) for i in range(n)]


def test_only_row_groups_that_matter_are_read(folder: Path) -> None:
    source = source_of(dd.read_parquet(folder))
    some = source.within("frame", [(30, 33), (80, 81)])
    assert sum(source.result(some.reduce(len, sizes))) == 20  # of 100: two groups
    frames = source.result(some.reduce(lambda part: part["frame"].tolist(), sizes))
    assert {30, 31, 32, 80} <= set(frames)
    nothing = source.within("frame", [(1000, 2000)])
    assert source.result(nothing.reduce(len, sizes)) == [0]
    assert source.within("x", [(0, 1)]) is not source
    assert source.within("index", [(0, 1)]) is source


def test_attrs_come_along(folder: Path) -> None:
    ddf = smlm_accessor.set_columns(dd.read_parquet(folder), unit="um")
    source = source_of(ddf)
    units = source.result(source.reduce(lambda part: part.smlm.columns.unit, sizes))
    assert units == ["um"] * 4
    assert ddf.compute().smlm.columns.unit == "um"


def test_what_comes_from_other_tasks_can_be_read() -> None:
    """Partitions that are made by a shuffle, or are there already."""
    ddf = dd.from_pandas(table(), npartitions=3)
    for one in (ddf.shuffle("frame", npartitions=2), ddf.persist(), ddf.repartition(npartitions=2)):
        source = source_of(one)
        assert sum(source.result(source.reduce(len, sizes))) == 100


def fails(i: int) -> pd.DataFrame:
    if i == 2:
        raise OSError("the disk is gone")
    return table()


def test_a_partition_that_cannot_be_read_is_named() -> None:
    source = source_of(dd.from_map(fails, range(4), meta=table(0)))
    with pytest.raises(TableError, match=r"partition 2 of 4 cannot be read.*the disk is gone"):
        source.result(source.reduce(len, sizes))


def test_faults_of_the_program_are_not_hidden() -> None:
    def wrong(part: pd.DataFrame) -> int:
        raise ZeroDivisionError

    source = source_of(dd.from_pandas(table(), npartitions=2))
    with pytest.raises(ZeroDivisionError):
        source.result(source.reduce(wrong, sizes))


def test_a_partition_is_read_in_the_task_that_uses_it(folder: Path) -> None:
    reads = reads_of(dd.read_parquet(folder)[["x"]], ["x"])
    assert [needed for _, needed in reads] == [[]] * 4
    assert [str(folder / f"p{i}.parquet") in read.name for i, (read, _) in enumerate(reads)] == (
        [True] * 4
    )
    assert list(reads[1][0]().columns) == ["x"]


@pytest.mark.parametrize("engine", ["fsspec", "arrow"])
def test_small_partitions_are_not_read_together(tmp_path: Path, engine: str) -> None:
    """As dask would, of few columns among many: then a partition had no name of its own."""
    wide = table().assign(**{f"extra_{i}": np.arange(100.0) for i in range(60)})
    for i in range(6):
        wide.assign(x=float(i)).to_parquet(tmp_path / f"p{i}.parquet")
    some = dd.read_parquet(tmp_path, filesystem=engine)[["frame", "x", "y"]]
    reads = reads_of(smlm_accessor.set_columns(some, unit="nm"))
    files = [int(read()["x"].iloc[0]) for read, _ in reads]  # arrow takes them as they come
    assert sorted(files) == list(range(6))
    assert all(f"p{i}.parquet" in read.name for i, (read, _) in zip(files, reads, strict=True))


def test_progress_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    source = source_of(dd.from_pandas(table(), npartitions=2))
    source.result(source.reduce(len, sizes), progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "100%" in err


def test_any_scheduler_will_do() -> None:
    source = source_of(dd.from_pandas(table(), npartitions=3))
    for scheduler in ("sync", "threads", "processes"):
        with dask.config.set(scheduler=scheduler):
            assert source.result(source.reduce(len, sum)) == 100


def test_no_scheduler_at_that_address() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(OptionError, match="there is no dask scheduler at"), cluster("nowhere:1:2"):
        pass
    with cluster(None):
        pass

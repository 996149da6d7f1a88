"""A method whose summaries add sums up any table, and registers it as the table itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.errors import InvalidChunkWarning, TableError
from smlm_accessor.estimation import reduction
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry
from smlm_accessor.methods.api import (
    ChunkedLocalizations,
    Method,
    Reduced,
    Reduction,
    Registered,
)
from smlm_accessor.table import localizations as reading
from smlm_accessor.table.attributes import parameters

PLANNED: list[dict[str, Any]] = []


def plan(localizations: ChunkedLocalizations, *, n_chunks: int, power: int = 1) -> int:
    given = {"counts": localizations.counts, "frames": localizations.frames}
    PLANNED.append({**given, "n_chunks": n_chunks, "power": power})
    return n_chunks


def count(
    positions: FloatArray, chunk: IntArray, plan: int, summary: FloatArray | None
) -> FloatArray:
    summary = np.zeros((plan, 2)) if summary is None else summary
    np.add.at(summary, chunk, np.round(positions[:, :2] * 64))  # whole numbers: sums are exact
    return summary


def add(parts: Sequence[FloatArray]) -> FloatArray:
    return np.sum(parts, axis=0)


def solve(
    localizations: ChunkedLocalizations, reduced: Reduced[int, FloatArray], *, power: int = 1
) -> Registered:
    mean = reduced.summary / 64 / np.maximum(reduced.counts, 1)[:, None]
    valid = reduced.counts > 0
    offset = np.where(valid[:, None], -mean, np.nan)
    return Registered(offset, localizations.counts.astype(float), valid)


def sums(localizations: ChunkedLocalizations, *, power: int = 1) -> Registered:
    """Register by the mean of each chunk."""
    n = localizations.n_chunks
    chunk = np.repeat(np.arange(n), localizations.counts)
    summary = count(localizations.positions, chunk, n, None)
    return solve(localizations, Reduced(n, summary, localizations.counts))


@pytest.fixture(autouse=True)
def _method(monkeypatch: pytest.MonkeyPatch) -> None:
    PLANNED.clear()
    method = Method("sums", sums, reduction=Reduction(plan, count, add, solve))
    monkeypatch.setitem(registry._METHODS, "sums", method)


def table(n: int = 20_000) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = np.sort(rng.integers(0, 1000, n))
    xy = np.round(rng.uniform(0, 500, (n, 2)) * 64) / 64
    return pd.DataFrame({"frame": frame, "x": xy[:, 0] + frame // 64, "y": xy[:, 1]})


def drift_of(rows: Any, **options: Any) -> Any:
    given = {"n_chunks": 5, "max_localizations": 8000, **options}
    return estimate_drift(rows, method="sums", **given)


def test_what_is_summed_up_is_all_of_some_frames() -> None:
    rows = table()
    drift = drift_of(rows)
    sample = parameters(drift)["sample"]
    assert sample["of"] == "frames"
    assert sample["frames"] == pytest.approx(0.4)
    assert sample["localizations"] == pytest.approx(8000, rel=0.1)  # those that are kept
    assert drift["n_localizations"].sum() == 20_000
    # The mean of some frames is that of all within its error.
    exact = drift_of(rows, max_localizations=20_000)
    assert "sample" not in parameters(exact)
    error = np.abs(drift["offset"].values - exact["offset"].values)
    assert 0 < error.max() < 5 * 500 / np.sqrt(12) / np.sqrt(1600) * np.sqrt(2)


def test_short_chunks_are_summed_up_as_a_whole() -> None:
    """Of each chunk of 20 frames all are used: the result is that of the table itself."""
    rows = table()
    drift = drift_of(rows, n_chunks=None, frames_per_chunk=20, max_localizations=1000)
    exact = drift_of(rows, n_chunks=None, frames_per_chunk=20, max_localizations=20_000)
    assert parameters(drift)["sample"]["frames"] == 1
    np.testing.assert_allclose(drift["offset"], exact["offset"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(drift["frame"], exact["frame"], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(drift["n_localizations"], exact["n_localizations"])


@pytest.mark.parametrize("rows_of_block", [2**18, 999])
def test_blocks_partitions_and_the_order_of_rows_do_not_matter(
    rows_of_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = drift_of(table())
    monkeypatch.setattr(reading, "_BLOCK", rows_of_block)
    shuffled = table().sample(frac=1, random_state=1)
    parts = dd.from_pandas(shuffled, npartitions=11, sort=False)
    unknown = dd.from_map(lambda part: part, [shuffled.iloc[:7], shuffled.iloc[7:]])
    for rows in (shuffled, parts, unknown):
        drift = drift_of(rows)
        assert drift.attrs == expected.attrs
        for name in ("offset", "quality", "frame", "n_localizations"):
            np.testing.assert_array_equal(drift[name], expected[name])


def test_what_is_planned_by_is_read_of_the_partitions_that_have_it() -> None:
    """Twice are all read where nobody knows how many rows there are, and when."""
    rows, reads = table(), list[int]()

    def part(i: int) -> pd.DataFrame:
        reads.append(i)
        return rows[rows["frame"] // 100 == i]

    rule = {"n_chunks": None, "frames_per_chunk": 200}
    drift = drift_of(dd.from_map(part, range(11), meta=rows.iloc[:0]), **rule)
    np.testing.assert_array_equal(drift["offset"], drift_of(rows, **rule)["offset"])
    # Chunks 0, 2 and 3 of five; the last partition is empty.
    assert set(range(11)) - {i for i in reads if reads.count(i) == 3} == {2, 3, 8, 9, 10}


def test_of_large_chunks_it_is_planned_by_their_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduction, "_TO_PLAN_BY", 200)
    monkeypatch.setattr(reduction, "_LOOKED_THROUGH", 400)
    rows, reads = table(), list[int]()

    def part(i: int) -> pd.DataFrame:
        reads.append(i)
        return rows[rows["frame"] // 100 == i]

    drift_of(dd.from_map(part, range(10), meta=rows.iloc[:0]), n_chunks=None, frames_per_chunk=200)
    (planned,) = PLANNED
    np.testing.assert_allclose(planned["counts"], 200, atol=5 * np.sqrt(200))
    # A tenth of the frames of chunks 2, 0 and 3, at the border of two partitions each.
    middle = np.split(planned["frames"], np.cumsum(planned["counts"])[:-1])
    for frames, at in zip(middle, (500, 100, 700), strict=True):
        assert at - 10 <= frames.min() < frames.max() < at + 10
    assert {i for i in reads if reads.count(i) == 3} == {0, 1, 4, 5, 6, 7}


def test_it_is_planned_by_rows_of_a_few_chunks_and_the_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reduction, "_TO_PLAN_BY", 500)
    drift_of(table(), n_chunks=10, power=3, max_localizations=5000)
    (planned,) = PLANNED
    assert planned["n_chunks"] == 10
    assert planned["power"] == 3
    assert len(planned["counts"]) == 3
    np.testing.assert_allclose(planned["counts"], 500, atol=5 * np.sqrt(500))


def test_a_chunk_that_is_tiny_beside_the_others_is_left_out() -> None:
    rows = table()
    few = rows[rows["frame"] >= 200].iloc[:20].assign(frame=900)
    rows = pd.concat([rows[rows["frame"] < 800], few])
    with pytest.warns(InvalidChunkWarning, match=r"chunk 4 \(frames 800 to 999, 20 localizations"):
        drift = drift_of(rows, n_chunks=None, chunks=range(0, 1001, 200))
    assert drift["valid"].values.tolist() == [True] * 4 + [False]


def test_rows_outside_of_what_the_files_say_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from smlm_accessor.backends.source import Whole

    monkeypatch.setattr(Whole, "range_of", lambda self, label: (0, 500))
    with pytest.raises(TableError, match="frames outside 0 to 500, which the files say are all"):
        drift_of(table(), n_chunks=None, frames_per_chunk=200)
    monkeypatch.setattr(Whole, "range_of", lambda self, label: (5000, 9000))
    with pytest.raises(TableError, match="no localizations in the chunks that are looked at first"):
        drift_of(table(), n_chunks=None, frames_per_chunk=200)

"""Scans tell what is in a table; samples keep to their bounds, and depend on the table alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from smlm_accessor.backends import source_of
from smlm_accessor.estimation.sampling import (
    Sampling,
    Scan,
    sample_at_most,
    sample_field,
    sample_in_memory,
    sample_time,
    scan,
    take_sample,
    timeline_of,
)
from smlm_accessor.kernels.field.squares import Squares
from smlm_accessor.table import localizations as reading
from smlm_accessor.table.columns import find_columns, set_columns
from smlm_accessor.table.localizations import Localizations
from tests.scenes import background

Choose = Callable[[Scan, int], Sampling]


def table(n: int = 5000, seed: int = 1) -> pd.DataFrame:
    rows = background(n=n, n_frames=700, size=3000, seed=seed).still
    rows.loc[::50, "x"] = np.nan
    return rows


def require_same(one: Scan, other: Scan) -> None:
    in_order = [scanned.squares.coarser(scanned.squares.level) for scanned in (one, other)]
    for a, b in ((one.timeline, other.timeline), in_order):
        for field in fields(a):
            np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))
    for run, same in zip(one.runs.found, other.runs.found, strict=True):
        for value, expected in zip(run, same, strict=True):
            np.testing.assert_array_equal(value, expected)


def test_what_is_counted() -> None:
    rows = table()
    usable = rows.dropna()
    found = scan(rows)
    frames, counts = np.unique(usable["frame"], return_counts=True)
    np.testing.assert_array_equal(found.timeline.frames, frames)
    np.testing.assert_array_equal(found.timeline.counts, counts)
    assert found.timeline.n_rows == len(rows)
    assert found.squares.count.sum() == len(usable)
    assert [run.n for run in found.runs.found] == [len(usable)]
    np.testing.assert_array_equal(timeline_of(rows).counts, counts)


@pytest.mark.parametrize("rows", [37, 1000, 5000])
def test_blocks_of_rows_and_parts_tell_the_same(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = table()
    expected = scan(whole)
    parts = [whole.iloc[i : i + rows] for i in range(0, len(whole), rows)]
    require_same(Scan.joined([scan(part) for part in parts]), expected)
    monkeypatch.setattr(reading, "_BLOCK", rows)
    require_same(scan(whole), expected)
    np.testing.assert_array_equal(timeline_of(whole).frames, expected.timeline.frames)


def test_an_empty_part_adds_nothing() -> None:
    whole = table()
    require_same(Scan.joined([scan(whole.iloc[:0]), scan(whole)]), scan(whole))


# Samples.

MOST = 1500


def taken(rows: pd.DataFrame, sampling: Sampling) -> pd.DataFrame:
    found = take_sample(rows, sampling).localizations
    assert np.isfinite(found.positions).all()
    columns = {"frame": found.frames, "x": found.positions[:, 0], "y": found.positions[:, 1]}
    return pd.DataFrame(columns).sort_values(["frame", "x"], ignore_index=True)


def test_a_sample_of_the_field_holds_all_that_lies_in_its_squares() -> None:
    rows = table()
    sampling = sample_field(scan(rows), MOST)
    assert sampling.squares is not None
    edge = 2.0**sampling.squares.level
    number = np.floor(rows[["x", "y"]].dropna() / edge).astype(int)
    chosen = {tuple(square) for square in sampling.squares.number}
    inside = [tuple(square) in chosen for square in number.to_numpy()]
    expected = rows.loc[number.index[inside], ["frame", "x", "y"]]
    expected = expected.sort_values(["frame", "x"], ignore_index=True)
    pd.testing.assert_frame_equal(taken(rows, sampling), expected)
    assert MOST / 2 < len(expected) <= MOST
    assert sampling.squares.count.sum() == len(expected)
    record = sampling.record(len(expected), len(chosen))
    assert record["of"] == "field"
    assert record["square_size"] == edge


def test_a_sample_of_the_time_holds_whole_runs_of_frames() -> None:
    rows = table()
    sampling = sample_time(scan(rows), MOST)
    assert sampling.runs is not None
    found = taken(rows, sampling)
    frames = sampling.record(len(found), 0)["frames_per_run"]
    expected = rows.dropna()[rows.dropna()["frame"].floordiv(frames).isin(sampling.runs)]
    assert len(found) == len(expected) <= MOST
    assert len(found) > MOST / 2
    assert set(found["frame"]) == set(expected["frame"])


@pytest.mark.parametrize("choose", [sample_field, sample_time])
def test_a_sample_depends_on_neither_the_order_of_rows_nor_partitions(choose: Choose) -> None:
    rows = table()
    expected = taken(rows, choose(scan(rows), MOST))
    shuffled = rows.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(taken(shuffled, choose(scan(shuffled), MOST)), expected)
    source = source_of(dd.from_pandas(shuffled, npartitions=7, sort=False))
    sample = source.result(sample_at_most(source, MOST, choose))
    found = sample.localizations.sorted()
    np.testing.assert_array_equal(found.positions[:, 0], expected["x"])


@pytest.mark.parametrize("choose", [sample_field, sample_time])
def test_nothing_is_left_out_of_a_table_that_is_small_enough(choose: Choose) -> None:
    rows = table()
    assert choose(scan(rows), 4900).takes_all
    assert not choose(scan(rows), 4899).takes_all
    for most in (4900, 5000):  # known without and with the rows that have no coordinates
        source = source_of(rows)
        assert len(source.result(sample_at_most(source, most, choose)).localizations.frames) == 5000


def test_samples_grow_fourfold_square_by_square_and_the_last_is_all_of_it() -> None:
    count = np.full(400, 10_000)
    squares = Squares(3, np.stack([np.arange(400)] * 2, axis=1), count)
    assert Sampling(squares=squares).sizes() == [25, 100, 400]
    assert Sampling(squares=Squares(3, squares.number[:9], count[:9])).sizes() == [9]
    assert Sampling().sizes() == [0]
    assert Sampling(runs=np.array([1])).sizes() == [0]


def test_the_first_squares_of_a_sample_are_a_sample() -> None:
    rows = table()
    sampling = sample_field(scan(rows), MOST)
    assert sampling.squares is not None
    sample = take_sample(rows, sampling)
    for n in (1, 3, len(sampling.squares.count)):
        some = sample.first(n, sampling)
        assert len(some.frames) == sampling.squares.count[:n].sum()
        assert some.group is None


def test_emitters_that_stay_in_their_square_are_told_from_those_that_cross_its_edges() -> None:
    """Emitters at rest on a line through two squares of 64; the sample moves by 30 along x."""
    squares = Squares(6, np.array([[0, 0], [1, 0]]), np.array([1, 1]))
    at_rest = np.arange(1.0, 128, 2)
    for shift in np.linspace(0, 30, 7):
        x = at_rest + shift
        inside = x < 128
        block = Localizations(
            np.column_stack([x, np.full(len(x), 5.0)])[inside],
            np.zeros(inside.sum(), int),
            columns=find_columns(table()),
            group=(x[inside] // 64).astype(int),
        )
        drift = np.tile([shift, 0.0], (len(block.frames) + 2, 1))
        drift[-2:, 0] = 0, 30  # all times are looked at
        n = len(block.frames)
        padded = block.take(np.append(np.arange(n), [0, 0]))
        stays = Sampling(squares=squares).stays_inside(padded, drift)[:n]
        expected = at_rest[inside] % 64 < 64 - 30
        np.testing.assert_array_equal(stays, expected)


def test_a_sample_in_memory_is_a_table_in_the_unit_of_the_other() -> None:
    rows = table().assign(lpx=0.1, lpy=0.2).rename(columns={"frame": "frame"})
    ddf = set_columns(dd.from_pandas(rows, npartitions=3), unit="pixel", pixel_size=100)
    found = sample_in_memory(ddf, MOST)
    assert found.smlm.columns.length_unit == "nm"
    assert 0 < len(found) <= MOST
    both = found.merge(100 * rows.dropna()[["x", "y"]], on=["x", "y"])
    assert len(both) == len(found)
    assert found["uncertainty_x"].unique() == pytest.approx([10])
    assert found["uncertainty_y"].unique() == pytest.approx([20])

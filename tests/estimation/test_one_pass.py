"""One pass over all rows takes the same sample as two, or says that a second one is needed."""

from __future__ import annotations

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.backends import source_of
from smlm_accessor.estimation.one_pass import Seen, foreseen, scan_and_take
from smlm_accessor.estimation.sampling import Scan, sample_field, scan, take_sample
from tests.scenes import background

MOST = 2000


def table(n: int = 20_000, seed: int = 1) -> pd.DataFrame:
    rows = background(n=n, n_frames=700, size=3000, seed=seed).still
    rows.loc[::50, "x"] = np.nan
    return rows.sort_values("frame", ignore_index=True)


def seen_in(rows: pd.DataFrame, excerpt: pd.DataFrame, n_parts: int = 5) -> tuple[Seen, object]:
    """What one pass sees of a table in parts, after it looked at an excerpt of it."""
    plan = foreseen(scan(excerpt), len(excerpt) / len(rows), MOST)
    parts = np.array_split(np.arange(len(rows)), n_parts)
    seen = Seen.joined([scan_and_take(rows.iloc[part], plan) for part in parts], MOST)
    return seen, plan.squares


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("scale", [1.0, 1.2, 1.4, 1.7])
def test_the_sample_is_that_of_two_passes_to_the_last_digit(seed: int, scale: float) -> None:
    """Whatever part of the largest number of squares the field has, and whatever its origin."""
    rows = table(seed=seed)
    rows[["x", "y"]] = scale * rows[["x", "y"]] - 1000
    seen, squares = seen_in(rows, rows.iloc[8000:10_000])
    sampling = sample_field(scan(rows), MOST)
    sample, expected = seen.sample(sampling, squares), take_sample(rows, sampling)
    assert sample is not None
    for name in ("positions", "frames", "group"):
        found = getattr(sample.localizations, name)
        np.testing.assert_array_equal(found, getattr(expected.localizations, name))
    assert seen.taken is not None
    assert len(found) < len(seen.taken.frames) < 3 * MOST


def test_a_sample_that_an_excerpt_did_not_foresee_is_not_given() -> None:
    rows = table()
    narrow = rows[(rows["x"] < 300) & (rows["y"] < 300)]
    seen, squares = seen_in(rows, narrow)
    assert seen.sample(sample_field(scan(rows), MOST), squares) is None
    np.testing.assert_array_equal(seen.scan.timeline.frames, scan(rows).timeline.frames)


def test_all_is_taken_of_a_small_table_and_nothing_of_one_that_turns_out_large() -> None:
    small = table(1900)
    seen, squares = seen_in(small, small.iloc[:300])
    sample = seen.sample(sample_field(scan(small), MOST), squares)
    assert squares is None
    assert sample is not None
    assert len(sample.localizations.frames) == small["x"].notna().sum()
    large = table()
    plan = foreseen(scan(large.iloc[:10]), 10 / 1000, MOST)
    assert plan.squares is None
    assert scan_and_take(large, plan).taken is None


def test_each_part_is_read_once_besides_the_excerpt() -> None:
    """And an estimate that no excerpt foresees is the same, with one pass more."""
    rows, reads = table(), list[int]()

    def part(i: int) -> pd.DataFrame:
        reads.append(i)
        return rows.iloc[i * 2000 : (i + 1) * 2000]

    def drift_of(some: object) -> xr.Dataset:
        options = {"method": "aim", "max_localizations": MOST, "n_chunks": 4}
        with pytest.warns(match="Could not register"):
            return some.smlm.drift(**options)  # type: ignore[attr-defined,no-any-return]

    in_parts = dd.from_map(part, range(10), meta=rows.iloc[:0])
    assert drift_of(in_parts).identical(drift_of(rows))
    assert sorted(reads) == sorted([*range(10), 5])
    rows.loc[10_000:12_000, "x"] *= 0.01  # what is looked at first is not like the rest
    reads.clear()
    assert drift_of(in_parts).identical(drift_of(rows))
    assert sorted(reads) == sorted([*range(10), *range(10), 5])


def test_an_excerpt_of_files_is_a_small_part_of_their_row_groups(tmp_path: object) -> None:
    rows = table()
    rows.to_parquet(f"{tmp_path}/a.parquet", row_group_size=500)
    excerpt = source_of(dd.read_parquet(tmp_path)).excerpt()
    assert excerpt is not None
    found = excerpt.rows.result(excerpt.rows.reduce(scan, Scan.joined))
    assert found.timeline.n_rows == excerpt.part * len(rows)
    assert 0.05 < excerpt.part <= 0.125
    assert found.timeline.frames[-1] - found.timeline.frames[0] > 500
    assert source_of(dd.from_pandas(rows, npartitions=4)).excerpt() is None
    assert source_of(rows).excerpt() is None

"""A scan tells the same of a table whether it is read at once, in blocks, or in parts."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.estimation.sampling import Scan, scan, timeline_of
from smlm_accessor.table import localizations as reading


def table(n: int = 5000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0, 3000, (n, 2))
    positions[::50, 0] = np.nan
    return pd.DataFrame(
        {"frame": np.sort(rng.integers(0, 700, n)), "x": positions[:, 0], "y": positions[:, 1]}
    )


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

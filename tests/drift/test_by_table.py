"""Transformations of several tables in one Dataset."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.drift import build
from smlm_accessor.drift.by_table import one_table, stacked, tables_of
from smlm_accessor.drift.validation import problems_of, require_drift
from smlm_accessor.errors import DriftError


def drift(k: int, by: float) -> xr.Dataset:
    start = 10 * np.arange(k)
    return build(
        offset=np.outer(np.arange(k) + by, [1.0, -1.0]),
        components="xy",
        frame=start + 4.5,
        frame_start=start,
        frame_stop=start + 10,
        offset_std=np.ones((k, 2)),
        n_localizations=np.full(k, 7),
        segment=np.arange(k) // 2,
        center=[by, by],
    )


@pytest.mark.parametrize("sizes", [(1, 1), (3, 3), (2, 4)])
def test_what_goes_in_comes_out(sizes: tuple[int, int]) -> None:
    given = [drift(k, 5.0 * n) for n, k in enumerate(sizes)]
    both = stacked(given, ["a", "b"])
    for name, one in zip("ab", given, strict=True):
        again = require_drift(both.sel(table=name))
        xr.testing.assert_equal(again, one)
    for again, one in zip(tables_of(both), given, strict=True):
        xr.testing.assert_equal(again, one)


def test_a_dataset_of_one_table_has_no_other_dims() -> None:
    one = drift(3, 0.0)
    assert one_table(one) is one
    assert set(one_table(stacked([one, one], [1, 2]).sel(table=2)).dims) == set(one.dims)


def test_chunks_that_are_filled_up_are_checked_and_correct_nothing() -> None:
    both = stacked([drift(2, 0.0), drift(4, 1.0)], ["a", "b"])
    filled = both.sel(table="a").drop_vars("table")
    assert problems_of(filled) == []
    assert filled["valid"].values.tolist() == [True, True, False, False]


def test_several_tables_are_named() -> None:
    both = stacked([drift(2, 0.0), drift(4, 1.0)], ["a", "b"])
    with pytest.raises(DriftError, match="2 tables"):
        require_drift(both)

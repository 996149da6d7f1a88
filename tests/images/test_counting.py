"""Counts in bins are those of numpy's histograms, however the rows are cut."""

from __future__ import annotations

from collections.abc import Iterator

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import source_of
from smlm_accessor.images.bins import bins_from
from smlm_accessor.images.counting import CountedImage, Weighted, count_images, table_extent
from smlm_accessor.table import localizations as read

GRIDS = [
    bins_from(np.array([-3.0, 2.0]), np.array([10.0, 4.0]), 0.5),
    bins_from(np.array([0.0, 0.0]), np.array([1.0, 9.0]), 0.3),
]


@pytest.fixture
def table() -> pd.DataFrame:
    x, y, w = np.random.default_rng(1).normal(2, 3, (3, 1000))
    x[5], y[6] = np.nan, np.inf
    return pd.DataFrame({"x": x, "y": y, "w": w})


def weighted(block: pd.DataFrame, factor: float) -> Iterator[Weighted]:
    xy = block[["x", "y"]].to_numpy()
    yield xy, xy[:0].T[:0]
    yield factor * xy, np.stack([block["w"], block["w"] ** 2])


def finite(block: pd.DataFrame) -> FloatArray:
    values = block[["x", "y"]].to_numpy()
    return values[np.isfinite(values).all(axis=1)]


@pytest.mark.parametrize("rows", [2**18, 7])
@pytest.mark.parametrize("partitions", [0, 3])
def test_several_images_in_one_pass(
    rows: int, partitions: int, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "_BLOCK", rows)
    source = source_of(dd.from_pandas(table, npartitions=partitions) if partitions else table)
    first, second = source.result(count_images(source, GRIDS, weighted, 0.5))
    known = table[np.isfinite(table).all(axis=1)]
    for image, grid, factor in ((first, GRIDS[0], 1.0), (second, GRIDS[1], 0.5)):
        values = factor * known[["y", "x"]].to_numpy()
        bins = (grid.edges_y, grid.edges_x)
        np.testing.assert_array_equal(image.counts, np.histogramdd(values, bins)[0])
        assert image.n_positions == 1000
        for power, sums in enumerate(image.sums, 1):
            expected = np.histogramdd(values, bins, weights=known["w"] ** power)[0]
            np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12)
    assert [len(image.sums) for image in (first, second)] == [0, 2]


def test_images_add_up() -> None:
    one, two = (
        CountedImage(np.full((1, 2), n), np.full((1, 1, 2), float(n)), 5 * n) for n in (1, 2)
    )
    both = one + two
    assert both.counts.tolist() == [[3, 3]]
    assert both.sums.tolist() == [[[3.0, 3.0]]]
    assert both.n_positions == 15


@pytest.mark.parametrize("partitions", [0, 3])
def test_the_extent_of_what_is_known(partitions: int, table: pd.DataFrame) -> None:
    source = source_of(dd.from_pandas(table, npartitions=partitions) if partitions else table)
    extent = source.result(table_extent(source, finite))
    known = finite(table)
    assert (extent.n_rows, extent.n_located) == (1000, 998)
    np.testing.assert_array_equal(extent.lower, known.min(axis=0))
    np.testing.assert_array_equal(extent.upper, known.max(axis=0))
    none = source.result(table_extent(source, lambda block: finite(block)[:0]))
    assert (none.n_rows, none.n_located) == (1000, 0)

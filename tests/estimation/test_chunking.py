"""What a method gets: localizations in order, about their centre, without chunks that are tiny."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.estimation.chunking import centered, chunked, is_small, without_small_chunks
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.table.localizations import read_localizations

EDGES = np.array([0, 100, 200, 300])


def table(counts: tuple[int, ...] = (800, 900, 1000), seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = sum(counts)
    chunk = np.repeat(np.arange(len(counts)), counts)
    xy = rng.normal(1e6, 300, (n, 2))
    frame = 100 * chunk + rng.integers(0, 100, n)
    return pd.DataFrame({"frame": frame, "x": xy[:, 0], "y": xy[:, 1], "uncertainty": xy[:, 0]})


def of(rows: pd.DataFrame) -> ChunkedLocalizations:
    return chunked(read_localizations(rows), EDGES)


def test_to_the_last_bit_the_same_for_any_order_of_rows() -> None:
    rows = table()
    rows.loc[::17, "y"] = np.nan
    one, other = of(rows), of(rows.sample(frac=1, random_state=1))
    for name in ("positions", "frames", "bounds", "uncertainty", "center"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    usable = rows.dropna()
    np.testing.assert_array_equal(one.counts, usable.groupby(usable["frame"] // 100).size())
    assert one.center is not None
    assert one.uncertainty is not None
    np.testing.assert_allclose(one.uncertainty[:, 0] - one.positions[:, 0], one.center[0])
    assert (np.diff(one.frames) >= 0).all()


def test_the_centre_is_the_mean_to_a_millionth_of_the_extent() -> None:
    positions = np.random.default_rng(1).uniform(-700, 300, (5000, 2))
    mean, extent = positions.mean(axis=0), np.ptp(positions)
    found, center = centered(positions)
    assert found is positions
    assert np.abs(center - mean).max() < extent / 2**20
    assert np.abs(found.mean(axis=0)).max() < extent / 2**20
    spot, center = centered(np.full((3, 2), 5.0))
    assert (spot == 0).all()
    assert (center == 5).all()


@pytest.mark.parametrize(
    ("counts", "small"),
    [
        ([1000, 1000, 49], [False, False, True]),
        ([1000, 1000, 50], [False, False, False]),
        ([1000, 1000, 0], [False, False, True]),
        ([200, 200, 9], [False, False, True]),  # a twentieth of what chunks usually have is 10
        ([200, 200, 10], [False, False, False]),
    ],
)
def test_a_chunk_is_small_beside_the_others(counts: list[int], small: list[bool]) -> None:
    assert is_small(np.array(counts)).tolist() == small


def test_small_chunks_are_emptied_and_the_others_stay_as_they_are() -> None:
    whole = of(table((800, 30, 1000)))
    found = without_small_chunks(whole)
    assert found.counts.tolist() == [800, 0, 1000]
    for chunk in (0, 2):
        np.testing.assert_array_equal(found.chunk(chunk), whole.chunk(chunk))
        rows, before = found.rows(chunk), whole.rows(chunk)
        assert found.uncertainty is not None
        assert whole.uncertainty is not None
        np.testing.assert_array_equal(found.uncertainty[rows], whole.uncertainty[before])
        np.testing.assert_array_equal(found.frames[rows], whole.frames[before])
    enough = of(table())
    assert without_small_chunks(enough) is enough

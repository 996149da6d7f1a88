"""Images are counts of the rows, whatever the table is made of."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import dask.dataframe as dd
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.images.bins import bins_from
from smlm_accessor.images.regions import Region
from smlm_accessor.report.images import (
    View,
    count_views,
    pictures,
    pictures_by_time,
    time_colors,
    time_shares,
)

CONSTANT = np.array([3.0, -2.0])


def decoded(file: bytes) -> Any:
    return (255 * matplotlib.image.imread(BytesIO(file), format="png")).round().astype(int)


@pytest.fixture(scope="module")
def views() -> list[View]:
    corner, size = np.array([100.0, 200.0]), np.array([500.0, 300.0])
    region = Region(bins_from(corner, size, 20.0), 1.0)
    return [View(region, CONSTANT, by_time=t) for t in (False, True)]


def test_counts(drifting: pd.DataFrame, drift: xr.Dataset, views: list[View]) -> None:
    ends = int(drifting["frame"].min()), int(drifting["frame"].max())
    plain, by_time = count_views(drifting, drift, views, ends, by=None, outside=None)
    xy = ["position_x", "position_y"]
    for image, table, constant in zip(
        plain, (drifting, drifting.smlm.correct(drift)), (0, CONSTANT), strict=True
    ):
        x, y = (table[xy].to_numpy() + constant).T
        edges = np.arange(200, 501, 20), np.arange(100, 601, 20)
        expected, _, _ = np.histogram2d(y, x, bins=edges)
        np.testing.assert_array_equal(image[0], expected)
    np.testing.assert_allclose(by_time.sum(axis=1), plain[:, 0], rtol=1e-5)
    assert (by_time >= -1e-6).all()


def test_counts_of_dask(drifting: pd.DataFrame, drift: xr.Dataset, views: list[View]) -> None:
    shuffled = drifting.sample(frac=1, random_state=1)
    lazy = dd.from_pandas(shuffled.reset_index(drop=True), npartitions=3)
    options = {"frames": (0, 1600), "by": "linear", "outside": "hold"}
    expected = count_views(drifting, drift, views, **options)
    for image, other in zip(count_views(lazy, drift, views, **options), expected, strict=True):
        np.testing.assert_allclose(image, other, rtol=1e-4, atol=1e-4)


def test_one_scale_of_brightness() -> None:
    """What is there before and not after is dark after, and the lowest y is at the bottom."""
    images = np.zeros((2, 1, 4, 4), np.float32)
    images[0, 0, 0, 0] = 1.0
    images[1, 0, 0, 0] = 4.0
    before, after = (decoded(file)[..., :3].sum(axis=-1) for file in pictures(images))
    assert 0 < before[0].max() == after[0].max()  # nothing there: the darkest colour
    assert after[3, 0] > before[3, 0] > before[0, 0]


def test_nothing_to_see_is_dark() -> None:
    files = pictures(np.zeros((2, 1, 4, 4), np.float32))
    assert len(np.unique(decoded(files[0]).reshape(-1, 4), axis=0)) == 1


def test_all_times_together_are_white_and_single_times_are_not() -> None:
    mean = np.array([0.2, 0.5, 0.3])
    images = np.zeros((2, 3, 1, 4), np.float32)
    images[:, :, 0, 0] = mean
    for layer in range(3):
        images[:, layer, 0, layer + 1] = 1.0
    colors = decoded(pictures_by_time(images, mean)[0])[0, :, :3]
    assert np.ptp(colors[0]) <= 1
    assert (np.ptp(colors[1:], axis=1) > 100).all()
    assert len(np.unique(colors, axis=0)) == 4
    assert np.isfinite(time_colors(np.array([1.0, 0.0, 0.0]))).all()


def test_a_frame_shares_in_the_first_the_middle_and_the_last() -> None:
    early, late = time_shares(np.array([10, 15, 20, 30, 99]), (10, 30))
    np.testing.assert_allclose(early, [1, 0.5, 0, 0, 0])
    np.testing.assert_allclose(late, [0, 0, 0, 1, 1])

"""Images are counts of the rows, whatever the table is made of; and PNG files."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import dask.dataframe as dd
import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from smlm_accessor.report.images import View, count, pictures, pictures_by_time, time_colors
from smlm_accessor.report.png import png
from smlm_accessor.report.regions import Region

CONSTANT = np.array([3.0, -2.0])


def decoded(file: bytes) -> Any:
    return (255 * matplotlib.image.imread(BytesIO(file), format="png")).round().astype(int)


@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2, st.just(3))))
def test_colours_come_back(image: Any) -> None:
    np.testing.assert_array_equal(decoded(png(image))[..., :3], image)


@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 2)))
def test_places_in_a_palette_come_back(image: Any) -> None:
    palette = np.random.default_rng(1).integers(0, 256, (256, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decoded(png(image, palette))[..., :3], palette[image])


@pytest.fixture(scope="module")
def views() -> list[View]:
    corner, size = np.array([100.0, 200.0]), np.array([500.0, 300.0])
    return [View(Region(corner, size, 20.0, 1.0), CONSTANT, by_time=t) for t in (False, True)]


def test_counts(drifting: pd.DataFrame, drift: xr.Dataset, views: list[View]) -> None:
    ends = int(drifting["frame"].min()), int(drifting["frame"].max())
    plain, by_time = count(drifting, drift, views, ends, by=None, outside=None)
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
    expected = count(drifting, drift, views, **options)
    for image, other in zip(count(lazy, drift, views, **options), expected, strict=True):
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

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from skimage.exposure import equalize_hist

from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.images import bins as module
from smlm_accessor.images.render import render
from smlm_accessor.table.columns import set_columns


def table(x: list[float], y: list[float], **more: object) -> pd.DataFrame:
    return pd.DataFrame({"x": x, "y": y, "frame": range(len(x)), **more})


@pytest.fixture
def blobs() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    x, y = rng.normal(50, 12, (2, 20_000))
    return pd.DataFrame({"x [nm]": x, "y [nm]": y, "frame": np.arange(20_000)})


def test_counts_by_hand() -> None:
    locs = table([0.0, 0.5, 1.0, 2.9, 2.1, 2.5], [0.0, 0.9, 0.0, 1.0, 1.5, 0.999])
    image = render(locs, bin_size=1.0)
    np.testing.assert_array_equal(image.values, [[2, 1, 1], [0, 0, 2]])
    assert image.dtype == np.int64
    assert image.dims == ("y", "x")
    np.testing.assert_array_equal(image["x"], [0.5, 1.5, 2.5])
    np.testing.assert_array_equal(image["y"], [0.5, 1.5])


def test_large_y_is_at_large_y_and_large_x_at_large_x() -> None:
    image = render(table([10.0, 90.0], [80.0, 20.0]), bin_size=10, bin_range=((0, 100), (0, 100)))
    assert image.sel(x=10, y=80, method="nearest") == 1
    assert image.sel(x=90, y=20, method="nearest") == 1
    assert image.sum() == 2
    assert (image["y"].diff("y") > 0).all()


def test_bins_are_half_open() -> None:
    image = render(table([0.0, 2.0, 4.0], [0.0, 2.0, 3.0]), bin_size=2, bin_range=((0, 4), (0, 4)))
    np.testing.assert_array_equal(image.values, [[1, 0], [0, 1]])
    assert image.attrs["n_localizations"] == 2
    assert image.attrs["n_outside"] == 1


def test_without_a_range_all_localizations_are_in() -> None:
    # The highest lie on an edge.
    image = render(table([-3.0, 4.0], [2.0, 6.0]), bin_size=2)
    assert image.sum() == 2
    assert image.attrs["n_outside"] == 0
    np.testing.assert_array_equal(image["x"], [-3, -1, 1, 3, 5])
    np.testing.assert_array_equal(image["y"], [3, 5, 7])


def test_rounding_does_not_lose_the_lowest() -> None:
    # -255.90000000000003 / 0.1 rounds to -2559.0, and 0.1 * -2559 lies above it.
    image = render(table([-255.90000000000003, -255.7], [0.0, 0.0]), bin_size=0.1)
    assert image.sum() == 2
    assert image.attrs["n_outside"] == 0


def test_neighbouring_ranges_add_up_to_the_whole(blobs: pd.DataFrame) -> None:
    whole = render(blobs, bin_size=5, bin_range=((0, 100), (0, 100)))
    left = render(blobs, bin_size=5, bin_range=((0, 50), (0, 100)))
    right = render(blobs, bin_size=5, bin_range=((50, 100), (0, 100)))
    xr.testing.assert_equal(whole, xr.concat([left, right], dim="x"))


@given(
    values=st.lists(st.floats(-100, 100), min_size=1, max_size=20),
    bin_size=st.sampled_from([0.1, 0.3, 0.7, 1.0, 3.0]),
    start=st.sampled_from([None, -20.0, 0.1, 7.3]),
)
def test_each_bin_holds_what_its_edges_say(
    values: list[float], bin_size: float, start: float | None
) -> None:
    # Multiples of the bin size are where rounding errs.
    values = [*values, *(round(v / bin_size) * bin_size for v in values)]
    bin_range = None if start is None else ((start, start + 30.0), (-200.0, 200.0))
    image = render(table(values, [0.0] * len(values)), bin_size=bin_size, bin_range=bin_range)
    n = image.sizes["x"]
    first = round(float(image["x"][0] / bin_size - 0.5)) * bin_size if start is None else start
    edges = first + bin_size * np.arange(n + 1)
    expected = [sum(edges[i] <= v < edges[i + 1] for v in values) for i in range(n)]
    np.testing.assert_array_equal(image.sum("y"), expected)
    if start is None:
        assert image.sum() == len(values)
    else:
        assert n == pytest.approx(np.ceil(30.0 / bin_size - 1e-6))


def test_the_last_bin_reaches_beyond_a_range_that_is_no_multiple() -> None:
    image = render(table([4.5, 5.5, 6.5], [0.5] * 3), bin_size=2, bin_range=((0, 5), (0, 1)))
    np.testing.assert_array_equal(image["x"], [1, 3, 5])
    np.testing.assert_array_equal(image.values, [[0, 0, 2]])


@pytest.mark.parametrize(
    ("extent", "expected"), [(1000.0, 1.0), (1100.0, 2.0), (0.9, 0.001), (51_000.0, 50.0)]
)
def test_default_bin_size_is_round_and_gives_about_a_thousand(
    extent: float, expected: float
) -> None:
    image = render(table([0.0, extent], [0.0, extent / 3]))
    assert image.attrs["bin_size"] == expected
    assert 400 < image.sizes["x"] <= 1025


def test_a_single_point_and_an_empty_range() -> None:
    one = render(table([7.25], [3.5]))
    assert one.values.tolist() == [[1]]
    assert (one["x"].item(), one["y"].item()) == (7.5, 3.5)
    nothing = render(table([], []), bin_range=((0, 2), (0, 1)), bin_size=1)
    assert nothing.values.tolist() == [[0, 0]]
    with pytest.raises(TableError, match="bin_range"):
        render(table([], []))


def test_missing_coordinates_are_left_out_and_counted() -> None:
    locs = table([0.5, np.nan, 0.5, np.inf], [0.5, 0.5, np.nan, 0.5])
    image = render(locs, bin_size=1)
    assert image.values.tolist() == [[1]]
    assert image.attrs["n_left_out"] == 3
    assert image.attrs["n_localizations"] == 1


def test_a_projection_of_three_dimensions() -> None:
    locs = table([0.5, 0.5], [0.5, 0.5], z=[-400.0, 400.0])
    assert render(locs, bin_size=1).values.tolist() == [[2]]
    assert render(locs, bin_size=1, other_property="z").values.tolist() == [[0.0]]


def test_labels_and_units(blobs: pd.DataFrame) -> None:
    image = render(blobs, bin_size=2, other_property="frame")
    assert image.name == "frame"
    assert image.attrs["long_name"] == "mean frame"
    assert image.attrs["length_unit"] == "nm"
    assert image["x"].attrs == {"long_name": "x", "units": "nm"}
    count = render(table([0.0], [0.0]))
    assert count.name == "localizations"
    assert "units" not in count["y"].attrs
    assert "length_unit" not in count.attrs


def test_positions_in_pixels_are_rendered_in_nm_if_the_pixel_is_known() -> None:
    locs = set_columns(table([1.0, 2.0], [1.0, 1.0]), unit="pixel", pixel_size=100.0)
    image = render(locs, bin_size=50)
    np.testing.assert_array_equal(image["x"], [125, 175, 225])
    assert image.attrs["length_unit"] == "nm"


def test_image_goes_through_netcdf(blobs: pd.DataFrame, tmp_path: Path) -> None:
    image = render(blobs, bin_size=2, bin_range=((0, 50), (0, 40)), rescale=(0, 99))
    image.to_netcdf(tmp_path / "image.nc")
    with xr.open_dataarray(tmp_path / "image.nc") as loaded:
        xr.testing.assert_identical(image, loaded.load())


# A property


def test_mean_of_a_property_by_hand() -> None:
    locs = table([0.5, 0.6, 2.5, 2.5], [0.5] * 4, photons=[100, 300, 50, np.nan])
    image = render(locs, bin_size=1, other_property="photons")
    np.testing.assert_array_equal(image.values, [[200.0, np.nan, 50.0]])
    assert image.attrs["n_left_out"] == 1


def test_frame_is_found_under_another_name_or_in_the_index() -> None:
    locs = table([0.5, 0.6], [0.5, 0.5]).rename(columns={"frame": "t"})
    named = set_columns(locs, frame="t")
    assert render(named, bin_size=1, other_property="frame").item() == 0.5
    indexed = table([0.5, 0.6], [0.5, 0.5]).set_index("frame")
    assert render(indexed, bin_size=1, other_property="frame").item() == 0.5
    other_level = locs.set_index("t")
    assert render(other_level, bin_size=1, other_property="t").item() == 0.5


@pytest.mark.parametrize("dtype", ["Int32", "float32", "int64[pyarrow]"])
def test_a_property_of_any_numeric_dtype(dtype: str) -> None:
    locs = table([0.5, 0.6], [0.5, 0.5], photons=pd.array([1, 2], dtype=dtype))
    assert render(locs, bin_size=1, other_property="photons").item() == 1.5


@pytest.mark.parametrize("name", ["colour", "dye", "frame", 3])
def test_a_property_that_is_no_column_of_numbers(name: object) -> None:
    locs = table([0.5], [0.5], dye=["A647"], photons=[1]).drop(columns="frame")
    with pytest.raises(OptionError, match=rf"{name!r} is not a column of numbers.*'photons'"):
        render(locs, bin_size=1, other_property=name)


# Rescaling


def test_equalization_is_that_of_scikit_image_over_the_occupied_bins(blobs: pd.DataFrame) -> None:
    counts = render(blobs, bin_size=2)
    equal = render(blobs, bin_size=2, rescale="equal")
    mask = counts.values > 0
    expected = np.where(mask, equalize_hist(counts.values, mask=mask), 0.0)
    assert mask.any()
    assert not mask.all()
    np.testing.assert_array_equal(equal.values, expected)
    assert equal.max() == 1.0
    assert equal.attrs["long_name"] == "localizations per bin, equalized"


def test_equalization_by_hand() -> None:
    # Counts 1, 1, 2, 4: the share of occupied bins that hold no more.
    x = [0.5, 1.5, 2.5, 2.5, 4.5, 4.5, 4.5, 4.5]
    image = render(table(x, [0.5] * 8), bin_size=1, rescale="equal")
    np.testing.assert_array_equal(image.values, [[0.5, 0.5, 0.75, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("rescale", "expected"),
    [
        ("unity", [0.25, 0.5, 0.0, 1.0]),
        ("log", [np.log(2) / np.log(5), np.log(3) / np.log(5), 0.0, 1.0]),
        ((0, 50), [0.5, 1.0, 0.0, 1.0]),
        ((50, 100), [0.0, 0.0, 0.0, 1.0]),
        (None, [1, 2, 0, 4]),
    ],
)
def test_rescaling_of_counts_by_hand(rescale: object, expected: list[float]) -> None:
    x = [0.5, 1.5, 1.5, 3.5, 3.5, 3.5, 3.5]
    image = render(table(x, [0.5] * 7), bin_size=1, rescale=rescale)
    np.testing.assert_allclose(image.values, [expected], rtol=1e-15)


@pytest.mark.parametrize(
    ("rescale", "expected"),
    [
        ("unity", [0.0, 0.25, np.nan, 1.0]),
        ("log", [0.0, np.log(2) / np.log(5), np.nan, 1.0]),
        ((0, 50), [0.0, 1.0, np.nan, 1.0]),
        ("equal", np.insert(equalize_hist(np.array([-2.0, -1.0, 2.0])), 2, np.nan)),
    ],
)
def test_rescaling_of_a_property_keeps_empty_bins_apart(
    rescale: object, expected: npt.ArrayLike
) -> None:
    locs = table([0.5, 1.5, 3.5], [0.5] * 3, depth=[-2.0, -1.0, 2.0])
    image = render(locs, bin_size=1, rescale=rescale, other_property="depth")
    np.testing.assert_allclose(image.values, [expected], rtol=1e-12)


@pytest.mark.parametrize("rescale", ["unity", "log", "equal", (1, 99)])
def test_bins_that_are_all_alike_are_bright(rescale: object) -> None:
    locs = table([0.5, 2.5], [0.5, 0.5])
    np.testing.assert_array_equal(render(locs, bin_size=1, rescale=rescale).values, [[1, 0, 1]])


@pytest.mark.parametrize("rescale", ["unity", "log", "equal", (1, 99)])
def test_an_empty_image_stays_empty(rescale: object) -> None:
    locs = table([9.0], [9.0])
    kwargs = {"bin_size": 1, "bin_range": ((0, 2), (0, 1)), "rescale": rescale}
    np.testing.assert_array_equal(render(locs, **kwargs).values, [[0, 0]])
    by_frame = render(locs, **kwargs, other_property="frame")
    np.testing.assert_array_equal(by_frame.values, [[np.nan, np.nan]])


# Arguments


@pytest.mark.parametrize(
    "rescale", ["equalize", (99, 1), (0, 101), (-1, 50), (1, 2, 3), 5, ("a", "b")]
)
def test_unknown_rescale_lists_those_there_are(rescale: object) -> None:
    with pytest.raises(OptionError, match=r'rescale=.*None, "equal", "log", "unity", or two'):
        render(table([0.5], [0.5]), rescale=rescale)


@pytest.mark.parametrize("bin_size", [0, -1.0, np.nan, np.inf])
def test_bad_bin_size(bin_size: float) -> None:
    with pytest.raises(OptionError, match=r"bin_size=.* must be a positive length"):
        render(table([0.5], [0.5]), bin_size=bin_size)


@pytest.mark.parametrize(
    "bin_range", [(0, 1), ((1, 0), (0, 1)), ((0, 0), (0, 1)), ((0, np.inf), (0, 1)), ((0, 1),)]
)
def test_bad_bin_range(bin_range: object) -> None:
    with pytest.raises(OptionError, match=r"bin_range=.* must be \(\(x0, x1\), \(y0, y1\)\)"):
        render(table([0.5], [0.5]), bin_range=bin_range)


@pytest.mark.parametrize("bin_size", [1e-3, 1e-300])
def test_too_many_bins_name_a_size_that_fits(bin_size: float) -> None:
    locs = table([0.0, 1e5], [0.0, 2e5])
    with pytest.raises(OptionError, match=r"take bin_size=20, or show less") as caught:
        render(locs, bin_size=bin_size)
    assert f"bin_size={bin_size!r}" in str(caught.value)
    assert 1e5 / 20 * 2e5 / 20 <= module.MAX_BINS < 1e5 / 10 * 2e5 / 10 + 3e4


def test_rows_in_any_order_and_read_only_input_give_the_same(blobs: pd.DataFrame) -> None:
    before = blobs.copy()
    image = render(blobs, bin_size=3, other_property="frame")
    shuffled = render(blobs.sample(frac=1, random_state=1), bin_size=3, other_property="frame")
    xr.testing.assert_allclose(image, shuffled, rtol=1e-12)
    pd.testing.assert_frame_equal(blobs, before)


def test_images_metrics_and_curves_need_no_matplotlib() -> None:
    code = """
import sys
from pathlib import Path
sys.modules["matplotlib"] = None  # importing it fails from here on
import pandas as pd
from smlm_accessor.metrics import rmse
from smlm_accessor.drift.curves import curves_of
from smlm_accessor.images.render import render
from smlm_accessor.drift import build
locs = pd.DataFrame({"x": [0.5], "y": [0.5], "frame": [0]})
assert render(locs, rescale="equal").item() == 1.0
assert rmse(locs, locs)["x"] == 0.0
drift = build(offset=[[-1, 2]], components="xy", frame=[0], frame_start=[0], frame_stop=[1])
assert curves_of(drift, "drift").values.tolist() == [[1.0, -2.0]]
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

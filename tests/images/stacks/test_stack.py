from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor import OptionError, StackError
from smlm_accessor.images.stacks.stack import read_stack

PIXELS = np.arange(5 * 4 * 6, dtype=np.uint16).reshape(5, 4, 6)


def stack(**coords: Any) -> xr.DataArray:
    return xr.DataArray(PIXELS, dims=("frame", "y", "x"), coords=coords)


def test_lengths_are_those_of_the_coordinates() -> None:
    held = stack(y=[10, 8, 6, 4], x=np.arange(6) * 0.1)
    held.x.attrs["units"] = held.y.attrs["units"] = "µm"
    read = read_stack(held)
    assert read.components == ("x", "y")
    assert read.spacing == pytest.approx([0.1, -2])
    assert read.first.tolist() == [0, 10]
    assert read.center == pytest.approx([0.25, 7])
    assert read.length_unit == "um"


def test_lengths_without_coordinates() -> None:
    assert read_stack(stack()).length_unit == "pixel"
    read = read_stack(stack(), 130)
    assert (read.spacing.tolist(), read.length_unit) == ([130, 130], "nm")


def test_dimensions_in_any_order_and_slices() -> None:
    held = xr.DataArray(np.zeros((6, 2, 3, 4)), dims=("x", "time", "z", "y"))
    read = read_stack(held, (100, 110, 250))
    assert read.images.dims == ("time", "z", "y", "x")
    assert read.components == ("x", "y", "z")
    assert read.counts.tolist() == [0, 1]


def test_frames_are_the_coordinate() -> None:
    assert read_stack(stack(frame=[0, 100, 200, 400, 401.0])).counts.tolist()[3:] == [400, 401]
    by_time = stack().rename(frame="time").assign_coords(frame=("time", [1, 2, 3, 5, 8]))
    assert read_stack(by_time).counts.tolist() == [1, 2, 3, 5, 8]


@pytest.mark.parametrize(
    "times",
    [
        np.arange(5) * 0.5,
        xr.Variable("time", np.arange(5) * 500, {"units": "ms"}),
        np.arange(5) * np.timedelta64(500, "ms"),
        np.datetime64("2026-11-28T21:00", "ns") + np.arange(5) * np.timedelta64(500, "ms"),
    ],
)
def test_times_are_seconds(times: Any) -> None:
    read = read_stack(stack().rename(frame="time").assign_coords(time=times))
    assert read.clock.values(read.counts).tolist() == [0, 0.5, 1, 1.5, 2]


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        (stack().rename(frame="t"), r"rename\(t='frame'\)"),
        (stack().rename(x="column"), "dims="),
        (stack().expand_dims(channel=2), "isel"),
        (stack() > 3, "astype"),
        (stack().isel(frame=slice(0)), "no pixels"),
        (stack(frame=[0, 1, 1, 2, 3]), "drop_duplicates"),
        (stack(frame=[0, 2, 1, 3, 4]), "sortby"),
        (stack(frame=[0, 0.5, 1, 2, 3]), "whole"),
        (stack().rename(frame="time").assign_coords(time=list("abcde")), "assign_coords"),
        (stack().rename(frame="time").assign_coords(time=[0, 1, 1, 2, 3.0]), "drop_duplicates"),
        (stack(y=[0, 1, 2, 5], x=np.arange(6)), "y is not evenly spaced.*pixel_size"),
        (stack(x=np.arange(6)), "coordinate y.*pixel_size"),
    ],
)
def test_what_is_wrong_is_told_with_the_remedy(wrong: xr.DataArray, remedy: str) -> None:
    with pytest.raises(StackError, match=remedy):
        read_stack(wrong)


def test_units_have_to_be_the_same() -> None:
    held = stack(y=np.arange(4), x=np.arange(6))
    held.x.attrs["units"] = "nm"
    with pytest.raises(StackError, match="same"):
        read_stack(held)


def test_one_pixel_size_does_not_tell_the_slices() -> None:
    held = xr.DataArray(np.zeros((2, 3, 4, 5)), dims=("frame", "z", "y", "x"))
    with pytest.raises(OptionError, match=r"pixel_size=\(100, 100, 250\)"):
        read_stack(held, 100)


def test_blocks_are_the_chunks_of_dask_and_unknown_pixels_are_the_mean() -> None:
    held = stack().astype("float32")
    held[1, 0, 0] = np.nan
    held[2] = np.nan
    read = read_stack(held.chunk(frame=2, x=3))
    runs, blocks = zip(*read.blocks(), strict=True)
    assert [run.start for run in runs] == [0, 2, 4]
    pixels = np.concatenate(blocks)
    assert pixels[1, 0, 0] == pytest.approx(PIXELS[1].ravel()[1:].mean())
    assert not pixels[2].any()
    assert (pixels[3] == PIXELS[3]).all()

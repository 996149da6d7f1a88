"""Datasets with times: what they hold, and that all that is done with them is as in frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.drift import build, require_drift
from smlm_accessor.drift.times import clock_of, counted, timed
from smlm_accessor.drift.validation import problems_of
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.io import read_drift, write_drift
from smlm_accessor.table.clock import FRAMES, SECONDS

PERIOD, FIRST = 0.05, 3.0


def drifts(seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """The same drift in frames and in seconds."""
    rng = np.random.default_rng(seed)
    start = np.array([0, 20, 50, 60])
    stop = np.array([20, 50, 60, 100])
    mean = start + (stop - start - 1) / 2
    alike = {
        "offset": rng.normal(0, 10, (4, 2)),
        "components": "xy",
        "offset_std": np.ones((4, 2)),
        "segment": [0, 0, 1, 1],
        "attrs": {"length_unit": "nm", "parameters": {"a": 1}},
    }
    in_frames = build(**alike, frame=mean, frame_start=start, frame_stop=stop)
    times = [FIRST + PERIOD * x for x in (mean, start, stop)]
    in_seconds = build(**alike, time=times[0], time_start=times[1], time_stop=times[2])
    return in_frames, in_seconds


def test_a_dataset_says_what_its_time_is() -> None:
    in_frames, in_seconds = drifts()
    assert clock_of(in_frames) == FRAMES
    assert clock_of(in_seconds) == SECONDS
    assert in_seconds.attrs["time_unit"] == "s"
    assert {"time", "time_start", "time_stop"} <= set(in_seconds.coords)
    assert not {"frame", "frame_start", "frame_stop"} & set(in_seconds.variables)
    assert in_seconds["time"].attrs == {
        "long_name": "mean time of the chunk's localizations",
        "units": "s",
    }
    assert "time_unit" not in in_frames.attrs


def test_counts_and_back() -> None:
    in_frames, in_seconds = drifts()
    ticks = counted(in_seconds)
    assert ticks["frame_start"].values.tolist() == [3_000_000, 4_000_000, 5_500_000, 6_000_000]
    assert clock_of(ticks) == SECONDS
    xr.testing.assert_identical(timed(ticks), in_seconds)
    assert counted(ticks) is ticks
    assert counted(in_frames) is timed(in_frames) is in_frames


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_files_hold_times(suffix: str, tmp_path: Path) -> None:
    _, in_seconds = drifts()
    write_drift(in_seconds, tmp_path / f"drift{suffix}")
    again = read_drift(tmp_path / f"drift{suffix}")
    for name in (*in_seconds.variables,):
        np.testing.assert_array_equal(again[name].values, in_seconds[name].values)
    assert again.attrs == in_seconds.attrs


@pytest.mark.parametrize(
    "step",
    [
        lambda d: d.smlm.inverse(),
        lambda d: d.smlm.compose(d.smlm.inverse()),
        lambda d: d.smlm.with_origin("mean"),
        lambda d: d.smlm.with_origin("first_frame"),
        lambda d: d.smlm.pose().rename(drift="offset"),
    ],
)
def test_what_is_made_of_a_drift_in_seconds_is_one(step: Callable[..., xr.Dataset]) -> None:
    in_frames, in_seconds = drifts()
    expected, found = step(in_frames), step(in_seconds)
    np.testing.assert_allclose(found["offset"], expected["offset"], atol=1e-9)
    for name in ("", "_start", "_stop"):
        at = FIRST + PERIOD * expected[f"frame{name}"]
        np.testing.assert_allclose(found[f"time{name}"], at, atol=1e-9)


def test_drifts_with_other_chunks_are_chained_in_seconds() -> None:
    _, first = drifts()
    other = build(
        offset=[[1.0, 2], [3, 4]], components="xy", time=[4.0, 7], time_start=[3, 5.5],
        time_stop=[5.5, 8],
    )  # fmt: skip
    both = first.smlm.compose(other)
    assert both["time_start"].values[0] == 3.0
    assert both["time_stop"].values[-1] == 8.0
    with pytest.raises(DriftError, match="in frames and the other in seconds"):
        first.smlm.compose(drifts()[0].isel(chunk=slice(2)))


def test_jumps_have_times() -> None:
    in_frames, in_seconds = drifts()
    expected, found = in_frames.smlm.jumps(), in_seconds.smlm.jumps()
    assert found["time"].tolist() == [5.5]
    assert list(found.columns) == ["time", "x", "y", "std_x", "std_y"]
    # Between the mean times of chunks by a tick less than a frame.
    np.testing.assert_allclose(found[["x", "y"]], expected[["x", "y"]], atol=2.0)


def test_all_that_is_wrong_is_told_in_times() -> None:
    _, good = drifts()
    require_drift(good)
    without = good.drop_vars(["time_stop", "valid"])
    assert problems_of(without) == [
        "variable 'valid' is missing",
        "variable 'time_stop' is missing",
    ]
    back = good.assign_coords(time_stop=good["time_start"] - 1)
    assert "chunk 0 ends before it starts (time_stop <= time_start)" in problems_of(back)
    far = good.assign_coords(time=good["time"] + 100)
    assert "chunk 0 has a mean time that is not one of its times" in problems_of(far)
    empty = good.assign_coords(time_start=good["time_start"] * np.nan)
    assert problems_of(empty) == ["'time_start' is not finite"]
    with pytest.raises(OptionError, match="or time, time_start, time_stop"):
        build(offset=[[0.0, 0]], components="xy")
    with pytest.raises(OptionError, match="give frame, frame_start and frame_stop"):
        build(offset=[[0.0, 0]], components="xy", frame=[0], time=[0])


def test_the_last_digit_of_a_mean_puts_it_in_no_other_chunk() -> None:
    rng = np.random.default_rng(1)
    ticks = np.sort(rng.integers(0, 2**52, 1000))
    ticks = ticks[np.append(True, np.diff(ticks) > 2)]
    times = SECONDS.values(ticks)
    stop = np.append(times[1:], times[-1] + 1)
    every = build(
        offset=np.zeros((len(times), 2)), components="xy", time=times, time_start=times,
        time_stop=stop,
    )  # fmt: skip
    require_drift(every)

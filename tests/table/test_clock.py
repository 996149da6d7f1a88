"""Frames and seconds as whole counts, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.table.clock import FRAMES, SECONDS, seconds_in


@given(st.lists(st.integers(-(2**50), 2**50), min_size=1))
def test_ticks_become_seconds_and_the_same_ticks_again(ticks: list[int]) -> None:
    values = SECONDS.values(np.array(ticks))
    np.testing.assert_array_equal(SECONDS.counts(values), ticks)


@given(
    frames=st.lists(st.integers(-(10**6), 10**6), min_size=1),
    duration=st.floats(1e-5, 100.0),
)
def test_a_frame_is_found_again_at_its_time(frames: list[int], duration: float) -> None:
    ticks = FRAMES.to(SECONDS, np.array(frames), duration)
    np.testing.assert_array_equal(SECONDS.to(FRAMES, ticks, duration), frames)
    np.testing.assert_array_equal(SECONDS.edges_to(FRAMES, ticks, duration), frames)
    # All the time until the next frame is in this one, and an edge there is that of the next.
    between = ticks + int(duration * 1e6) // 2
    np.testing.assert_array_equal(SECONDS.to(FRAMES, between, duration), frames)
    np.testing.assert_array_equal(SECONDS.edges_to(FRAMES, between, duration), np.array(frames) + 1)


def test_frames_are_their_own_counts() -> None:
    frames = np.array([3, -7])
    assert FRAMES.counts(frames).tolist() == FRAMES.values(frames).tolist() == [3, -7]
    assert FRAMES.to(FRAMES, frames, 0.05) is frames


@pytest.mark.parametrize(
    ("label", "seconds"),
    [
        *(("tim", 1.0), ("time [s]", 1.0), ("t (ms)", 1e-3), ("time_ms", 1e-3), ("Time [min]", 60)),
        *(("time_h", 3600), ("times", 1.0), (3, 1.0), ("time [px]", 1.0)),
    ],
)
def test_the_name_of_a_column_says_its_unit(label: object, seconds: float) -> None:
    assert seconds_in(label) == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "unit", "per_unit"),
    [(0.5, "s", 1), (180, "s", 1), (181, "min", 60), (10_800, "min", 60), (10_801, "h", 3600)],
)
def test_an_axis_has_the_unit_that_fits(seconds: float, unit: str, per_unit: float) -> None:
    axis = SECONDS.axis(0, round(seconds * 1e6))
    assert (axis.name, axis.unit) == ("Time", unit)
    assert axis.at(seconds * 1e6) == pytest.approx(seconds / per_unit)
    assert FRAMES.axis(0, 10)[:2] == ("Frame", "")


def test_an_axis_of_times_since_1970_begins_with_0() -> None:
    first = SECONDS.counts(1.7e9)
    axis = SECONDS.axis(int(first), int(first) + 60_000_000)
    assert axis.name == "Time since the first"
    assert axis.at([first, first + 30_000_000]).tolist() == [0, 30]


def test_what_is_said_of_a_time() -> None:
    assert FRAMES.said(5) == "frame 5"
    assert FRAMES.span(0, 1500, thousands=True) == "frames 0 to 1,499"
    assert SECONDS.said(1_651_650_001) == "1651.65 s"
    assert SECONDS.span(-2_000_000, 50) == "-2 s to 5e-05 s"
    assert SECONDS.said(0) == "0 s"

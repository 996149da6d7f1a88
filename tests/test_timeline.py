"""The timeline: which frames there are, and windows that hold each of them once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor._typing import IntArray
from smlm_accessor.errors import TableError
from smlm_accessor.timeline import Timeline, Windows

NONE = np.empty(0, dtype=np.int64)


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Frames from any start and with gaps, and jumps, also where there are no frames."""
    gaps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 300]), min_size=1, max_size=60))
    start = draw(st.integers(-1000, 10**9))
    counts = draw(st.lists(st.integers(1, 200), min_size=len(gaps), max_size=len(gaps)))
    frames = start + np.cumsum(gaps)
    jumps = draw(st.lists(st.integers(-5, sum(gaps) + 5), max_size=4, unique=True))
    at = np.array(sorted(jumps), dtype=np.int64) + start
    return Timeline(frames, np.array(counts), NONE, sum(counts)).with_jumps(at)


def require_sound(windows: Windows) -> None:
    """Every frame in the window that says so; no window on both sides of a jump."""
    timeline, edges = windows.timeline, windows.edges
    assert (np.diff(edges) > 0).all()
    assert (edges[windows.of_frame] <= timeline.frames).all()
    assert (timeline.frames < edges[windows.of_frame + 1]).all()
    assert windows.counts.sum() == timeline.counts.sum()
    assert (np.diff(windows.bounds) == np.bincount(windows.of_frame, minlength=len(windows))).all()
    assert (windows.segment[windows.of_frame] == timeline.segment).all()
    assert windows.begins.sum() == len(np.unique(timeline.segment)) - 1


class TestOf:
    @pytest.mark.parametrize("times", [1, -7, 10**9, 0.1])
    @given(frames=st.lists(st.integers(-50, 50), min_size=1, max_size=40))
    def test_frames_and_counts(self, frames: list[int], times: float) -> None:
        rows = np.array(frames) * times
        found = Timeline.of(rows)
        expected = np.unique(rows, return_counts=True)
        np.testing.assert_array_equal([found.frames, found.counts], expected)
        assert found.n_rows == len(rows)
        np.testing.assert_array_equal(found.frames[found.of_rows], np.sort(rows))

    @given(frames=st.lists(st.integers(0, 50), max_size=40), at=st.integers(0, 40))
    def test_parts_add_up(self, frames: list[int], at: int) -> None:
        rows = np.array(frames, dtype=np.int64)
        parts = [Timeline.of(rows[:at], n_rows=at), Timeline.of(rows[at:], n_rows=100 - at)]
        found, whole = Timeline.joined(parts), Timeline.of(rows)
        np.testing.assert_array_equal(found.frames, whole.frames)
        np.testing.assert_array_equal(found.counts, whole.counts)
        assert found.n_rows == 100

    @pytest.mark.parametrize("first", [50, 1, 0, -50])
    def test_only_jumps_within_the_frames_count(self, first: int) -> None:
        frames = first + np.array([0, 0, 10, 12])
        known = Timeline.of(frames, first + np.array([-20, 0, 5, 12, 13]))
        assert known.jumps.tolist() == [first + 5, first + 12]
        assert known.segment.tolist() == [0, 1, 2]
        assert known.known_jump(first + 5, first + 13) == first + 12
        assert known.known_jump(first + 5, first + 12) is None

    def test_too_few_frames_are_an_error(self) -> None:
        for rows, n_rows, message in [
            (NONE, 0, "no rows"),
            (NONE, 3, "None of the 3 rows"),
            (np.array([7, 7]), 2, "in frame 7"),
        ]:
            with pytest.raises(TableError, match=message):
                Timeline.of(rows, n_rows=n_rows).require_enough()
        Timeline.of(np.array([7, 8])).require_enough()


class TestCut:
    def test_counts_and_mean_frames(self) -> None:
        windows = Timeline.of(np.array([10, 11, 11, 11, 40])).cut(np.array([8, 12, 20, 41]))
        assert windows.of_frame.tolist() == [0, 0, 2]
        assert windows.counts.tolist() == [4, 0, 1]
        assert windows.mean_frame.tolist() == [10.75, 15.5, 40]  # an empty one: 12 to 19
        assert windows.mean(np.array([[1.0, 2], [5, 2], [8, 3]])).tolist() == [
            [4, 2],
            [0, 0],
            [8, 3],
        ]

    @given(timelines(), st.integers(1, 80))
    def test_evenly(self, timeline: Timeline, k: int) -> None:
        windows = timeline.evenly(k)
        require_sound(windows)
        assert windows.counts.min() > 0

    @given(timelines(), st.integers(1, 400))
    def test_regular(self, timeline: Timeline, length: int) -> None:
        windows = timeline.regular(length)
        require_sound(windows)
        assert windows.counts.min() > 0
        number = (timeline.frames - timeline.frames[0]) // length
        for k in range(len(windows)):
            assert np.ptp(number[windows.of_frame == k]) == 0
        # The frames next to a jump are alone.
        n_frames = np.diff(windows.bounds)
        for k in np.flatnonzero(windows.begins):
            assert n_frames[k - 1] == n_frames[k] == 1

    @pytest.mark.parametrize(("k", "length"), [(1, 1000), (7, 143), (1000, 1), (5000, 1)])
    def test_regularly(self, k: int, length: int) -> None:
        timeline = Timeline.of(np.arange(200, 1200))
        assert np.array_equal(timeline.regularly(k).edges, timeline.regular(length).edges)
        assert len(timeline.regularly(k)) == min(k, 1000)

    def test_evenly_has_as_many_windows_of_equal_share(self) -> None:
        frames = np.repeat(np.arange(1000), np.where(np.arange(1000) < 500, 9, 1))
        windows = Timeline.of(frames).evenly(20)
        assert len(windows) == 20
        # Half of each window's share is of localizations, half of frames.
        share = windows.counts / len(frames) + np.diff(windows.edges) / 1000
        assert share == pytest.approx(2 / 20, rel=0.1)

    def test_evenly_bridges_no_gap(self) -> None:
        windows = Timeline.of(np.concatenate([np.arange(100), np.arange(5000, 5100)])).evenly(10)
        assert 5000 in windows.edges

    def test_a_window_of_each_frame(self) -> None:
        timeline = Timeline.of(np.array([3, 5, 5, 9]))
        require_sound(timeline.beginning(timeline.frames))
        assert timeline.beginning(timeline.frames).counts.tolist() == [1, 2, 1]


class TestCurves:
    """The drift in each frame from that of windows."""

    frames = np.repeat(np.arange(0, 200), 3)

    def jumping(self) -> tuple[Windows, np.ndarray]:
        """Windows of 20 frames, and a line in each frame that jumps by 100 at frame 80."""
        windows = Timeline.of(self.frames, np.array([80])).cut(np.arange(0, 201, 20))
        line = 0.5 * windows.timeline.frames + 100 * (windows.timeline.frames >= 80)
        return windows, line[:, None]

    def test_a_line_that_jumps(self) -> None:
        windows, line = self.jumping()
        drift = windows.mean(line)
        every = np.ones(len(windows), dtype=bool)
        np.testing.assert_allclose(windows.curve(drift, every), line)
        np.testing.assert_allclose(windows.lines(drift[:, 0], np.full(10, 0.5)), line[:, 0])
        assert windows.begins.tolist() == [False] * 4 + [True] + [False] * 5

    def test_beyond_the_outer_windows_the_slope_is_the_given_one(self) -> None:
        windows, line = self.jumping()
        slope = np.arange(10.0)
        found = np.diff(windows.lines(windows.mean(line)[:, 0], slope))
        assert found[[0, 78, 80, 198]] == pytest.approx([0, 3, 4, 9])
        assert found[10:69] == pytest.approx(0.5)

    def test_windows_that_are_not_valid_are_bridged(self) -> None:
        windows, line = self.jumping()
        drift, valid = windows.mean(line), np.ones(10, dtype=bool)
        valid[[1, 4]] = False
        drift[~valid] = np.nan
        np.testing.assert_allclose(windows.curve(drift, valid), line)
        valid[:4] = False  # nothing is known before the jump: continued from after it
        np.testing.assert_allclose(windows.curve(drift, valid), line + 100 * (line < 100))
        assert not windows.curve(drift, np.zeros(10, dtype=bool)).any()

    @given(seed=st.integers(0, 2**32 - 1))
    def test_the_shape_has_the_means_that_are_asked_for(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        timeline = Timeline.of(rng.integers(0, 300, 500), np.array([101, 102]))
        windows = timeline.evenly(12)
        drift = rng.normal(size=(len(windows), 2))
        valid = rng.random(len(windows)) < 0.8
        still = rng.random(len(windows)) < 0.3
        shape = windows.shape(drift, valid, still)
        np.testing.assert_allclose(windows.mean(shape)[valid], drift[valid], atol=1e-12)
        for k in np.flatnonzero(still & valid):
            assert np.ptp(shape[windows.of_frame == k], axis=0).max() == 0


def in_seconds(timeline: Timeline, seconds: float) -> Timeline:
    times: Any = timeline.frames * seconds
    return Timeline(times, timeline.counts, timeline.jumps * seconds, timeline.n_rows)  # type: ignore[arg-type]


@given(timelines(), st.integers(1, 30))
def test_seconds_are_cut_as_frames_are(timeline: Timeline, k: int) -> None:
    """Every frame is there, so that it can be seen how long one is."""
    first = int(timeline.frames[0])
    frames = np.arange(first, first + 80)
    timeline = Timeline(frames, 1 + (frames % 7), NONE, 0).with_jumps(timeline.jumps)
    for one, other in [
        (timeline.evenly(k), in_seconds(timeline, 0.25).evenly(k)),
        (timeline.regular(k), in_seconds(timeline, 0.25).regular(0.25 * k)),
    ]:
        np.testing.assert_array_equal(one.of_frame, other.of_frame)
        np.testing.assert_array_equal(one.segment, other.segment)
        np.testing.assert_allclose(0.25 * one.mean_frame, other.mean_frame)


def test_an_added_constant_changes_nothing() -> None:
    def curve(start: int) -> tuple[IntArray, np.ndarray]:
        frames: IntArray = np.arange(500) ** 2 // 50
        windows = Timeline.of(frames + start, np.array([start + 1000])).evenly(20)
        drift = np.sin(np.arange(len(windows)))[:, None]
        return windows.of_frame, windows.curve(drift, drift[:, 0] > -0.9)

    of_frame, expected = curve(0)
    np.testing.assert_array_equal(curve(10**9)[0], of_frame)
    np.testing.assert_allclose(curve(10**9)[1], expected, atol=1e-6)

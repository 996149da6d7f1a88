"""The drift of windows in frames, on top of another one; and which windows are found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.coarse.relocation import FrameDrift
from smlm_accessor.methods.coarse.tracker import Coarse, bridged, followed, sample_of
from smlm_accessor.timeline import Timeline
from tests import scenes

DRIFT = Coarse(
    edges=np.array([0, 10, 20, 30, 40]),
    drift=np.array([[0.0, 0], [10, 0], [np.nan, np.nan], [90, 5]]),
    valid=np.array([True, True, False, True]),
    evidence=np.ones(4),
    jumps=np.array([25]),
    middle=np.array([5.0, 15, 25, 35]),
)
TIMELINE = Timeline.of(np.arange(40))


def test_in_frames_it_is_linear_between_jumps() -> None:
    frames = DRIFT.in_frames(TIMELINE)
    assert frames.timeline.jumps.tolist() == [25]
    assert frames.drift[[0, 5, 7, 15, 24, 25, 39], 0].tolist() == [0, 0, 2, 10, 10, 90, 90]


def test_lost_frames() -> None:
    lost = DRIFT.is_lost(TIMELINE)
    assert np.flatnonzero(lost).tolist() == list(range(20, 30))


def test_frames_outside_are_of_the_nearest_window() -> None:
    assert DRIFT.window_of(np.array([-3, 9, 10, 39, 40, 99])).tolist() == [0, 0, 1, 3, 3, 3]


def test_what_was_taken_off_is_added() -> None:
    start = DRIFT.in_frames(TIMELINE)
    start = replace(start, drift=start.drift + np.array([7.0, 0.0]))
    rest = replace(DRIFT, drift=0 * DRIFT.drift)
    both = rest.after(start, rest.edges, np.array([1.0, 1.0]), None)
    np.testing.assert_allclose(both.drift[:2, 0], [8.0, 15.5])


def test_another_drift_is_known_in_all_windows() -> None:
    timeline = Timeline.of(np.arange(40), np.array([25, 33]))
    steps = np.searchsorted(timeline.jumps, np.arange(40), side="right")
    other = DRIFT.with_drift(FrameDrift(timeline, np.stack([7.0 * steps, -1.0 * steps], axis=1)))
    assert other.edges.tolist() == [0, 10, 20, 25, 30, 33, 40]
    assert other.valid.all()
    assert other.drift[:, 0].tolist() == [0, 0, 0, 7, 7, 14]
    assert other.jumps.tolist() == [25, 33]


def test_long_windows_keep_what_was_taken_off_in_short_ones() -> None:
    start = DRIFT.in_frames(TIMELINE)
    long = Coarse(
        *(np.array([0, 40]), np.array([[1.0, 2.0]]), np.ones(1, bool), np.ones(1)),
        *(np.empty(0, np.int64), np.array([19.5])),
    )
    both = long.after(start, DRIFT.edges, np.array([1.0, 1.0]), None)
    assert both.edges.tolist() == DRIFT.edges.tolist()
    np.testing.assert_allclose(
        both.drift, start.timeline.cut(DRIFT.edges).mean(start.drift) + np.array([1, 2])
    )
    assert both.valid.all()


def test_jumps_are_told_or_unusual_steps() -> None:
    edges = np.arange(0, 100, 10)
    level = np.where(edges[:-1] >= 50, 80.0, 0.0) + 0.1 * np.arange(9)
    steps = Coarse(
        edges,
        np.stack([level, 0 * level], axis=1),
        *(np.ones(9, bool), np.ones(9), np.array([20, 50])),
        edges[:-1] + 4.5,
    )
    timeline = Timeline.of(np.arange(90))
    start = FrameDrift(timeline, np.zeros((90, 2)))
    found = steps.after(start, edges, np.array([5.0, 5.0]), None)
    assert found.jumps.tolist() == found.chosen["jumps"] == [50]
    told = steps.after(start, edges, np.array([5.0, 5.0]), np.array([20]))
    assert told.jumps.tolist() == [20, 50]


@pytest.mark.parametrize("d", [2, 3])
def test_a_sample_that_moves_is_followed(d: int) -> None:
    scene = scenes.blinking(scenes.sites(d=d), n_frames=2_000, per_frame=8.0)
    scene = scene.drifting(scenes.smooth(2_000, d=d))
    drift = followed(sample_of(scene.chunked()), scene.precision, 1)
    assert drift.valid.all()
    true = Timeline.of(scene.frames).cut(drift.edges).mean(scene.drift[np.unique(scene.frames)])
    away = drift.drift - true
    assert (away.std(axis=0) < scene.precision).all()
    assert (np.ptp(away, axis=0) < 4 * scene.precision).all()


def test_a_resting_sample_has_no_drift_and_no_jumps() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=2_000, per_frame=8.0)
    drift = followed(sample_of(scene.chunked()), scene.precision, 1)
    assert drift.valid.all()
    assert not drift.drift.any()
    assert not len(drift.jumps)


def test_of_many_localizations_a_sample_is_followed() -> None:
    scene = scenes.visits(scenes.sites(), n=200_000, n_frames=500)
    sample = sample_of(scene.chunked())
    assert 75_000 < len(sample.frames) < 85_000
    assert (np.diff(sample.frames) >= 0).all()


def test_missing_windows_are_bridged_between_near_ends_only() -> None:
    motion = WindowDrift.at_rest(np.arange(70), np.arange(0, 80, 10))
    x = np.array([0.0, np.nan, np.nan, 0.9, np.nan, 9.0, np.nan])
    motion = replace(motion, drift=np.stack([x, 0 * x, 0 * x], axis=1))
    found = bridged(motion, np.ones(3))[:, 0]
    np.testing.assert_allclose(found, [0.0, 0.3, 0.6, 0.9, np.nan, 9.0, np.nan])

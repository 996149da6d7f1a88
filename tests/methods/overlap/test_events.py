"""Weights of localizations, and blinks merged into events."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor.methods.overlap.events import CorrectedEvents, WeightedLocalizations
from smlm_accessor.timeline import Timeline
from tests import scenes
from tests.scenes import PRECISION

SIGMA = np.full(2, PRECISION)


def spots() -> scenes.Scene:
    """Blinks of ten frames at sites far from each other, and from the edges of tiles."""
    at = np.concatenate([scenes.lattice(20, 500.0), np.full((1, 2), -250.0)])
    scene = scenes.blinking(at, n_frames=2_000, per_frame=2, on=10)
    return scene.drifting(scenes.linear(2_000, (0.3, -0.2)))


def test_events_are_the_blinks_once_the_drift_is_taken_off() -> None:
    scene = spots()
    rows = WeightedLocalizations.of(scene.chunked(), SIGMA)
    drift = scene.drift[rows.timeline.frames]
    events = rows.events(drift, SIGMA, rows.timeline.segment)
    # A blink is a run of frames of one site; one frame may be missing, 32 are the most.
    order = np.lexsort([scene.frames, scene.emitter])
    frames, emitter = scene.frames[order], scene.emitter[order]
    begins = np.flatnonzero((np.diff(emitter, prepend=-1) != 0) | (np.diff(frames, prepend=0) > 2))
    length = np.diff(np.append(begins, len(frames)))
    expected = np.ceil(length / 32).sum()
    assert abs(len(events.frame) - expected) < 0.01 * expected
    assert events.weight.sum() == len(scene.frames)
    site = np.round(events.positions / 250) * 250
    error = (events.positions - site) * np.sqrt(events.weight[:, None]) / PRECISION
    np.testing.assert_allclose(error.std(axis=0), 1, rtol=0.15)


def test_the_positions_of_events_less_another_drift() -> None:
    scene = spots()
    rows = WeightedLocalizations.of(scene.chunked(), SIGMA)
    drift = scene.drift[rows.timeline.frames]
    events = rows.events(drift, SIGMA, rows.timeline.segment)
    other = drift + np.outer(np.arange(len(drift)), [0.1, 0.0])
    expected = events.positions - np.outer(events.frame, [0.1, 0.0])
    np.testing.assert_allclose(events.less(other), expected, atol=1e-9)


@pytest.mark.parametrize("lifetime", [1, 7])
@pytest.mark.parametrize("length", [4, 50])
def test_frames_that_could_show_the_same_blink_are_left_out(lifetime: int, length: int) -> None:
    frames = np.delete(np.arange(3, 403), [10, 11, 200])
    windows = Timeline.of(frames).regular(length)
    nothing, one = np.zeros((0, 2)), np.ones(0, np.float32)
    events = CorrectedEvents(nothing, np.zeros(0, np.int32), one, one, lifetime, nothing)
    gap = lifetime * 3 // 2 + 2
    gap = 0 if 10 * gap * len(windows) < 399 else min(gap, 39)
    for i, (low, high) in enumerate(events.left_out_of(windows)):
        mine = windows.of_frame == windows.of_frame[i]
        near = np.abs(frames - frames[i]) <= gap
        assert np.flatnonzero(mine | near)[[0, -1]].tolist() == [low, high - 1]


def test_no_event_goes_on_from_one_segment_to_the_next() -> None:
    scene = spots()
    rows = WeightedLocalizations.of(scene.chunked(), SIGMA)
    drift, frames = scene.drift[rows.timeline.frames], rows.timeline.frames
    together = rows.events(drift, SIGMA, np.zeros_like(frames))
    cut = rows.events(drift, SIGMA, frames // 100)
    assert len(cut.frame) > len(together.frame)
    np.testing.assert_allclose(
        np.bincount(frames[cut.frame] // 100, cut.weight), np.bincount(scene.frames // 100)
    )


def test_weights_are_relative_to_the_usual_precision_and_have_bounds() -> None:
    localizations = spots().chunked()
    uncertainty = np.full(localizations.positions.shape, PRECISION)
    uncertainty[:5] = [[10.0], [2.5], [0.01], [1e4], [np.nan]]
    rows = WeightedLocalizations.of(replace(localizations, uncertainty=uncertainty), SIGMA)
    np.testing.assert_allclose(rows.weight[:6], [0.25, 4, 10, 0.01, 1, 1])


def test_along_z_localizations_have_a_weight_of_their_own() -> None:
    """Where z has an uncertainty: of events, too. Where it has none, it is that along x and y."""
    scene = scenes.blinking(
        scenes.sites(20, d=3), n_frames=200, per_frame=2.0, on=4, precision=(5.0, 5.0, 10.0)
    )
    rng = np.random.default_rng(1)
    uncertainty = np.array([5.0, 5.0, 10.0]) * rng.uniform(0.8, 1.2, (len(scene.frames), 3))
    uncertainty[::5, 2] = np.nan
    localizations = replace(scene.chunked(), uncertainty=uncertainty)
    rows = WeightedLocalizations.of(localizations, scene.precision)
    known = np.arange(len(scene.frames)) % 5 != 0
    expected = (scene.precision[2] / uncertainty[known, 2]) ** 2
    np.testing.assert_allclose(rows.axial[known], expected, rtol=1e-5)
    np.testing.assert_allclose(rows.axial[~known], rows.weight[~known])
    still = np.zeros((len(rows.timeline.frames), 3))
    events = rows.events(still, scene.precision, rows.timeline.segment)
    assert len(events.axial) == len(events.frame) < len(rows.frame)
    assert events.axial.sum() == pytest.approx(rows.axial.sum(), rel=1e-5)
    assert not np.allclose(events.axial, events.weight)
    chosen = events.positions[:, 0] > np.median(events.positions[:, 0])
    some = events.take(chosen)
    for name in ("positions", "frame", "weight", "axial"):
        np.testing.assert_array_equal(getattr(some, name), getattr(events, name)[chosen])
    flat = replace(localizations, uncertainty=np.where([True, True, False], uncertainty, np.nan))
    rows = WeightedLocalizations.of(flat, scene.precision)
    events = rows.events(still, scene.precision, rows.timeline.segment).take(chosen[:0])
    assert not len(events.frame)
    assert events.axial is events.weight
    assert rows.axial is rows.weight

"""Jumps: that they are seen, in which frame they are, and that a random walk has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.density import COARSE, Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.methods.overlap.jumps import JumpRange, jump_ranges, place_jumps
from smlm_accessor.timeline import Windows
from tests import scenes
from tests.scenes import Scene

N_FRAMES, AT = 1_000, 437


def estimated(
    scene: Scene, start: FloatArray
) -> tuple[WeightedLocalizations, Windows, Density, DriftEstimate]:
    """An estimate from a start that knows the course of the sample but not the frame."""
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    windows = rows.timeline.regular(10)
    drift = start[rows.timeline.frames]
    events = rows.events(drift, scene.precision, rows.timeline.segment)
    density = Density.of(events, drift, scene.precision, COARSE, 1)
    return rows, windows, density, iterate(drift, windows, density, rounds=3, tolerance=0.3)


@pytest.mark.parametrize("on", [1.0, 5.0])
def test_a_jump_is_placed_at_its_frame(on: float) -> None:
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: [60, -40]})
    start = scenes.jumping(scenes.linear(N_FRAMES), {AT - 6: [60, -40]})
    still = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10, on=on)
    scene = still.drifting(drift)
    rows, windows, density, estimate = estimated(scene, start)
    ranges = jump_ranges(estimate, windows, rows.timeline)
    frames = rows.timeline.frames
    assert ranges
    assert frames[ranges[0].start] <= AT < frames[ranges[-1].stop]
    after, before = ranges[-1].after[-1], ranges[0].before[0]
    np.testing.assert_allclose(after - before, [60, -40], atol=3)
    timeline, placed = place_jumps(ranges, estimate.drift, density, rows)
    assert timeline.jumps.tolist() == [AT]
    error = placed - drift[frames]
    assert np.abs(error - np.median(error, axis=0)).max() < 4


@pytest.mark.parametrize("drift", [scenes.linear(N_FRAMES), scenes.random_walk(N_FRAMES, 1.0)])
def test_without_jumps_none_is_seen(drift: Any) -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10).drifting(drift)
    rows, windows, _, estimate = estimated(scene, drift)
    assert jump_ranges(estimate, windows, rows.timeline) == []


def test_a_jump_that_is_known_is_not_seen_again() -> None:
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: [60, -40]})
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10).drifting(drift)
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    timeline = rows.timeline.with_jumps(np.array([AT]))
    at = drift[timeline.frames]
    events = rows.events(at, scene.precision, timeline.segment)
    density = Density.of(events, at, scene.precision, COARSE, 1)
    windows = timeline.regular(10)
    estimate = iterate(at, windows, density, rounds=3, tolerance=0.3)
    assert jump_ranges(estimate, windows, timeline) == []


def test_two_jumps_near_each_other_are_placed_both() -> None:
    """An excursion of 12 frames: its windows are fewer than those that are looked at around."""
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: [60, -40], AT + 12: [-60, 40]})
    still = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=20, on=1.0)
    scene = still.drifting(drift)
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    at = scene.drift[rows.timeline.frames]
    windows = rows.timeline.regular(4)
    events = rows.events(at, scene.precision, rows.timeline.segment)
    density = Density.of(events, at, scene.precision, COARSE, 1)
    estimate = iterate(at, windows, density, rounds=3, tolerance=0.3)
    ranges = jump_ranges(estimate, windows, rows.timeline)
    timeline, _ = place_jumps(ranges, estimate.drift, density, rows)
    assert timeline.jumps.tolist() == [AT, AT + 12]


def test_levels_that_nothing_supports_are_left_out() -> None:
    """Of two breaks with nothing at the level between them, one jump is left."""
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: [60, -40]})
    still = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10, on=1.0)
    scene = still.drifting(drift)
    rows, windows, density, estimate = estimated(scene, drift)
    found = jump_ranges(estimate, windows, rows.timeline)[0]
    between = np.full_like(found.after, 5_000.0)
    two = [
        JumpRange(found.start, found.stop - 20, found.before[:-20], between[:-20]),
        JumpRange(found.stop - 30, found.stop, between[-30:], found.after[-30:]),
    ]
    timeline, _ = place_jumps(two, estimate.drift, density, rows)
    assert timeline.jumps.tolist() == [AT]

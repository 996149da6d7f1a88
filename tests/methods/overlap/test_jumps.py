"""Jumps: that they are seen, in which frame they are, and that a random walk has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, iterate
from smlm_accessor.methods.overlap.jumps import jump_ranges, place_jumps
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
    density = Density(events, drift, 2.5 * scene.precision, 1)
    return rows, windows, density, iterate(drift, windows, density, rounds=3, tolerance=0.3)


@pytest.mark.parametrize("on", [1.0, 5.0])
def test_a_jump_is_placed_at_its_frame(on: float) -> None:
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: [60, -40]})
    start = scenes.jumping(scenes.linear(N_FRAMES), {AT - 6: [60, -40]})
    still = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10, on=on)
    scene = still.drifting(drift)
    rows, windows, density, estimate = estimated(scene, start)
    ranges = jump_ranges(estimate, windows)
    assert len(ranges) == 1
    frames = rows.timeline.frames
    assert frames[ranges[0].start] <= AT < frames[ranges[0].stop]
    np.testing.assert_allclose(ranges[0].after - ranges[0].before, [60, -40], atol=3)
    timeline, placed = place_jumps(
        ranges, estimate.drift, rows.unmerged(density.events.start), rows.timeline, density.width, 1
    )
    assert timeline.jumps.tolist() == [AT]
    error = placed - drift[frames]
    assert np.abs(error - np.median(error, axis=0)).max() < 4


@pytest.mark.parametrize("drift", [scenes.linear(N_FRAMES), scenes.random_walk(N_FRAMES, 1.0)])
def test_without_jumps_none_is_seen(drift: Any) -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10).drifting(drift)
    _, windows, _, estimate = estimated(scene, drift)
    assert jump_ranges(estimate, windows) == []


def test_a_jump_that_is_known_is_not_seen_again() -> None:
    drift = scenes.jumping(scenes.linear(N_FRAMES), {AT: [60, -40]})
    scene = scenes.blinking(scenes.sites(), n_frames=N_FRAMES, per_frame=10).drifting(drift)
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    timeline = rows.timeline.with_jumps(np.array([AT]))
    at = drift[timeline.frames]
    density = Density(
        rows.events(at, scene.precision, timeline.segment), at, 2.5 * scene.precision, 1
    )
    windows = timeline.regular(10)
    estimate = iterate(at, windows, density, rounds=3, tolerance=0.3)
    assert jump_ranges(estimate, windows) == []
